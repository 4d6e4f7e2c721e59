"""Alerts on the rate at which the error budget of a promise is spent, in a long and in a short window."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, cast

from modelberth.burn_rate import DAY_HOURS, BurnRate, burn_rates
from modelberth.gcp.monitoring.alert import Alert, Severity, Watched
from modelberth.gcp.monitoring.queries import ALONE
from modelberth.spec import Slo

__all__ = ["burn_alerts"]

# What is over in a minute does not change a window of a day.
_EVERY_SECONDS: Final = 60
_EVERY_SECONDS_OF_DAYS: Final = 300


def burn_alerts(watched: Watched) -> Iterator[Alert]:
    """Yield an alert for each burn rate; none where nothing is promised.

    Both windows are in one condition, so that there is nothing that fires and tells nobody. It may be three
    days long: "These policies can evaluate up to 2 years of metric data"
    (https://docs.cloud.google.com/monitoring/alerts/using-promql).
    """
    slo = watched.plan.spec.monitoring.slo
    if slo is not None:
        yield from (_burn(watched, slo, row) for row in burn_rates(slo))


def _burn(watched: Watched, slo: Slo, row: BurnRate) -> Alert:
    queries, budget = watched.queries, 1 - slo.availability / 100
    # 1 - 0.995 is not quite 0.005.
    threshold = f"{row.threshold(budget):.6g}"
    rate = row.threshold(budget) / budget
    lasts = slo.window_days * DAY_HOURS / rate
    # Among the few requests of the short window one that failed may be all that came.
    expression = (
        f"{queries.failed_share(row.long)} > {threshold} "
        f"and {queries.failed_share(row.short)} > {threshold} "
        f"and {queries.failed(row.long, 'increase')} > {ALONE:g}"
    )
    return Alert(
        f"burn-{row.long}",
        cast("Severity", row.severity),
        f"{slo.availability:g} percent of the requests are promised to succeed over {slo.window_days} days. "
        f"In the last {row.long} and {row.short} that budget was spent at {rate:.3g} times the rate at which "
        f"it would last, or faster: it is gone after {lasts:.3g} hours at most.",
        "compare the versions on the dashboard, read the log, and roll back if it began with a change.",
        expression=expression,
        every=_EVERY_SECONDS if row.hours < DAY_HOURS else _EVERY_SECONDS_OF_DAYS,
    )
