"""One environment variable: its name, its default and what its text may be."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from modelberth_server.errors import SettingsError

__all__ = ["PREFIX", "REQUIRED", "Format", "Variable", "between", "listed", "matching"]

PREFIX: Final = "MODELBERTH_"
REQUIRED: Final = object()


@dataclass(frozen=True)
class Format:
    """What the text of a variable may be; `parse` raises ValueError on anything else."""

    allowed: str
    parse: Callable[[str], Any]


@dataclass(frozen=True)
class Variable:
    """One environment variable and the field of `Settings` that it sets."""

    name: str
    default: object
    format: Format
    meaning: str

    @property
    def field(self) -> str:
        """The name of the field: the variable's without its prefix."""
        return self.name.removeprefix(PREFIX).lower()

    def read(self, environ: Mapping[str, str]) -> Any:
        """Return the parsed value, or the default where the variable is not set."""
        text = environ.get(self.name)
        if text is None:
            if self.default is REQUIRED:
                raise SettingsError(f"{self.name}: required, and not set; allowed is {self.format.allowed}")
            return self.default
        try:
            return self.format.parse(text)
        except ValueError:
            raise SettingsError(f"{self.name}: {text!r} is not {self.format.allowed}") from None


def matching(pattern: str, allowed: str, convert: Callable[[str], Any] = str) -> Format:
    """Allow what a regular expression matches as a whole."""

    def parse(text: str) -> Any:
        if re.fullmatch(pattern, text) is None:
            raise ValueError
        return convert(text)

    return Format(allowed, parse)


def between(number: Format, low: float, high: float) -> Format:
    """Allow the numbers of a format from `low` to `high`, both included."""

    def parse(text: str) -> Any:
        value = number.parse(text)
        if not low <= value <= high:
            raise ValueError
        return value

    return Format(f"{number.allowed} from {low} to {high}", parse)


def listed(item: Format) -> Format:
    """Allow several, with commas between them; the value is a tuple."""

    def parse(text: str) -> Any:
        return tuple(item.parse(part.strip()) for part in text.split(",") if part.strip())

    return Format(f"{item.allowed}, or several with commas between", parse)
