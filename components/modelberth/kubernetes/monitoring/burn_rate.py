"""Prometheus' alerts on the rate at which the error budget of a service level objective is spent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from modelberth.burn_rate import DAY_HOURS, BurnRate, burn_rates
from modelberth.kubernetes.monitoring.queries import Queries
from modelberth.kubernetes.monitoring.rule import Rule, alert, record

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Plan
    from modelberth.spec import Slo

__all__ = ["burn_alerts", "burn_recordings"]

# The objective is of the 99th percentile.
_SLOW_BUDGET: Final = 0.01


def burn_recordings(plan: Plan, slo: Slo) -> Iterator[Rule]:
    """Yield the share of failed and of slow requests in each window."""
    queries = Queries(plan)
    windows = [window for row in burn_rates(slo) for window in (row.short, row.long)]
    for window in dict.fromkeys(windows):
        yield record(f"modelberth:error_ratio:rate{window}", queries.error_ratio(window, queries.answering))
    if slo.latency_p99 is None:
        return
    for window in dict.fromkeys(windows):
        slow = queries.slow_ratio(slo.latency_p99, window, queries.answering)
        if slow is not None:
            yield record(f"modelberth:slow_ratio:rate{window}", slow)


def burn_alerts(plan: Plan, slo: Slo) -> Iterator[Rule]:
    """Yield an alert for each rate, for errors and where it is promised for latency."""
    budget = 1 - slo.availability / 100
    for row in burn_rates(slo):
        yield _burn(plan, slo, row, "Error", "error", budget, f"{slo.availability:g} percent succeed")
    if slo.latency_p99 is None or Queries(plan).slow_ratio(slo.latency_p99, "5m") is None:
        return
    for row in burn_rates(slo):
        promise = f"99 percent are answered within {slo.latency_p99}"
        yield _burn(plan, slo, row, "Latency", "slow", _SLOW_BUDGET, promise)


def _burn(plan: Plan, slo: Slo, row: BurnRate, kind: str, ratio: str, budget: float, promise: str) -> Rule:
    threshold = f"{row.threshold(budget):.6g}"
    rate = row.threshold(budget) / budget
    series = f"modelberth:{ratio}_ratio:rate"
    of = f"{{{Queries(plan).all}}}"
    lasts = f"{slo.window_days * DAY_HOURS / rate:.3g}"
    failed = "failed" if ratio == "error" else "were too slow"
    look = (
        "compare the revisions on the dashboard, read the log lines of status 5xx, and roll back if it began "
        "with a change"
        if ratio == "error"
        else "compare the time that requests wait with the time that is computed: add replicas for the one, "
        "processors or a smaller model for the other"
    )
    return alert(
        plan,
        f"Modelberth{kind}BudgetBurn{row.long}",
        f"{series}{row.long}{of} > {threshold} and {series}{row.short}{of} > {threshold}",
        severity=row.severity,
        summary=f"{plan.spec.name}: {{{{ $value | humanizePercentage }}}} of the requests {failed}",
        description=f"The promise is that {promise} over {slo.window_days} days. In the last {row.long} and "
        f"{row.short} its budget was spent at {rate:.3g} times the rate at which it would last, or faster: "
        f"it is gone after {lasts} hours at most.",
        runbook=f"See that it is still so, {look}.",
    )
