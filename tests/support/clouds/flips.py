"""Each control undone, one property of a good program at a time: what checkov has to see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from support.clouds.graph import Graph, Resource

__all__ = ["GONE", "Flip", "flipped"]

GONE: Final = object()
"""The property is taken away."""


@dataclass(frozen=True)
class Flip:
    """One property that undoes a row.

    Attributes:
        row: of the controls
        name: of the resource in the good program
        path: of the property, parts of nested ones with a dot
        value: that undoes the row
        check: of checkov, that has to fail then
        of: resource that it fails for, where that is another one

    """

    row: str
    name: str
    path: str
    value: Any
    check: str
    of: str = ""


def flipped(good: Graph, flips: Sequence[Flip]) -> Graph:
    """The good program with every row undone at once.

    Raises:
        KeyError: the good program has no resource of a flip's name.

    """
    left = {flip.name for flip in flips} - {one.name for one in good.resources}
    if left:
        raise KeyError(f"the good program has no {', '.join(sorted(left))}")
    return Graph(tuple(_undone(one, flips) for one in good.resources))


def _undone(one: Resource, flips: Sequence[Flip]) -> Resource:
    inputs, outputs = dict(one.inputs), dict(one.outputs)
    for flip in flips:
        if flip.name == one.name:
            inputs, outputs = (_set(side, flip.path.split("."), flip.value) for side in (inputs, outputs))
    return replace(one, inputs=inputs, outputs=outputs)


def _set(side: Mapping[str, Any], path: list[str], value: Any) -> dict[str, Any]:
    key, *below = path
    if below:
        return {**side, key: _set(side.get(key) or {}, below, value)}
    kept = {name: given for name, given in side.items() if name != key}
    return kept if value is GONE else {**kept, key: value}
