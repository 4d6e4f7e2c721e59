"""Requests that found no replica: a metric made from the log, since Cloud Run's own leaves them out.

Such a metric counts what is excluded from `_Default` as well
(https://docs.cloud.google.com/logging/docs/logs-based-metrics).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pulumi

    from modelberth.gcp.monitoring.signals import Signals
    from modelberth.gcp.plan import Plan

__all__ = ["log_filter", "metric", "metric_name"]

# https://docs.cloud.google.com/run/docs/troubleshooting: what Cloud Run logs with status 429 or 500 then.
_TEXT: Final = "The request was aborted because there was no available instance"
_LOG: Final = "run.googleapis.com/requests"
_LONGEST_NAME: Final = 100  # projects.metrics: name


def metric_name(plan: Plan[Any]) -> str:
    """Return the name of the metric, below `logging.googleapis.com/user/`."""
    return plan.named_by_kind("refused", longest=_LONGEST_NAME)


def log_filter(signals: Signals) -> str:
    """Return what the entries of refused requests are known by."""
    return f'{signals.log_filter} AND log_id("{_LOG}") AND textPayload:"{_TEXT}"'


def metric(plan: Plan[Any], entries: pulumi.Input[str]) -> dict[str, Any]:
    """Return the arguments of `pulumi_gcp.logging.Metric`: a counter, whose labels are those of the service.

    Args:
        plan: the endpoint
        entries: filter of those that count

    """
    return {
        "project": plan.target.project,
        "name": metric_name(plan),
        "description": f"Requests to model endpoint {plan.spec.name} that found no replica.",
        "filter": entries,
        "metric_descriptor": {"metric_kind": "DELTA", "value_type": "INT64", "unit": "1"},
    }
