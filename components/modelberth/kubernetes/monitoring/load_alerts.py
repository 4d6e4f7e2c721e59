"""Alerts on what an endpoint has to do: near its limits, refusing, queueing, not seen, losing samples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from modelberth.kubernetes.monitoring.queries import ENDPOINT, REVISION_LABEL, Queries
from modelberth.kubernetes.monitoring.rule import Rule, alert, record

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Plan

__all__ = ["load_alerts", "load_recordings"]

_SATURATED: Final = 0.8
_REFUSED: Final = 0.01
# Above it vLLM soon evicts sequences and computes them again.
_CACHE_FULL: Final = 0.95
_LOST: Final = 0.05


def load_recordings(plan: Plan) -> Iterator[Rule]:
    """Yield rate, errors, latency and saturation of each revision."""
    queries, by = Queries(plan), (REVISION_LABEL,)
    yield record("modelberth:requests:rate5m", queries.request_rate("5m", by=by))
    yield record("modelberth:revision_error_ratio:rate5m", queries.error_ratio("5m", by=by))
    for quantile in (0.5, 0.95, 0.99):
        latency = queries.latency(quantile, "5m", by=by)
        if latency is not None:
            yield record("modelberth:latency_seconds:rate5m", latency, quantile=f"{quantile:g}")
    in_progress = queries.in_progress((REVISION_LABEL,))
    if in_progress is not None:
        limit = plan.spec.limits.concurrency
        yield record("modelberth:saturation:ratio", f"{in_progress} / {limit}")


def load_alerts(plan: Plan) -> Iterator[Rule]:
    """Yield the alerts that the engine's metrics allow."""
    queries, name = Queries(plan), plan.spec.name
    metrics = queries.metrics
    if metrics.in_progress:
        limit = plan.spec.limits.concurrency
        yield alert(
            plan,
            "ModelberthSaturated",
            f"modelberth:saturation:ratio{{{queries.all}}} > {_SATURATED}",
            severity="warning",
            lasting="10m",
            summary=f"{name}: replicas are at {{{{ $value | humanizePercentage }}}} of what they accept",
            description=f"A replica is meant to have {limit} requests in progress (limits.concurrency). "
            "Beyond that our own server refuses, and other engines let requests wait.",
            runbook="Raise scaling.max, or look why a request takes longer than it did.",
        )
    refused = queries.refused_ratio("5m", queries.answering)
    if refused is not None:
        yield alert(
            plan,
            "ModelberthRefusing",
            f"{refused} > {_REFUSED}",
            severity="warning",
            lasting="5m",
            summary=f"{name}: {{{{ $value | humanizePercentage }}}} of the requests are refused with 429",
            description="The replicas have as many requests in progress as limits.concurrency allows, or a "
            "caller is above limits.requests_per_second.",
            runbook="If one caller has them all, it is its limit of rate. Else raise scaling.max.",
        )
    if metrics.running is not None and metrics.waiting is not None:
        waiting, running = (
            f"sum by (namespace, {ENDPOINT}, {REVISION_LABEL}) ({one.where(queries.all)})"
            for one in (metrics.waiting, metrics.running)
        )
        yield alert(
            plan,
            "ModelberthQueueGrowing",
            f"{waiting} > {running}",
            severity="warning",
            lasting="10m",
            summary=f"{name}: {{{{ $value }}}} requests wait, more than are computed",
            description="Requests come faster than the replicas compute them, so each waits longer than the "
            "one before.",
            runbook="Raise scaling.max, and let scaling.metric be queue_depth.",
        )
    if metrics.cache_used is not None:
        yield alert(
            plan,
            "ModelberthCacheFull",
            f"max by (namespace, {ENDPOINT}, pod) ({metrics.cache_used.where(queries.all)}) > {_CACHE_FULL}",
            severity="warning",
            lasting="10m",
            summary=f"{name}: the cache of keys and values of {{{{ $labels.pod }}}} is "
            "{{ $value | humanizePercentage }} full",
            description="A server without room for another sequence lets it wait, or throws one out that it "
            "has to compute again.",
            runbook="Add replicas, or give the server a smaller longest context by runtime.args.",
        )
    yield from _unseen(plan)
    if plan.spec.monitoring.capture is not None:
        yield _losing(plan)


def _unseen(plan: Plan) -> Iterator[Rule]:
    # Nothing to scrape is what scaling to zero is about.
    if plan.spec.scaling.min == 0:
        return
    queries = Queries(plan)
    always = queries.metrics.always
    seen = f"up{{{queries.all}}} == 1" if always is None else always.where(queries.all)
    yield alert(
        plan,
        "ModelberthNotScraped",
        f"absent({seen})",
        severity="warning",
        lasting="10m",
        summary=f"{plan.spec.name}: Prometheus has no metrics of it",
        description="No pod is scraped, so no other alert on its requests can fire.",
        runbook="Look at Prometheus' targets: are the pods there, do labels select the PodMonitor, does a "
        "NetworkPolicy let Prometheus in (target.prometheus.namespace)?",
    )


def _losing(plan: Plan) -> Rule:
    queries = Queries(plan)
    dropped, kept = (
        f"sum by (namespace, {ENDPOINT}) (rate({name}{{{queries.all}}}[30m]))"
        for name in ("modelberth_capture_dropped_total", "modelberth_capture_requests_total")
    )
    return alert(
        plan,
        "ModelberthCaptureLosing",
        f"{dropped} / ({dropped} + {kept} > 0) > {_LOST}",
        severity="warning",
        lasting="15m",
        summary=f"{plan.spec.name}: {{{{ $value | humanizePercentage }}}} of the sampled requests are lost",
        description="Sampled requests are not written to the store of target.capture.",
        runbook="The label `reason` of modelberth_capture_dropped_total tells why; for `store` read the log: "
        "may the pods' service account write there?",
    )
