"""Alerts on the new version of a canary, while two versions serve."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from modelberth.gcp.monitoring.alert import Alert, Watched
from modelberth.gcp.monitoring.signals import VERSION
from modelberth.spec.rollout import Canary

__all__ = ["guard_alerts"]

_WINDOW: Final = "5m"
_LASTING_SECONDS: Final = 60
_BACK: Final = "set rollout.step to 0: every request goes to the previous model. Then read the new one's log."


def guard_alerts(watched: Watched) -> Iterator[Alert]:
    """Yield what must hold of the new version; a single failed request is enough to tell."""
    rollout = watched.plan.spec.rollout
    if not isinstance(rollout, Canary) or VERSION not in watched.signals.where:
        return
    guard, queries = rollout.guard, watched.queries
    if guard.max_error_percent is not None:
        share = queries.share("failed", _WINDOW, version=True)
        yield Alert(
            "guard-errors",
            "critical",
            "the new version fails in more of its requests than rollout.guard.max_error_percent, "
            f"{guard.max_error_percent:g}.",
            _BACK,
            expression=f"{share} > {guard.max_error_percent / 100:g}",
            lasting=_LASTING_SECONDS,
        )
    if guard.max_latency_p99 is not None:
        slow = queries.quantile(0.99, "latency", _WINDOW, version=True)
        bound = watched.signals.metrics["latency"].measured(guard.max_latency_p99.seconds)
        yield Alert(
            "guard-latency",
            "critical",
            "the 99th percentile of the new version's latency is above rollout.guard.max_latency_p99, "
            f"{guard.max_latency_p99}.",
            _BACK,
            expression=f"{slow} > {bound:g}",
            lasting=_LASTING_SECONDS,
        )
