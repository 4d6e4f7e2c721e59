"""What differs between two sets of inputs, property by property."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from modelberth.preview.standins.paths import join, leaves
from modelberth.preview.standins.values import plain
from modelberth.provider.resource import Properties

__all__ = ["DEFAULTS", "Kind", "compare", "keep_defaults"]

Kind = Literal["add", "update", "delete"]

DEFAULTS: Final = "__defaults"
"""Where a bridged provider notes which properties of a mapping it filled in itself."""

_NOTES: Final = frozenset({DEFAULTS, "__internal", "__meta"})


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


def keep_defaults(olds: Properties, news: Properties) -> dict[str, Any]:
    """The new inputs with the defaults that the provider filled in before and the program still leaves out.

    A state that was made with the real provider has such defaults; without them each would look removed.
    """
    kept: dict[str, Any] = _keep(olds, news)
    return kept


def _keep(old: Any, new: Any) -> Any:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        filled = [key for key in old.get(DEFAULTS) or [] if key in old and key not in new]
        merged = {key: _keep(old.get(key), item) for key, item in new.items()}
        merged |= {key: old[key] for key in filled}
        if DEFAULTS in old:
            merged[DEFAULTS] = filled
        return merged
    if isinstance(old, list) and isinstance(new, list):
        return [_keep(old[i] if i < len(old) else None, item) for i, item in enumerate(new)]
    return new
