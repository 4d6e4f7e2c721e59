"""An alarm of CloudWatch, as the arguments of `pulumi_aws.cloudwatch.MetricAlarm`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from modelberth.aws.monitoring.signals import Role, Signals

if TYPE_CHECKING:
    from modelberth.aws.plan import Plan
    from modelberth.spec.rollout import Guard

__all__ = ["LONGEST_NAME", "PERIOD_SECONDS", "Alarm", "Severity", "Watched", "alarm", "share", "told"]

Alarm = Mapping[str, Any]
"""Arguments of a MetricAlarm, or of a CompositeAlarm."""

Severity = Literal["critical", "warning"]
"""`critical` for what cannot wait until morning."""

PERIOD_SECONDS: Final = 300
LONGEST_NAME: Final = 255  # CloudWatch, PutMetricAlarm: AlarmName
_LONGEST_DESCRIPTION: Final = 1024  # the same: AlarmDescription

# An endpoint that nobody calls sends no metrics. `breaching` would page it, `ignore` would keep an alarm up
# after the last request, and `missing` would show INSUFFICIENT_DATA as if something were wrong with it.
_WITHOUT_DATA: Final = "notBreaching"


@dataclass(frozen=True, slots=True)
class Watched:
    """An endpoint, and what CloudWatch is told of it.

    Attributes:
        plan: the endpoint
        signals: its metrics
        capacity: most requests that can be in progress at once, where there is such a bound; at one replica,
            where `replicas` says how many of these there may be
        warm: replicas that are kept ready
        log_group: where it logs, for the dashboard
        replicas: most of them, where one computes several requests at once
        update: what must hold of an update while the service brings it in, where it takes an update back

    """

    plan: Plan[Any]
    signals: Signals
    capacity: int | None = None
    warm: int = 0
    log_group: str = ""
    replicas: int | None = None
    update: Guard | None = None


def share(
    signals: Signals, part: Role, of: Role, period: int, *, besides: bool = False, above: int = 1
) -> list[dict[str, Any]]:
    """Return the queries for the share that a count has in another one.

    Args:
        signals: the endpoint's metrics
        part: what is counted
        of: what it is a share of
        period: seconds that each data point covers
        besides: `of` does not count the part, and is missing where it is 0
        above: this many are never enough: one failed request of three tells little of the endpoint

    """
    whole = f"({part} + FILL({of}, 0))" if besides else of
    expression = f"IF({part} > {above}, {part} / {whole}, 0)"
    return [
        *signals.queries(part, period),
        *signals.queries(of, period),
        {"id": "share", "expression": expression, "label": f"share of {part}", "return_data": True},
    ]


def alarm(
    plan: Plan[Any],
    role: str,
    queries: Sequence[Mapping[str, Any]],
    threshold: float,
    *,
    severity: Severity,
    summary: str,
    runbook: str,
    periods: int = 1,
    actions: Sequence[str] = (),
) -> tuple[str, dict[str, Any]]:
    """Return the role of an alarm that is up while the last data points are all above a threshold, and it.

    Args:
        plan: the endpoint
        role: ends the alarm's name
        queries: what is compared is the one that is returned
        threshold: in the unit of that
        severity: as a tag, by which a receiver can tell alarms apart
        summary: what was found, and what it means
        runbook: what to look at and what to do
        periods: data points that have to be above it
        actions: ARNs of SNS topics that are told when it begins and when it is over

    """
    return role, {
        "name": plan.named_by_kind(role, longest=LONGEST_NAME),
        "region": plan.target.region,
        "alarm_description": told(plan, summary, runbook),
        "metric_queries": list(queries),
        "comparison_operator": "GreaterThanThreshold",
        "threshold": threshold,
        "evaluation_periods": periods,
        "datapoints_to_alarm": periods,
        "treat_missing_data": _WITHOUT_DATA,
        "alarm_actions": [*actions],
        "ok_actions": [*actions],
        "tags": {**plan.tags, "modelberth:severity": severity},
    }


def told(plan: Plan[Any], summary: str, runbook: str) -> str:
    """Return an alarm's description: it is all that a mail says beside numbers."""
    text = f"{plan.spec.name}: {summary} What to do: {runbook}"
    return text if len(text) <= _LONGEST_DESCRIPTION else f"{text[: _LONGEST_DESCRIPTION - 1]}…"
