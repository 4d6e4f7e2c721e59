"""The dashboard of an endpoint: eight panels, in a ConfigMap which Grafana's sidecar finds by its label."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from modelberth.kubernetes.monitoring.queries import (
    ENDPOINT,
    REVISION_LABEL,
    Queries,
    deployments,
    is_measured,
    pods,
)
from modelberth.kubernetes.monitoring.replica_alerts import of_own_gpus

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Manifest, Plan

__all__ = ["Panel", "Query", "dashboard", "panels"]

_WINDOW: Final = "$__rate_interval"
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
_WIDTH, _HEIGHT = 6, 8  # of Grafana's 24 columns, and in its rows
_COLUMNS: Final = 4
# Grafana 10; newer ones migrate it when they read it.
_SCHEMA: Final = 39


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel; the legend may hold `{{label}}`."""

    expression: str
    legend: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture over time; the unit is one of Grafana's."""

    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]


def dashboard(plan: Plan) -> dict[str, Manifest]:
    """Return the ConfigMap; nothing where none is wanted, or nothing measured."""
    if not plan.target.prometheus.grafana or not is_measured(plan):
        return {}
    labels = {**plan.labels(), "grafana_dashboard": "1"}
    text = json.dumps(_model(plan), indent=2, ensure_ascii=False) + "\n"
    return {
        "dashboard": {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": f"{plan.name}-dashboard", "namespace": plan.namespace, "labels": labels},
            # The sidecar writes all of them into one folder.
            "data": {f"modelberth-{plan.namespace}-{plan.name}.json": text},
        }
    }


def panels(plan: Plan) -> tuple[Panel, ...]:
    """Return the eight panels, row by row; a query that the engine's metrics do not allow is left out."""
    queries = Queries(plan)
    return (
        Panel("Traffic", "Predictions answered, by revision.", "reqps", _traffic(queries)),
        Panel(
            "Errors",
            "Share of the predictions that failed, or were refused.",
            "percentunit",
            _errors(queries),
        ),
        Panel("Latency", "Of predictions, from headers to response.", "s", _latency(queries)),
        Panel(
            "Saturation",
            f"Requests in progress in a replica; limits.concurrency is {plan.spec.limits.concurrency}.",
            "short",
            _saturation(queries),
        ),
        Panel(
            "Queue and batch",
            "How long requests wait, and how many rows are computed together.",
            "short",
            _queue(queries),
        ),
        Panel("Replicas", "Ready, and wanted where kube-state-metrics runs.", "short", _replicas(queries)),
        Panel("Model versions", "Share of each in what is computed.", "percentunit", _versions(queries)),
        _resources(plan),
    )


def _traffic(queries: Queries) -> tuple[Query, ...]:
    rate = queries.request_rate(_WINDOW, by=(REVISION_LABEL,))
    return (Query(rate, f"{{{{{REVISION_LABEL}}}}}"),)


def _errors(queries: Queries) -> tuple[Query, ...]:
    found = [Query(queries.error_ratio(_WINDOW, queries.answering), "failed")]
    refused = queries.refused_ratio(_WINDOW, queries.answering)
    if refused is not None:
        found.append(Query(refused, "refused (429)"))
    slo = queries.plan.spec.monitoring.slo
    if slo is not None:
        found.append(Query(f"vector({1 - slo.availability / 100:.6g})", "promised at most"))
    return tuple(found)


def _latency(queries: Queries) -> tuple[Query, ...]:
    found = [
        Query(latency, f"p{quantile * 100:g}")
        for quantile in (0.5, 0.95, 0.99)
        if (latency := queries.latency(quantile, _WINDOW, queries.answering)) is not None
    ]
    mean = queries.mean_latency(_WINDOW)
    if mean is not None:
        found.append(Query(mean, "mean"))
    slo = queries.plan.spec.monitoring.slo
    if slo is not None and slo.latency_p99 is not None:
        found.append(Query(f"vector({slo.latency_p99.seconds:g})", "promised p99"))
    return tuple(found)


def _saturation(queries: Queries) -> tuple[Query, ...]:
    found = []
    in_progress = queries.in_progress((REVISION_LABEL,))
    if in_progress is not None:
        found.append(Query(in_progress, f"in progress {{{{{REVISION_LABEL}}}}}"))
    cache = queries.metrics.cache_used
    if cache is not None:
        found.append(Query(f"100 * max by (pod) ({cache.where(queries.all)})", "cache %, {{pod}}"))
    if not found:
        cpu = f'container_cpu_usage_seconds_total{{{_of_pods(queries.plan)},container!=""}}'
        found.append(Query(f"sum by (pod) (rate({cpu}[{_WINDOW}]))", "cores {{pod}}"))
    return tuple(found)


