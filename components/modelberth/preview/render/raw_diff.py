"""The raw diff: for each resource that changes its properties, before and after."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from modelberth.preview.concealment import json_text
from modelberth.preview.plan import Difference, Marker, Op, Plan, Step, differences

from .plain import plain, shortened
from .values import concealed, written

__all__ = ["DiffLine", "raw_diff"]

_LONGEST: Final = 120
"""Characters of a value that are shown."""
_MOST_LINES: Final = 20
"""Lines that are shown of a text of several lines."""

_SIGNS: Final = {Op.CREATE: "+", Op.UPDATE: "~", Op.REPLACE: "~", Op.DELETE: "-"}
_WORDS: Final = {
    Op.CREATE: "is created",
    Op.UPDATE: "changes",
    Op.REPLACE: "is replaced, the new one comes first",
    Op.DELETE: "is removed",
}


@dataclass(frozen=True)
class DiffLine:
    """One line; the sign is `+`, `-` or `~`."""

    sign: str
    text: str
    heading: bool = False
    """Whether it names a resource; the lines after it are its properties."""

    def __str__(self) -> str:
        return f"{self.sign} {self.text}"


def raw_diff(plan: Plan) -> tuple[DiffLine, ...]:
    """Every change of a plan, in the plan's order, fit to be shown anywhere."""
    return tuple(line for step in plan.steps for line in _resource(step))


def _resource(step: Step) -> Iterator[DiffLine]:
    if step.changes:
        yield DiffLine(_SIGNS[step.op], f"{plain(step.type)} {plain(step.name)}: {_said(step)}", heading=True)
        for difference in _differences(step):
            yield from _property(difference)
    outputs = list(differences(step.outputs_before, step.outputs_after)) if _is_stack(step) else []
    if outputs:
        yield DiffLine("~", f"{plain(step.type)} {plain(step.name)}: its outputs change", heading=True)
        for difference in outputs:
            yield from _property(difference)


def _is_stack(step: Step) -> bool:
    return step.type == "pulumi:pulumi:Stack"


def _said(step: Step) -> str:
    if step.op is Op.DELETE and step.retain:
        return "leaves the stack, the real thing stays"
    if step.op is Op.REPLACE and step.delete_first:
        return "is replaced, the old one goes first"
    return _WORDS[step.op]


def _differences(step: Step) -> Iterator[Difference]:
    if step.op is Op.CREATE:
        for path, value in _leaves(step.after or {}):
            if value is not None:  # which says no more than its absence
                yield Difference(path, Marker.ABSENT, value)
    else:
        yield from step.differences


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf below a value, each under the path that `differences` gives it."""
    empty: Any = {} if isinstance(value, Mapping) else []
    if not value or not isinstance(value, Mapping | list):
        if path:
            yield path, value
        return
    for difference in differences(empty, value, path):
        yield from _leaves(difference.after, difference.path)


def _property(difference: Difference) -> Iterator[DiffLine]:
    path = difference.path
    before, after = concealed(difference.before, path), concealed(difference.after, path)
    where = f"    {plain(path)}"
    why = "  (takes a replacement)" if difference.replaces else ""
    held = (json_text(difference.before), json_text(difference.after))
    if isinstance(before, str) and isinstance(after, str) and None not in held:
        inside = list(differences(*held))
        if not inside:  # what changed is hidden in it
            yield DiffLine("~", f"{where}: {_short(Marker.SECRET)}, changed{why}")
        for inner in inside:
            at = inner.path if inner.path.startswith("[") else f".{inner.path}"
            yield from _property(replace(inner, path=f"{path}{at}", replaces=difference.replaces))
    elif before is Marker.ABSENT:
        yield DiffLine("+", f"{where}: {_short(after)}{why}")
    elif after is Marker.ABSENT:
        yield DiffLine("-", f"{where}: {_short(before)}{why}")
    elif isinstance(before, str) and isinstance(after, str) and "\n" in before + after:
        yield DiffLine("~", f"{where}:{why}")
        yield from _lines(before, after)
    elif before is Marker.SECRET and after is Marker.SECRET:
        yield DiffLine("~", f"{where}: {_short(before)}, changed{why}")
    else:
        yield DiffLine("~", f"{where}: {_short(before)} → {_short(after)}{why}")


def _lines(before: str, after: str) -> Iterator[DiffLine]:
    """The lines in which two texts differ, without those around them."""
    compared = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    changed = [line for line in list(compared)[2:] if not line.startswith("@@")]
    for line in changed[:_MOST_LINES]:
        yield DiffLine(line[0], f"        {shortened(plain(line[1:]), _LONGEST)}")
    if len(changed) > _MOST_LINES:
        yield DiffLine("~", f"        … {len(changed) - _MOST_LINES:,} more lines")


def _short(value: Any) -> str:
    if isinstance(value, str) and "\n" in value:
        first = shortened(plain(value.split("\n", 1)[0]), _LONGEST)
        return f"{written(first)} and {value.count(chr(10)):,} more lines"
    return shortened(written(value), _LONGEST)
