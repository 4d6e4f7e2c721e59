"""What differs between two sets of inputs, property by property."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from modelberth.preview.standins.imitation.defaults import CREATE_BEFORE_DELETE, DEFAULTS
from modelberth.preview.standins.paths import join, leaves
from modelberth.preview.standins.values import plain
from modelberth.provider.resource import Properties

__all__ = ["Kind", "compare"]

Kind = Literal["add", "update", "delete"]

_NOTES: Final = frozenset({DEFAULTS, CREATE_BEFORE_DELETE, "__internal", "__meta"})
"""What providers write for themselves beside a program's inputs."""


def compare(old: Properties, new: Properties) -> Iterator[tuple[str, Kind]]:
    """The path and kind of each difference; secrets by value, assets by digest, unknown against anything."""
    yield from _compare(plain(old), plain(new), "")


def _compare(old: Any, new: Any, path: str) -> Iterator[tuple[str, Kind]]:
    if old is None or new is None:
        if old is not new:
            yield path, "add" if old is None else "delete"
    elif _is_nested(old) and _is_nested(new):
        for key in [*old, *(key for key in new if key not in old)]:
            if key not in _NOTES:
                yield from _compare(old.get(key), new.get(key), join(path, key))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            before = old[index] if index < len(old) else None
            after = new[index] if index < len(new) else None
            yield from _compare(before, after, join(path, index))
    elif type(old) is bool or type(new) is bool:
        if old is not new:
            yield path, "update"
    elif list(leaves(old)) != list(leaves(new)):
        yield path, "update"


def _is_nested(value: Any) -> bool:
    # An asset is one leaf, with an empty path.
    return isinstance(value, Mapping) and [path for path, _ in leaves(value)] != [""]
