"""The state that a resource has after an operation: its inputs, and what the provider adds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from modelberth.preview.standins.paths import SIGNATURE
from modelberth.preview.standins.values import Secret
from modelberth.provider.resource import Properties

__all__ = ["joined"]

_NOTHING: Final[Properties] = {}


def joined(
    inputs: Properties, computed: Properties, before: Properties = _NOTHING, asked: Properties = _NOTHING
) -> dict[str, Any]:
    """The inputs with what the provider adds beside and inside of them.

    What it added to the inputs `asked` last time, which is what `before` has beside them, stays inside of an
    input; at the top `computed` wins, which says what follows from a change.
    """
    state = {**before, **computed}
    for name, given in inputs.items():
        if given is not None and not name.startswith("__"):
            state[name] = _nested(given, computed.get(name), before.get(name), asked.get(name))
    return state


def _nested(given: Any, computed: Any, before: Any, asked: Any) -> Any:
    if isinstance(given, Secret):
        return Secret(_nested(given.value, *(_bare(value) for value in (computed, before, asked))))
    if isinstance(given, list):
        beside = (_list(value, len(given)) for value in (computed, before, asked))
        return [_nested(*items) for items in zip(given, *beside, strict=True)]
    if not isinstance(given, Mapping) or SIGNATURE in given:
        return given
    new, old, past = (_mapping(value) for value in (computed, before, asked))
    added = {**new, **{key: value for key, value in old.items() if key not in past}}
    inside = {key: _nested(value, new.get(key), old.get(key), past.get(key)) for key, value in given.items()}
    return {**added, **inside}


def _bare(value: Any) -> Any:
    return value.value if isinstance(value, Secret) else value


def _list(value: Any, length: int) -> list[Any]:
    """The items beside those of a list; which belong together is only known where there are as many."""
    bare = _bare(value)
    return bare if isinstance(bare, list) and len(bare) == length else [None] * length


def _mapping(value: Any) -> Mapping[str, Any]:
    bare = _bare(value)
    return bare if isinstance(bare, Mapping) else {}
