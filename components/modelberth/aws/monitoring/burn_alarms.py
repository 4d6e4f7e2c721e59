"""Alarms on the rate at which the error budget of a promise is spent: pairs of windows, and both at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast

from modelberth.aws.monitoring.alarm import LONGEST_NAME, Severity, Watched, alarm, share, told
from modelberth.burn_rate import DAY_HOURS, BurnRate, burn_rates

__all__ = ["BurnAlarms", "burn_alarms"]

_SECONDS: Final = {"m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class BurnAlarms:
    """Alarms by role: `windows` are arguments of `MetricAlarm`, `both` of `CompositeAlarm`.

    A window alone tells nobody; a composite one is made after those that it names.
    """

    windows: dict[str, dict[str, Any]] = field(default_factory=dict)
    both: dict[str, dict[str, Any]] = field(default_factory=dict)


def burn_alarms(watched: Watched, actions: Sequence[str] = ()) -> BurnAlarms:
    """Return the alarms of each burn rate; none where nothing is promised.

    A window is one data point, whose period CloudWatch moves on with each evaluation. That may be three days:
    PutMetricAlarm takes any multiple of 60 seconds, and up to 7 days in all from one hour on.

    Args:
        watched: the endpoint
        actions: ARNs of the SNS topics that are told

    """
    slo = watched.plan.spec.monitoring.slo
    if slo is None or not watched.signals.has("failed", "requests"):
        return BurnAlarms()
    found = BurnAlarms()
    for row in burn_rates(slo):
        names = []
        for length in ("long", "short"):
            role, made = _window(watched, row, length, 1 - slo.availability / 100)
            found.windows[role] = made
            names.append(made["name"])
        found.both[f"burn-{row.long}"] = _both(watched, row, names, actions)
    return found


def _window(
    watched: Watched, row: BurnRate, length: Literal["long", "short"], budget: float
) -> tuple[str, dict[str, Any]]:
    window = row.long if length == "long" else row.short
    # 1 - 0.995 is not quite 0.005.
    threshold = round(row.threshold(budget), 9)
    return alarm(
        watched.plan,
        f"burn-{row.long}-{length}",
        # Among the few requests of the short window one that failed may be all that came.
        share(watched.signals, "failed", "requests", _seconds(window), above=1 if length == "long" else 0),
        threshold,
        severity=cast("Severity", row.severity),
        summary=f"more than {100 * threshold:.3g} percent of the requests of the last {window} failed.",
        runbook="nothing; it is one of two windows, and the alarm on both tells.",
    )


def _both(watched: Watched, row: BurnRate, names: Sequence[str], actions: Sequence[str]) -> dict[str, Any]:
    plan, slo = watched.plan, watched.plan.spec.monitoring.slo
    assert slo is not None
    budget = 1 - slo.availability / 100
    rate = row.threshold(budget) / budget
    lasts = slo.window_days * DAY_HOURS / rate
    summary = (
        f"{slo.availability:g} percent of the requests are promised to succeed over {slo.window_days} days. "
        f"In the last {row.long} and {row.short} that budget was spent at {rate:.3g} times the rate at which "
        f"it would last, or faster: it is gone after {lasts:.3g} hours at most."
    )
    runbook = "compare the versions on the dashboard, read the log, and roll back if it began with a change."
    return {
        "alarm_name": plan.named_by_kind(f"burn-{row.long}", longest=LONGEST_NAME),
        "region": plan.target.region,
        "alarm_description": told(plan, summary, runbook),
        "alarm_rule": " AND ".join(f'ALARM("{name}")' for name in names),
        "alarm_actions": [*actions],
        "ok_actions": [*actions],
        "tags": {**plan.tags, "modelberth:severity": row.severity},
    }


def _seconds(window: str) -> int:
    return int(window[:-1]) * _SECONDS[window[-1]]
