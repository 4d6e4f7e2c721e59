"""Which alarms an endpoint has: pure functions from its spec and its signals to CloudWatch's arguments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from modelberth.aws.monitoring.alarm import PERIOD_SECONDS, Watched, alarm, share
from modelberth.aws.monitoring.guard_alarms import guard_alarms
from modelberth.latency_bound import latency_bound

__all__ = ["alarms"]

_FAILED: Final = 0.05
_REFUSED: Final = 0.01
_SATURATED: Final = 0.8
_SPILLED: Final = 0.1
_MINUTE_SECONDS: Final = 60
# SageMaker: until an instance is there, before anything starts on it.
_WAKE_SECONDS: Final = 600


def alarms(watched: Watched, actions: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """Return the alarms by role, as arguments of `MetricAlarm`; those on a promise are in `burn_alarms`.

    Args:
        watched: the endpoint
        actions: ARNs of the SNS topics that are told

    """
    return dict(
        [
            *_failing(watched, actions),
            *_refusing(watched, actions),
            *_slow(watched, actions),
            *_saturated(watched, actions),
            *_cold(watched, actions),
            *_waiting(watched, actions),
            *guard_alarms(watched, actions),
        ]
    )


def _failing(watched: Watched, actions: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    # With a promise its burn rate tells the same, and sooner or later as the promise allows.
    if watched.plan.spec.monitoring.slo is not None or not watched.signals.has("failed", "requests"):
        return
    yield alarm(
        watched.plan,
        "errors",
        share(watched.signals, "failed", "requests", PERIOD_SECONDS),
        _FAILED,
        severity="critical",
        summary=f"more than {_FAILED:.0%} of the requests of five minutes failed.",
        runbook="compare the versions on the dashboard, read the log, and roll back if it began with a "
        "change.",
        actions=actions,
    )


def _refusing(watched: Watched, actions: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    if not watched.signals.has("refused", "accepted"):
        return
    yield alarm(
        watched.plan,
        "refusals",
        share(watched.signals, "refused", "accepted", PERIOD_SECONDS, besides=True),
        _REFUSED,
        severity="warning",
        summary=f"more than {_REFUSED:.0%} of the requests of five minutes were refused: there was no "
        "replica for them.",
        runbook="raise scaling.max; if it is not reached, the account's own limit is: ask AWS for more.",
        actions=actions,
    )


def _slow(watched: Watched, actions: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    if not watched.signals.has("latency"):
        return
    bound, metric = latency_bound(watched.plan.spec), watched.signals.metrics["latency"]
    yield alarm(
        watched.plan,
        "latency",
        # Of few requests the 99th percentile is the slowest: hence three periods in a row.
        # Without those CloudWatch holds to be too few (1000 for p99) it would never be seen.
        watched.signals.queries("latency", PERIOD_SECONDS, statistic="p99", returned=True),
        metric.measured(bound.seconds),
        severity="critical" if bound.is_promised else "warning",
        summary=f"the 99th percentile of the latency has been above {bound.why}, for a quarter of an hour.",
        runbook="compare it with the traffic: more processor or a smaller model if each request takes "
        "long, more replicas kept ready if it is the cold starts.",
        periods=3,
        actions=actions,
    )


def _saturated(watched: Watched, actions: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    runbook = "raise scaling.max, or look why a request takes longer than it did."
    if watched.signals.has("used"):
        yield alarm(
            watched.plan,
            "saturation",
            watched.signals.queries("used", _MINUTE_SECONDS, returned=True),
            _SATURATED,
            severity="warning",
            summary=f"more than {_SATURATED:.0%} of the requests that may be in progress at once were, in "
            "each of ten minutes.",
            runbook=runbook,
            periods=10,
            actions=actions,
        )
        return
    # A single place is taken by every request: there only a refusal tells that it is too few.
    if watched.capacity is None or watched.capacity < 2 or not watched.signals.has("in_progress"):
        return
    where = " at a replica" if watched.replicas is not None else ""
    yield alarm(
        watched.plan,
        "saturation",
        watched.signals.queries("in_progress", _MINUTE_SECONDS, returned=True),
        _SATURATED * watched.capacity,
        severity="warning",
        summary=f"more than {_SATURATED:.0%} of the {watched.capacity} requests that may be in progress at "
        f"once{where} were, in each of ten minutes.",
        runbook=runbook,
        periods=10,
        actions=actions,
    )


def _cold(watched: Watched, actions: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    if not watched.warm or not watched.signals.has("spilled", "accepted"):
        return
    yield alarm(
        watched.plan,
        "cold-starts",
        share(watched.signals, "spilled", "accepted", PERIOD_SECONDS),
        _SPILLED,
        severity="warning",
        summary=f"more than {_SPILLED:.0%} of the requests found none of the {watched.warm} replicas "
        "that are kept ready free, for a quarter of an hour.",
        runbook="raise scaling.min.",
        periods=3,
        actions=actions,
    )


def _waiting(watched: Watched, actions: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    if not watched.signals.has("oldest"):
        return
    limits = watched.plan.spec.limits
    seconds = _WAKE_SECONDS + limits.startup_timeout.seconds + limits.timeout.seconds
    yield alarm(
        watched.plan,
        "waiting",
        watched.signals.queries("oldest", PERIOD_SECONDS, returned=True),
        watched.signals.metrics["oldest"].measured(seconds),
        severity="warning",
        summary=f"the oldest request has been in the queue for more than {seconds:g} seconds: longer than "
        "an instance takes to start and the request to be computed.",
        runbook="look whether instances start at all (the endpoint's status, the account's quota) and how "
        "many requests wait on the dashboard; raise scaling.max, or lower scaling.target.",
        actions=actions,
    )
