"""An alert on one endpoint, and as the arguments of `pulumi_gcp.monitoring.AlertPolicy`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from modelberth.gcp.monitoring.log_bucket import read_command
from modelberth.gcp.monitoring.queries import Queries
from modelberth.gcp.monitoring.signals import Signals

if TYPE_CHECKING:
    from modelberth.gcp.plan import Plan

__all__ = ["Alert", "Severity", "Told", "Watched", "conditions", "documentation", "policy"]

Severity = Literal["critical", "warning"]
"""`critical` for what cannot wait until morning."""

_LONGEST_NAME: Final = 512  # projects.alertPolicies: displayName
_CLOSES_SECONDS: Final = 1800  # the same: alertStrategy.autoClose takes no less


@dataclass(frozen=True, slots=True)
class Watched:
    """An endpoint, and what Cloud Monitoring is told of it.

    Attributes:
        plan: the endpoint
        signals: its metrics
        capacity: most requests that a replica may have in progress, where the service keeps to such a bound
        warm: replicas that are kept ready
        replicas: most of them
        processors: of a replica, where the service adds up what each of them does

    """

    plan: Plan[Any]
    signals: Signals
    capacity: int | None = None
    warm: int = 0
    replicas: int | None = None
    processors: int | None = None

    @property
    def queries(self) -> Queries:
        """What is asked about it."""
        return Queries(self.signals)


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody is told.

    Attributes:
        role: ends the alert's name
        severity: by which a receiver can tell alerts apart
        summary: what was found, and what it means
        runbook: what to look at and what to do

    """

    role: str
    severity: Severity
    summary: str
    runbook: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert(Told):
    """When somebody is told.

    Attributes:
        expression: PromQL; it is so while this has a result, and not while there is nothing to tell it by
        lasting: seconds that it has to be so
        every: seconds between two looks, a multiple of 30

    """

    expression: str
    lasting: int = 0
    every: int = 60


def policy(plan: Plan[Any], told: Told) -> dict[str, Any]:
    """Return the arguments that need nothing that only Google knows; the others are the two below."""
    return {
        "project": plan.target.project,
        "display_name": plan.named_by_kind(told.role, longest=_LONGEST_NAME),
        "combiner": "OR",
        "severity": told.severity.upper(),
        "alert_strategy": {
            # An endpoint that nobody calls has no metrics: then there is nothing left to tell.
            "auto_close": f"{_CLOSES_SECONDS}s",
            "notification_prompts": ["OPENED", "CLOSED"],
        },
        "user_labels": {**plan.labels, "modelberth-severity": told.severity},
    }


def conditions(alert: Alert) -> list[dict[str, Any]]:
    """Return what has to hold, in PromQL."""
    condition = {
        "query": alert.expression,
        "duration": f"{alert.lasting}s",
        "evaluation_interval": f"{alert.every}s",
        # A metric is there from the first request of a project on, and would be asked for before.
        "disable_metric_validation": True,
    }
    return [{"display_name": alert.role, "condition_prometheus_query_language": condition}]


def documentation(watched: Watched, told: Told) -> dict[str, str]:
    """Return what a receiver reads beside numbers, with the command that shows the log."""
    plan = watched.plan
    text = (
        f"**{plan.spec.name}** in stack {plan.stack}: {told.summary}\n\n"
        f"What to do: {told.runbook}\n\n"
        f"```\n{read_command(plan, watched.signals)}\n```\n"
    )
    return {"subject": f"{plan.spec.name}: {told.role}", "content": text, "mime_type": "text/markdown"}
