"""Calls from outside: whether an endpoint that the internet reaches answers, as Google's checkers see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from modelberth.gcp.monitoring.alert import Told

if TYPE_CHECKING:
    import pulumi

    from modelberth.gcp.place import Place
    from modelberth.gcp.plan import Plan

__all__ = ["ROLE", "TOLD", "caller", "check", "conditions"]

ROLE: Final = "roles/run.invoker"
"""What a signed call needs of the service."""

# The fewest that a check may come from. Each call counts among the endpoint's requests.
_REGIONS: Final = ("ASIA_PACIFIC", "EUROPE", "USA_VIRGINIA")
_EVERY_SECONDS: Final = 300
_TIMEOUT_SECONDS: Final = 10
_LONGEST_NAME: Final = 512
# Four times what lies between two calls from a region: as the console makes its alerts.
_ALIGNED_SECONDS: Final = 1200

TOLD: Final = Told(
    "uptime",
    "critical",
    "calls from two regions of the world or more have failed.",
    "call the address yourself. If that works, the way to it is broken: its name, its certificate, or who "
    "may call. If not, read the log.",
)


def caller(place: Place) -> str:
    """Return the member that a signed call is made as; there is one from the first check of a project on."""
    return place.service_agent("gcp-sa-monitoring-notification")


def check(plan: Plan[Any], host: pulumi.Input[str], path: str, *, signed: bool) -> dict[str, Any]:
    """Return the arguments of `pulumi_gcp.monitoring.UptimeCheckConfig`.

    Args:
        plan: the endpoint
        host: of its address
        path: that answers 200 only while it serves
        signed: each call carries a token of `caller`

    """
    token = {"service_agent_authentication": {"type": "OIDC_TOKEN"}} if signed else {}
    return {
        "project": plan.target.project,
        "display_name": plan.named_by_kind("uptime", longest=_LONGEST_NAME),
        "period": f"{_EVERY_SECONDS}s",
        "timeout": f"{_TIMEOUT_SECONDS}s",
        "selected_regions": [*_REGIONS],
        "monitored_resource": {
            "type": "uptime_url",
            "labels": {"project_id": plan.target.project, "host": host},
        },
        "http_check": {
            "request_method": "GET",
            "path": path,
            "port": 443,
            "use_ssl": True,
            "validate_ssl": True,
            **token,
        },
        "user_labels": plan.labels,
    }


def conditions(check_id: str) -> list[dict[str, Any]]:
    """Return what has to hold: more than one region whose last call failed.

    As https://docs.cloud.google.com/monitoring/uptime-checks/uptime-alerting-policies makes it: of all that
    an endpoint is told by, this metric alone is true or false.
    """
    metric = 'metric.type="monitoring.googleapis.com/uptime_check/check_passed"'
    threshold = {
        "filter": f'{metric} AND metric.labels.check_id="{check_id}" AND resource.type="uptime_url"',
        "aggregations": [
            {
                "alignment_period": f"{_ALIGNED_SECONDS}s",
                "per_series_aligner": "ALIGN_NEXT_OLDER",
                "cross_series_reducer": "REDUCE_COUNT_FALSE",
                "group_by_fields": ["resource.label.host"],
            }
        ],
        "comparison": "COMPARISON_GT",
        "threshold_value": 1,
        "duration": "60s",
        "trigger": {"count": 1},
    }
    return [{"display_name": "uptime", "condition_threshold": threshold}]
