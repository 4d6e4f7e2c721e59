"""Which alarms an endpoint has: pure functions from its spec and its signals to CloudWatch's arguments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from modelberth.aws.monitoring.alarm import PERIOD_SECONDS, Watched, alarm, share
from modelberth.spec.rollout import Canary

__all__ = ["alarms"]

_FAILED: Final = 0.05
_REFUSED: Final = 0.01
_SATURATED: Final = 0.8
_SPILLED: Final = 0.1
_OF_TIMEOUT: Final = 0.8
_MINUTE_SECONDS: Final = 60


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
            *_guards(watched, actions),
        ]
    )


def _failing(watched: Watched, actions: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    # With a promise its burn rate tells the same, and sooner or later as the promise allows.
    if watched.plan.spec.monitoring.slo is not None or not watched.signals.has("failed", "requests"):
        return
    yield (
        "errors",
        alarm(
            watched.plan,
            "errors",
            share(watched.signals, "failed", "requests", PERIOD_SECONDS),
            _FAILED,
            severity="critical",
            summary=f"more than {_FAILED:.0%} of the requests of five minutes failed.",
            runbook="compare the versions on the dashboard, read the log, and roll back if it began with a "
            "change.",
            actions=actions,
        ),
    )


def _refusing(watched: Watched, actions: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    if not watched.signals.has("refused", "accepted"):
        return
    yield (
        "refusals",
        alarm(
            watched.plan,
            "refusals",
            share(watched.signals, "refused", "accepted", PERIOD_SECONDS, besides=True),
            _REFUSED,
            severity="warning",
            summary=f"more than {_REFUSED:.0%} of the requests of five minutes were refused: there was no "
            "replica for them.",
            runbook="raise scaling.max; if it is not reached, the account's own limit is: ask AWS for more.",
            actions=actions,
        ),
    )


def _slow(watched: Watched, actions: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    if not watched.signals.has("latency"):
        return
    spec, metric = watched.plan.spec, watched.signals.metrics["latency"]
    promised = spec.monitoring.slo.latency_p99 if spec.monitoring.slo is not None else None
    if promised is not None:
        seconds, why = promised.seconds, f"monitoring.slo.latency_p99, {promised}"
    else:
        seconds = _OF_TIMEOUT * spec.limits.timeout.seconds
        why = f"{_OF_TIMEOUT:.0%} of limits.timeout, {spec.limits.timeout}"
    yield (
        "latency",
        alarm(
            watched.plan,
            "latency",
            # Of few requests the 99th percentile is the slowest: hence three periods in a row.
            # Without those CloudWatch holds to be too few (1000 for p99) it would never be seen.
            [watched.signals.query("latency", PERIOD_SECONDS, statistic="p99", returned=True)],
            metric.measured(seconds),
            severity="warning" if promised is None else "critical",
            summary=f"the 99th percentile of the latency has been above {why}, for a quarter of an hour.",
            runbook="compare it with the traffic: more processor or a smaller model if each request takes "
            "long, more replicas kept ready if it is the cold starts.",
            periods=3,
            actions=actions,
        ),
    )


def _saturated(watched: Watched, actions: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    # A single place is taken by every request: there only a refusal tells that it is too few.
    if watched.capacity is None or watched.capacity < 2 or not watched.signals.has("in_progress"):
        return
    yield (
        "saturation",
        alarm(
            watched.plan,
            "saturation",
            [watched.signals.query("in_progress", _MINUTE_SECONDS, returned=True)],
            _SATURATED * watched.capacity,
            severity="warning",
            summary=f"more than {_SATURATED:.0%} of the {watched.capacity} requests that may be in progress "
            "at once were, in each of ten minutes.",
            runbook="raise scaling.max, or look why a request takes longer than it did.",
            periods=10,
            actions=actions,
        ),
    )


def _cold(watched: Watched, actions: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    if not watched.warm or not watched.signals.has("spilled", "accepted"):
        return
    yield (
        "cold-starts",
        alarm(
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
        ),
    )


def _guards(watched: Watched, actions: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what must hold at the new version of a canary, while it is told apart."""
    rollout, signals = watched.plan.spec.rollout, watched.signals
    if not isinstance(rollout, Canary):
        return
    back = "set rollout.step to 0: every request goes to the previous model. Then read the new one's log."
    guard = rollout.guard
    if guard.max_error_percent is not None and signals.has("new_failed", "new_requests"):
        yield (
            "guard-errors",
            alarm(
                watched.plan,
                "guard-errors",
                share(signals, "new_failed", "new_requests", PERIOD_SECONDS, above=0),
                guard.max_error_percent / 100,
                severity="critical",
                summary="the new version fails in more of its requests than rollout.guard.max_error_percent, "
                f"{guard.max_error_percent:g}.",
                runbook=back,
                actions=actions,
            ),
        )
    if guard.max_latency_p99 is not None and signals.has("new_latency"):
        yield (
            "guard-latency",
            alarm(
                watched.plan,
                "guard-latency",
                [signals.query("new_latency", PERIOD_SECONDS, statistic="p99", returned=True)],
                signals.metrics["new_latency"].measured(guard.max_latency_p99.seconds),
                severity="critical",
                summary="the 99th percentile of the new version's latency is above "
                f"rollout.guard.max_latency_p99, {guard.max_latency_p99}.",
                runbook=back,
                actions=actions,
            ),
        )
