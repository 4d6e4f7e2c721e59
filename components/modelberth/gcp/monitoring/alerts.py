"""Which alerts an endpoint has: pure functions from its spec and its signals to PromQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from modelberth.gcp.monitoring.alert import Alert, Watched
from modelberth.gcp.monitoring.burn_alerts import burn_alerts
from modelberth.gcp.monitoring.guard_alerts import guard_alerts
from modelberth.gcp.monitoring.queries import ALONE
from modelberth.gcp.monitoring.signals import Role
from modelberth.latency_bound import latency_bound

__all__ = ["alerts"]

_WINDOW: Final = "5m"
_FAILED: Final = 0.05
_REFUSED: Final = 0.01
_SATURATED: Final = 0.8
_PROCESSOR_BUSY: Final = 0.9
_GPU_BUSY: Final = 0.95
_QUARTER: Final = 900
_TEN_MINUTES: Final = 600


def alerts(watched: Watched) -> dict[str, Alert]:
    """Return the alerts by role. None of them is up because nobody calls."""
    found = (
        *_failing(watched),
        *burn_alerts(watched),
        *_refusing(watched),
        *_slow(watched),
        *_unavailable(watched),
        *_at_most(watched),
        *_saturated(watched),
        *_waiting(watched),
        *guard_alerts(watched),
    )
    return {alert.role: alert for alert in found}


def _failing(watched: Watched) -> Iterator[Alert]:
    # With a promise its burn rate tells the same, and sooner or later as the promise allows.
    if watched.plan.spec.monitoring.slo is not None:
        return
    queries = watched.queries
    share, count = queries.failed_share(_WINDOW), queries.failed(_WINDOW, "increase")
    yield Alert(
        "errors",
        "critical",
        f"more than {_FAILED:.0%} of the requests of five minutes failed.",
        "compare the versions on the dashboard, read the log, and roll back if it began with a change.",
        expression=f"{share} > {_FAILED:g} and {count} > {ALONE:g}",
    )


def _refusing(watched: Watched) -> Iterator[Alert]:
    if not watched.signals.has("refused"):
        return
    queries = watched.queries
    share, count = queries.refused_share(_WINDOW), queries.count("refused", _WINDOW)
    yield Alert(
        "refusals",
        "warning",
        f"more than {_REFUSED:.0%} of the requests of five minutes were refused: there was no replica for "
        "them.",
        "if replicas start at all, raise scaling.max, or scaling.min where many come at once; if it is not "
        "reached, the region's quota is: ask Google for more.",
        expression=f"{share} > {_REFUSED:g} and {count} > {ALONE:g}",
    )


def _slow(watched: Watched) -> Iterator[Alert]:
    bound, metric = latency_bound(watched.plan.spec), watched.signals.metrics["latency"]
    slowest = watched.queries.quantile(0.99, "latency", _WINDOW)
    yield Alert(
        "latency",
        "critical" if bound.is_promised else "warning",
        f"the 99th percentile of the latency has been above {bound.why}, for a quarter of an hour.",
        "compare it with the traffic: more processor or a smaller model if each request takes long, more "
        "replicas if requests wait.",
        expression=f"{slowest} > {metric.measured(bound.seconds):g}",
        lasting=_QUARTER,
    )


def _unavailable(watched: Watched) -> Iterator[Alert]:
    queries = watched.queries
    if watched.warm:
        # Without replicas there may be no series at all.
        yield Alert(
            "unavailable",
            "critical",
            f"there has been no replica for ten minutes, though {watched.warm} should be ready.",
            "read the log for why none starts; if it is silent, the region has no machine: ask for another "
            "type or region.",
            expression=f"({queries.gauge('replicas', '10m', 'max')} or vector(0)) < 1",
            lasting=_TEN_MINUTES,
        )
    if watched.signals.has("wanted"):
        yield Alert(
            "replicas-missing",
            "warning",
            "the service wants more replicas than it has had for ten minutes.",
            "read the log for why they do not start; if it is silent, the region has no machine or the "
            "project no quota: ask for another type, region or more quota.",
            expression=f"{queries.gauge('wanted', '10m')} - {queries.gauge('replicas', '10m')} >= 1",
            lasting=_TEN_MINUTES,
        )


def _at_most(watched: Watched) -> Iterator[Alert]:
    # Where their number is fixed there is nothing to run into.
    if watched.replicas is None or watched.replicas <= max(watched.warm, 1):
        return
    yield Alert(
        "at-max",
        "warning",
        f"all {watched.replicas} replicas of scaling.max have been at work for ten minutes.",
        "raise scaling.max before requests wait or are refused, or look why a request takes longer than it "
        "did.",
        # Each version has as many of its own, while two serve.
        expression=f"{watched.queries.most_of_a_version('active', _WINDOW)} >= {watched.replicas}",
        lasting=_TEN_MINUTES,
    )


def _saturated(watched: Watched) -> Iterator[Alert]:
    queries, runbook = watched.queries, "raise scaling.max, or look why a request takes longer than it did."
    # A single place is taken by every request: there only the number of replicas tells that it is too few.
    if watched.signals.has("in_progress") and watched.capacity is not None and watched.capacity > 1:
        places = _SATURATED * watched.capacity
        yield Alert(
            "saturation",
            "warning",
            f"half of the replicas have had more than {_SATURATED:.0%} of the {watched.capacity} requests in "
            "progress that they may have at once, for ten minutes.",
            runbook,
            expression=f"{queries.quantile(0.5, 'in_progress', _WINDOW)} > {places:g}",
            lasting=_TEN_MINUTES,
        )
        return
    with_gpu = watched.plan.spec.resources.gpu is not None
    busy, bound = (_gpus(watched), _GPU_BUSY) if with_gpu else (_processors(watched), _PROCESSOR_BUSY)
    if busy is None:
        return
    yield Alert(
        "saturation",
        "warning",
        f"the {'GPUs' if with_gpu else 'processors'} have been more than {bound:.0%} busy, for ten minutes.",
        runbook,
        expression=f"{busy} > {bound:g}",
        lasting=_TEN_MINUTES,
    )


def _gpus(watched: Watched) -> str:
    """Share of the GPUs' time that they are busy, of half of the replicas at least or as a mean."""
    return _used(watched, "gpu_use")


def _processors(watched: Watched) -> str | None:
    """The same of the processors; None where the service adds up what is not known to be how many."""
    if watched.signals.metrics["cpu_use"].form == "histogram":
        return _used(watched, "cpu_use")
    return None if watched.processors is None else f"{_used(watched, 'cpu_use')} / {watched.processors}"


def _used(watched: Watched, role: Role) -> str:
    queries = watched.queries
    if watched.signals.metrics[role].form == "histogram":
        return queries.quantile(0.5, role, _WINDOW)
    return queries.gauge(role, "10m", by="avg")


def _waiting(watched: Watched) -> Iterator[Alert]:
    if not watched.signals.has("queued"):
        return
    yield Alert(
        "waiting",
        "warning",
        "requests have been waiting for a replica for ten minutes.",
        "look whether replicas start at all, and how long they take; raise scaling.max, or scaling.min where "
        "many come at once.",
        expression=f"{watched.queries.gauge('queued', _WINDOW)} >= 1",
        lasting=_TEN_MINUTES,
    )
