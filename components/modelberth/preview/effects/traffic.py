"""Rule for what splits the calls: which share went where before, and where it goes now."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from modelberth.preview.plan import Marker, Plan, Step

from .effect import Calls, Effect, Kind, Severity
from .rule import Rule
from .wording import listed, name, percent, value

__all__ = ["Shares", "mapped", "moves", "shares_of"]

Shares = Mapping[str, float]
"""Percent of the calls by who gets them, such as `revision 'v2'`."""


def moves(shares: Callable[[Mapping[str, Any]], Shares], *paths: str, calls: Calls = Calls.SAFE) -> Rule:
    """Rule for a resource whose inputs at `paths` split the calls.

    `calls` is unknown for a service that sends calls to what may not be there or not be ready.
    """

    def rule(step: Step, _plan: Plan) -> Iterator[Effect]:
        if step.before is None or step.after is None:
            return
        before, after = shares(step.before), shares(step.after)
        moved = [
            f"{who} {percent(before.get(who, 0))} → {percent(after.get(who, 0))}"
            for who in [*after, *(who for who in before if who not in after)]
            if round(before.get(who, 0), 1) != round(after.get(who, 0), 1)
        ]
        if before and after and moved:
            yield Effect(
                kind=Kind.TRAFFIC_MOVED,
                severity=Severity.CHANGE,
                sentence=f"The calls to {name(step)} are split anew: {listed(moved, 6)}.",
                urn=step.urn,
                paths=tuple(difference.path for difference in step.changed(*paths)),
                calls=calls,
            )

    return rule


def shares_of(weights: Iterable[tuple[str, Any]]) -> Shares:
    """Shares of 100 from weights by name; nothing where a weight is not known yet."""
    total: dict[str, float] = {}
    for who, weight in weights:
        if isinstance(weight, bool) or not isinstance(weight, int | float):
            return {}
        total[who] = total.get(who, 0) + weight
    whole = sum(total.values())
    return {who: 100 * weight / whole for who, weight in total.items() if weight} if whole else {}


def mapped(weights: Any, noun: str) -> Shares:
    """Shares from a mapping of names to weights, or from such a mapping as JSON."""
    if isinstance(weights, str):
        try:
            weights = json.loads(weights)
        except ValueError:
            return {}
    if not isinstance(weights, Mapping) or isinstance(weights, Marker):
        return {}
    return shares_of((f"{noun} {value(str(who))}", weight) for who, weight in weights.items())
