"""How names, values, times and causes are written in a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from modelberth.errors import is_secret, shown
from modelberth.preview.concealment import concealed
from modelberth.preview.plan import Difference, Marker, Op, Plan, Step

__all__ = ["because", "changes", "code", "listed", "name", "percent", "span", "value"]

_LONGEST: Final = 80
_DIGEST: Final = re.compile(r"\b([0-9a-f]{8})[0-9a-f]{56}\b")
_MINUTE: Final = 60
_SECONDS_UP_TO: Final = 90
"""Up to here a time reads better in seconds."""


def code(text: str) -> str:
    """A name or a path, marked as such; it cannot end the mark."""
    return "`" + re.sub(r"[`\s]+", "'", text) + "`"


def name(step: Step) -> str:
    """A resource by its name in the program."""
    return code(step.name)


def value(given: Any, path: str = "") -> str:
    """A value for people: shortened, and hidden where it is, or may be, a secret."""
    given = concealed(given, path, Marker.SECRET)
    if isinstance(given, Marker):
        return f"({given.value})"
    if is_secret(path):
        return f"({Marker.SECRET.value})"
    if isinstance(given, str):
        return shown(_DIGEST.sub(r"\1…", given)).replace("`", "'")
    return shown(given)


def changes(differences: Iterable[Difference], most: int = 3) -> str:
    """What changes, each with its values: `` `replicas` 1 → 2 and `port` 80 → 81 ``."""
    return listed([_change(difference) for difference in differences], most)


def _change(difference: Difference) -> str:
    if any(_is_long(side) for side in (difference.before, difference.after)):
        after = f" → {value(difference.after)}" if isinstance(difference.after, Marker) else ""
        return f"{code(difference.path)}{after}"
    before, after = (value(side, difference.path) for side in (difference.before, difference.after))
    return f"{code(difference.path)} {before} → {after}"


def _is_long(side: Any) -> bool:
    # Two long values would be cut to the same beginning, and documents read better in the raw diff.
    return isinstance(side, str) and (len(_DIGEST.sub(r"\1", side)) > _LONGEST or "\n" in side)


def listed(items: Sequence[str], most: int = 3) -> str:
    """`a`, `a and b`, `a, b and 4 more`."""
    shortened = [*items[:most], f"{len(items) - most} more"] if len(items) > most else list(items)
    return " and ".join(filter(None, [", ".join(shortened[:-1]), shortened[-1]])) if shortened else ""


def percent(share: float) -> str:
    """A share of 100, without needless digits."""
    return f"{round(share, 1):g}%"


def span(seconds: tuple[int, int]) -> str:
    """A time, shortest and longest: `about 4 to 9 minutes`."""
    unit, size = ("seconds", 1) if seconds[1] <= _SECONDS_UP_TO else ("minutes", _MINUTE)
    low, high = (max(1, round(bound / size)) for bound in seconds)
    if low == high:
        return f"about {low} {unit if low > 1 else unit.removesuffix('s')}"
    return f"about {low} to {high} {unit}"


def because(step: Step, plan: Plan) -> str:
    """Why a resource is replaced: the properties, and the replaced resource that they come from."""
    causes = [difference for difference in step.differences if difference.replaces]
    if not causes:
        return ""
    found = [_origin(difference, step, plan) for difference in causes]
    origins = dict.fromkeys(name(other) for other in found if other and not _comes_from(other, step, plan))
    verb = "changes" if len(causes) == 1 else "change"
    text = f"{listed([code(difference.path) for difference in causes])} {verb}"
    return f"{text} with {listed(list(origins))}, which is replaced" if origins else text


def _comes_from(step: Step, other: Step, plan: Plan) -> bool:
    """Whether a resource is itself replaced because of another one: neither explains the other then."""
    causes = (difference for difference in step.differences if difference.replaces)
    return any(_origin(difference, step, plan) is other for difference in causes)


def _origin(difference: Difference, step: Step, plan: Plan) -> Step | None:
    """The replaced resource that the value came from, where that can be told."""
    before = difference.before
    if not isinstance(before, str) or not before:
        return None
    for other in plan.steps:
        if other.op is not Op.REPLACE or other is step:
            continue
        keys = [key for key, output in other.outputs_before.items() if output == before]
        # A known value may also be the same in two resources because the program gives it to both.
        if keys and (difference.after is Marker.UNKNOWN or any(key not in other.inputs for key in keys)):
            return other
    return None
