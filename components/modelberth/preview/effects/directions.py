"""Which way a property goes: up, down, off. Kubernetes quantities and seconds are numbers too."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from modelberth.preview.plan import Marker

__all__ = ["DIRECTIONS", "magnitude"]

_NUMBER: Final = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>[a-zA-Z]{0,2})")
_UNITS: Final = {
    "": 1.0,
    "s": 1.0,
    "m": 1e-3,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "Ki": 2.0**10,
    "Mi": 2.0**20,
    "Gi": 2.0**30,
    "Ti": 2.0**40,
}
"""Suffixes of a Kubernetes quantity (its `resource.Quantity`), and seconds as Google writes them."""


def magnitude(given: Any) -> float | None:
    """A value as a number; None where it is none."""
    if isinstance(given, bool):
        return None
    if isinstance(given, int | float):
        return float(given)
    match = _NUMBER.fullmatch(given) if isinstance(given, str) else None
    if match is None or match["unit"] not in _UNITS:
        return None
    return float(match["number"]) * _UNITS[match["unit"]]


def _compared(before: Any, after: Any) -> float:
    """Above 0: raised; below: lowered; 0 where that cannot be told."""
    old, new = magnitude(before), magnitude(after)
    return 0.0 if old is None or new is None else new - old


def _is_on(given: Any) -> bool:
    return given is True or (isinstance(given, str) and given.lower() in {"enabled", "true"})


def _is_known(given: Any) -> bool:
    return given not in (Marker.UNKNOWN, Marker.SECRET)


DIRECTIONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "any": lambda before, after: before != after or isinstance(before, Marker),
    "raised": lambda before, after: _compared(before, after) > 0,
    "lowered": lambda before, after: _compared(before, after) < 0,
    "to_zero": lambda before, after: _compared(before, after) < 0 and magnitude(after) == 0,
    "off": lambda before, after: _is_on(before) and _is_known(after) and not _is_on(after),
    "on": lambda before, after: _is_on(after) and _is_known(before) and not _is_on(before),
    "removed": lambda before, after: before is not None and after is None,
}
"""Tells of two sides, either of which may be None, whether a property went that way."""
