"""Bounds of a request that a service sets by the way in, and the way in that would do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Protocol

from modelberth.errors import Problem
from modelberth.spec.quantities import Bytes

if TYPE_CHECKING:
    from modelberth.spec.limits import Limits

__all__ = ["bound_problems"]


class _Way(Protocol):
    """A way in, as the service's table has it."""

    @property
    def title(self) -> str: ...
    @property
    def body_bytes(self) -> int: ...
    @property
    def timeout_seconds(self) -> int: ...


def bound_problems(
    given: Limits, ways: Mapping[str, _Way], kind: str, field: str, whose: str
) -> Iterator[Problem]:
    """Yield limits that the service undercuts by the way in that is taken.

    Args:
        given: of the spec
        ways: every way in, by its kind
        kind: of the one that is taken
        field: of the target that chooses it, such as `target.mode`
        whose: hop it is, such as `SageMaker's API`

    """
    way = ways[kind]
    hint = f"The hop that binds is {whose}: {way.title} takes no more."
    if given.max_body > way.body_bytes:
        allowed = f"at most {Bytes(way.body_bytes)} with {field} {kind}"
        larger = [name for name, one in ways.items() if one.body_bytes >= given.max_body]
        yield Problem("limits.max_body", str(given.max_body), allowed, hint + _instead(field, larger))
    if given.timeout.seconds > way.timeout_seconds:
        allowed = f"at most {way.timeout_seconds} s with {field} {kind}"
        longer = [name for name, one in ways.items() if one.timeout_seconds >= given.timeout.seconds]
        yield Problem("limits.timeout", str(given.timeout), allowed, hint + _instead(field, longer))


def _instead(field: str, kinds: list[str]) -> str:
    return f" With {field} {' or '.join(kinds)} it can be had." if kinds else ""
