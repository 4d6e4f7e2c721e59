"""Templates of the table of outputs: text with inputs, earlier outputs and made-up digits in braces."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from modelberth.preview.standins.imitation.plausible import Seed

__all__ = ["Text", "Words", "filled", "text"]

_ONLY: Final = re.compile(r"\{(\w+)\}")


class Text(str):
    """Text with the formats of the table: `:last`, `:lower` and `:plain`."""

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        match spec:
            case "last":
                return re.split(r"[:/]", self)[-1]
            case "lower":
                return self.lower()
            case "plain":
                return self.replace("-", "")
            case _:
                return super().__format__(spec)


class Words(dict[str, Any]):
    """What a row may name; digits of any length are made when asked for."""

    def __init__(self, seed: Seed, known: Mapping[str, Any]) -> None:
        super().__init__(known)
        self._seed = seed

    def __missing__(self, key: str) -> str:
        made = re.fullmatch(r"(hex|HEX|digits)(\d+)", key)
        if not made:
            raise KeyError(key)
        length = int(made[2])
        if made[1] == "digits":
            return self._seed.digits(length)
        return self._seed.hex(length) if made[1] == "hex" else self._seed.hex(length).upper()


def filled(template: Any, words: Words) -> Any:
    """A template, or lists and mappings of them, with its words filled in.

    Raises:
        KeyError: it takes an input that was not given.
    """
    match template:
        case str():
            only = _ONLY.fullmatch(template)
            value = words[only[1]] if only else template.format_map(words)
            return str(value) if isinstance(value, Text) else value
        case list():
            return [filled(item, words) for item in template]
        case dict():
            return {key: filled(item, words) for key, item in template.items()}
        case _:
            return template


def text(value: Any) -> Any:
    """The value as a template can take it."""
    return Text(value) if isinstance(value, str) else value
