"""Alarms on what is new: the version of a canary, and what an update has brought while it goes on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from modelberth.aws.monitoring.alarm import PERIOD_SECONDS, Watched, alarm, share
from modelberth.aws.monitoring.signals import Role
from modelberth.spec.rollout import Canary, Guard

__all__ = ["UPDATE_ERRORS", "UPDATE_LATENCY", "guard_alarms"]

UPDATE_ERRORS: Final = "update-errors"
UPDATE_LATENCY: Final = "update-latency"
"""Roles of the alarms by which a service takes an update back."""


@dataclass(frozen=True, slots=True)
class _New:
    """Something new, by which signals it is told apart, and what its alarms say.

    Attributes:
        errors, latency: roles of its alarms
        requests, failed, slowness: of its signals
        who: it, as the beginning of a sentence
        runbook: what to do
        period: seconds of a data point
        above: this many failures are never enough
        slow_periods: data points that have to be too slow

    """

    errors: str
    latency: str
    requests: Role
    failed: Role
    slowness: Role
    who: str
    runbook: str
    period: int
    above: int
    slow_periods: int


_CANARY: Final = _New(
    "guard-errors",
    "guard-latency",
    "new_requests",
    "new_failed",
    "new_latency",
    "the new version",
    "set rollout.step to 0: every request goes to the previous model. Then read the new one's log.",
    PERIOD_SECONDS,
    0,
    1,
)
# Nobody decides here: the service takes the update back at once, and callers wait for that.
_UPDATE: Final = _New(
    UPDATE_ERRORS,
    UPDATE_LATENCY,
    "updated_requests",
    "updated_failed",
    "updated_latency",
    "what an update has brought",
    "nothing at once, since AWS takes the update back by this alarm; then read the log of the new instances.",
    60,
    1,
    3,
)


def guard_alarms(watched: Watched, actions: Sequence[str] = ()) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what must hold of a canary while it is told apart, and of an update where one is taken back.

    Args:
        watched: the endpoint
        actions: ARNs of the SNS topics that are told

    """
    rollout = watched.plan.spec.rollout
    if isinstance(rollout, Canary):
        yield from _held(watched, rollout.guard, _CANARY, actions)
    if watched.update is not None:
        yield from _held(watched, watched.update, _UPDATE, actions)


def _held(
    watched: Watched, guard: Guard, new: _New, actions: Sequence[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    plan, signals = watched.plan, watched.signals
    errors, latency = guard.max_error_percent, guard.max_latency_p99
    # Without a guard in the spec, the bounds are those that a guard has by itself.
    path = "rollout.guard." if hasattr(plan.spec.rollout, "guard") else ""
    if errors is not None and signals.has(new.failed, new.requests):
        yield alarm(
            plan,
            new.errors,
            share(signals, new.failed, new.requests, new.period, above=new.above),
            errors / 100,
            severity="critical",
            summary=f"{new.who} fails in more of its requests than {path}max_error_percent, {errors:g}.",
            runbook=new.runbook,
            actions=actions,
        )
    if latency is not None and signals.has(new.slowness):
        yield alarm(
            plan,
            new.latency,
            signals.queries(new.slowness, new.period, statistic="p99", returned=True),
            signals.metrics[new.slowness].measured(latency.seconds),
            severity="critical",
            summary=f"the 99th percentile of {new.who}'s latency is above {path}max_latency_p99, {latency}.",
            runbook=new.runbook,
            periods=new.slow_periods,
            actions=actions,
        )
