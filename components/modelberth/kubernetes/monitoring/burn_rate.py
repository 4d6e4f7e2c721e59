"""Alerts on the rate at which the error budget of a service level objective is spent.

The budget of 99.5 percent over 30 days is 0.5 percent of the requests of these days; at burn rate 1 it lasts
for just these days. Each alert needs the rate in a long window, so that what is over soon tells nobody, and
in a short one, so that it ends soon after the cause. Rates and windows: B. Beyer et al., "The Site
Reliability Workbook", O'Reilly 2018, chapter 5, table 5-8, https://sre.google/workbook/alerting-on-slos/.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from modelberth.kubernetes.monitoring.queries import Queries
from modelberth.kubernetes.monitoring.rule import Rule, alert, record

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Plan
    from modelberth.spec import Slo

__all__ = ["BURN_RATES", "BurnRate", "burn_alerts", "burn_rates", "burn_recordings"]

_DAY_HOURS: Final = 24


@dataclass(frozen=True, slots=True)
class BurnRate:
    """One row of the table."""

    long: str
    short: str
    rate: float
    severity: str
    hours: int
    """Of the long window."""

    def threshold(self, budget: float) -> float:
        """Return the share of failed requests at which the budget is spent at this rate.

        With a large budget that may be more than all: then half of what is left of the promise has to fail,
        so that an outage is always told.
        """
        return min(self.rate * budget, (1 + budget) / 2)


BURN_RATES: Final = (
    BurnRate("1h", "5m", 14.4, "critical", 1),
    BurnRate("6h", "30m", 6, "critical", 6),
    BurnRate("1d", "2h", 3, "warning", 24),
    BurnRate("3d", "6h", 1, "warning", 72),
)

# The objective is of the 99th percentile.
_SLOW_BUDGET: Final = 0.01


def burn_rates(slo: Slo) -> tuple[BurnRate, ...]:
    """Return the rows whose long window is not longer than that of the promise."""
    return tuple(row for row in BURN_RATES if row.hours <= slo.window_days * _DAY_HOURS)


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
    lasts = f"{slo.window_days * _DAY_HOURS / rate:.3g}"
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
