"""Types that need no price of their own: `rules.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Final

__all__ = ["ByUse", "by_use", "free"]

_FILE: Final = Path(__file__).with_name("rules.toml")


@dataclass(frozen=True, kw_only=True)
class ByUse:
    """Types that are billed for a use that the program does not tell."""

    what: str
    types: tuple[str, ...]
    price: str = ""
    """Id of the price of a unit, where the price file may have one."""
    idle: bool = True
    """Whether it is billed without a single request as well."""


def free(kind: str) -> str | None:
    """Why a type costs nothing, or None where no rule says so."""
    return next((why for pattern, why in _free() if fnmatchcase(kind, pattern)), None)


def by_use(kind: str) -> ByUse | None:
    """The rule of a type that is billed by use, or None."""
    return next((rule for rule in _by_use() if any(fnmatchcase(kind, type_) for type_ in rule.types)), None)


@cache
def _free() -> tuple[tuple[str, str], ...]:
    entries = tomllib.loads(_FILE.read_text(encoding="utf-8"))["free"]
    return tuple((pattern, entry["reason"]) for entry in entries for pattern in entry["types"])


@cache
def _by_use() -> tuple[ByUse, ...]:
    entries = tomllib.loads(_FILE.read_text(encoding="utf-8"))["by_use"]
    return tuple(ByUse(**{**entry, "types": tuple(entry["types"])}) for entry in entries)
