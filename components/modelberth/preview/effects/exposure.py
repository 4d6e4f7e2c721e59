"""What becomes reachable, or usable, by everybody.

A resource has openings: a place in its inputs and what it lets everybody do. What is news is an opening that
the deployed inputs do not have. One that follows from a service's default, or that still asks every caller
for a permission, is news only where it was closed before: a new endpoint is not dangerous for the default.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any, Final, TypeAlias

from modelberth.preview.plan import Op, Plan, Step

from .effect import Calls, Effect, Kind, Severity
from .rule import Rule
from .wording import code, listed, name

__all__ = [
    "CONTROL_PLANE",
    "FROM_OUTSIDE",
    "INTERNET",
    "UNSIGNED",
    "Opening",
    "Openings",
    "guards",
    "is_everywhere",
    "opens",
]

INTERNET: Final = "the whole internet may reach it"
FROM_OUTSIDE: Final = "calls from the internet no longer reach it"
UNSIGNED: Final = "calls without credentials are refused"
_ANNOTATIONS: Final = "metadata.annotations"
"""By them Kubernetes asks a cloud for an internal load balancer."""
CONTROL_PLANE: Final = "its control plane answers the whole internet"


@dataclass(frozen=True, slots=True)
class Opening:
    """One way in for everybody."""

    path: str
    lets: str
    """What it lets happen, such as `anybody may call it unsigned`."""
    by_default: bool = False
    """Whether it is the service's default, or asks callers for a permission all the same."""
    closed: str = ""
    """What befalls callers once it is shut."""

    @property
    def key(self) -> tuple[str, str]:
        """What makes two openings the same: an entry may move within its list."""
        return re.sub(r"\[\d+\]", "[]", self.path), self.lets


Openings: TypeAlias = Callable[[Mapping[str, Any]], Iterable[Opening]]


def opens(openings: Openings) -> Rule:
    """Rule for a resource with openings."""

    def rule(step: Step, _plan: Plan) -> Iterator[Effect]:
        if step.after is None:
            return
        before = {opening.key for opening in openings(step.before)} if step.before is not None else set()
        new = [opening for opening in openings(step.after) if opening.key not in before]
        if step.op is Op.CREATE or step.before is None:
            new = [opening for opening in new if not opening.by_default]
        if new:
            made = "is made public" if step.op is Op.CREATE else "becomes public"
            yield _public(step, made, new)
        still = {opening.key for opening in openings(step.after)}
        gone = [o for o in openings(step.before or {}) if o.closed and o.key not in still]
        # What a list of addresses limits from now on is told with that list.
        shut = [o for o in gone if step.changed(o.path, _ANNOTATIONS)]
        if shut and step.before is not None:
            yield _shut(step, shut)

    return rule


def guards(openings: Openings) -> Rule:
    """Rule for a resource that closes something while it is there: removing it opens all that it closed."""
    watch = opens(openings)

    def rule(step: Step, plan: Plan) -> Iterator[Effect]:
        if step.op is Op.DELETE and not step.retain:
            held = {opening.key for opening in openings(step.before or {})}
            lost = [opening for opening in openings({}) if opening.key not in held]
            if lost:
                yield _public(step, "goes, and what it guarded becomes public", lost)
        else:
            yield from watch(step, plan)

    return rule


def is_everywhere(given: Any) -> bool:
    """Whether an address range is all of IPv4 or IPv6, or one of the words for it."""
    if not isinstance(given, str):
        return False
    if given.lower() in {"*", "internet", "any"}:
        return True
    try:
        return ip_network(given, strict=False).prefixlen == 0
    except ValueError:
        return False


def _shut(step: Step, openings: list[Opening]) -> Effect:
    paths = tuple(dict.fromkeys(opening.path for opening in openings))
    what = listed(list(dict.fromkeys(opening.closed for opening in openings)))
    return Effect(
        kind=Kind.PERMISSIONS_NARROWED,
        severity=Severity.DANGER,
        sentence=f"{name(step)} is shut to callers: {what} ({listed([code(path) for path in paths])}).",
        urn=step.urn,
        paths=paths,
        calls=Calls.MAY_FAIL,
        of_callers=True,
    )


def _public(step: Step, made: str, openings: list[Opening]) -> Effect:
    paths = tuple(dict.fromkeys(opening.path for opening in openings if opening.path))
    lets = listed(list(dict.fromkeys(opening.lets for opening in openings)), 4)
    where = f" ({listed([code(path) for path in paths])})" if paths else ""
    return Effect(
        kind=Kind.NEWLY_PUBLIC,
        severity=Severity.DANGER,
        sentence=f"{name(step)} {made}: {lets}{where}.",
        urn=step.urn,
        paths=paths,
        calls=Calls.SAFE,
    )