def _queue(queries: Queries) -> tuple[Query, ...]:
    metrics, of = queries.metrics, queries.all
    found = []
    if metrics.waiting_time is not None:
        rate = f"sum by (le) (rate({metrics.waiting_time.where(of, suffix='_bucket')}[{_WINDOW}]))"
        found.append(Query(f"1000 * histogram_quantile(0.99, {rate})", "waiting p99, ms"))
    if metrics.waiting is not None:
        found.append(Query(f"sum({metrics.waiting.where(of)})", "waiting requests"))
    if metrics.batch is not None:
        rows, computations = (f"sum(rate({one.where(of)}[{_WINDOW}]))" for one in metrics.batch)
        found.append(Query(f"{rows} / ({computations} > 0)", "rows in a batch"))
    if not found:
        # All that the engine tells: requests at once, by Little's law.
        latency = metrics.latency or metrics.requests
        time = f"sum(rate({latency.where(of, suffix='_sum')}[{_WINDOW}])) * {metrics.unit:g}"
        found.append(Query(time, "requests at once, mean"))
    return tuple(found)


def _replicas(queries: Queries) -> tuple[Query, ...]:
    by = f"namespace, {ENDPOINT}, {REVISION_LABEL}"
    found = [Query(f"count by ({by}) (up{{{queries.all}}} == 1)", f"ready {{{{{REVISION_LABEL}}}}}")]
    if names := deployments(queries.plan):
        of = f'namespace="{queries.plan.namespace}",deployment=~"{"|".join(names)}"'
        wanted = f"sum by (deployment) (kube_deployment_spec_replicas{{{of}}})"
        found.append(Query(wanted, "wanted {{deployment}}"))
    return tuple(found)


def _versions(queries: Queries) -> tuple[Query, ...]:
    if queries.metrics.versions is None:
        series, label = queries.metrics.requests, REVISION_LABEL
    else:
        series, label = queries.metrics.versions
    rate = f"rate({series.where(queries.all)}[{_WINDOW}])"
    return (Query(f"sum by ({label}) ({rate}) / on () group_left () (sum({rate}) > 0)", f"{{{{{label}}}}}"),)


def _resources(plan: Plan) -> Panel:
    gpu, queries = plan.spec.resources.gpu, Queries(plan)
    if gpu is not None and not gpu.kind.startswith("mi"):
        busy = of_own_gpus(plan, "busy")
        used, free = of_own_gpus(plan, "memory_used"), of_own_gpus(plan, "memory_free")
        memory = f"max by (gpu) ({used} / ({used} + {free}))"
        of_gpus = (Query(f"max by (gpu) {busy}", "busy {{gpu}}"), Query(memory, "memory {{gpu}}"))
        return Panel("GPU", "Use and memory of each, from the DCGM exporter.", "percentunit", of_gpus)
    if plan.spec.runtime.engine in {"onnxruntime", "custom"}:
        shown = tuple(
            Query(
                f"max by ({one}, {column}) (modelberth_{kind}_psi{{{queries.all}}})",
                f"{{{{{one}}}}}[{{{{{column}}}}}]",
            )
            for kind, one, column in (("feature", "input", "feature"), ("prediction", "output", "column"))
        )
        text = "Population stability index against the training data; above 0.25 is a large shift."
        return Panel("Drift", text, "short", shown)
    memory = f'container_memory_working_set_bytes{{{_of_pods(plan)},container!=""}}'
    return Panel("Memory", "Of each pod.", "bytes", (Query(f"sum by (pod) ({memory})", "{{pod}}"),))


def _of_pods(plan: Plan) -> str:
    return f'namespace="{plan.namespace}",pod=~"{pods(plan)}"'


def _model(plan: Plan) -> dict[str, Any]:
    """Write the dashboard as Grafana imports it."""
    identity = hashlib.sha256(f"{plan.namespace}/{plan.name}".encode()).hexdigest()[:16]
    return {
        "uid": f"modelberth-{identity}",
        "title": f"Modelberth / {plan.namespace} / {plan.name}",
        "tags": ["modelberth"],
        "editable": False,
        "schemaVersion": _SCHEMA,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "templating": {
            "list": [
                {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
            ]
        },
        "panels": [_panel(place, panel) for place, panel in enumerate(panels(plan))],
    }


def _panel(place: int, panel: Panel) -> dict[str, Any]:
    row, column = divmod(place, _COLUMNS)
    return {
        "id": place + 1,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.description,
        "datasource": _SOURCE,
        "gridPos": {"x": column * _WIDTH, "y": row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": 0, "custom": {"fillOpacity": 10, "showPoints": "never"}},
            "overrides": [],
        },
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": _SOURCE,
                "expr": query.expression,
                "legendFormat": query.legend,
                "range": True,
            }
            for index, query in enumerate(panel.queries)
        ],
    }
