"""Rules of Prometheus: a series that is computed, or a condition that somebody is told of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from modelberth.kubernetes.monitoring.queries import ENDPOINT

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Plan

__all__ = ["Rule", "alert", "record"]

Rule = Mapping[str, Any]
"""A rule as Prometheus reads it."""


def record(series: str, expression: str, **labels: str) -> Rule:
    """Return a rule that computes a series."""
    return {"record": series, "expr": expression, **({"labels": labels} if labels else {})}


def alert(
    plan: Plan,
    name: str,
    expression: str,
    *,
    severity: str,
    summary: str,
    description: str,
    runbook: str,
    lasting: str = "",
) -> Rule:
    """Return a rule that tells somebody.

    Args:
        plan: the endpoint
        name: of the alert
        expression: PromQL; each series of its result is an alert
        severity: `critical` for what cannot wait until morning, else `warning`
        summary: one line; may hold Prometheus' templates
        description: what was found, and what it means
        runbook: what to look at and what to do
        lasting: how long it has to be so; empty: it is told at once

    """
    return {
        "alert": name,
        "expr": expression,
        **({"for": lasting} if lasting else {}),
        # Said here as well: not every expression keeps the labels by which alerts are routed.
        "labels": {"severity": severity, "namespace": plan.namespace, ENDPOINT: plan.name},
        "annotations": {"summary": summary, "description": description, "runbook": runbook},
    }
