"""The dashboard of an endpoint in Cloud Monitoring: the same eight panels as in a cluster."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from modelberth.gcp.monitoring.alert import Watched
from modelberth.gcp.monitoring.signals import Role

__all__ = ["Line", "Panel", "dashboard", "panels"]

_WINDOW: Final = "${__interval}"
_WIDTH, _HEIGHT = 12, 16  # of 48 columns, and in rows of the same size
_COLUMNS: Final = 4
_ALL_COLUMNS: Final = 48


@dataclass(frozen=True, slots=True)
class Line:
    """One query of a panel, in PromQL; without a label its series go by their own labels."""

    expression: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture over time.

    Attributes:
        title: the same as in a cluster's dashboard
        unit: of what is shown
        lines: what is shown
        marks: label → value of a horizontal line

    """

    title: str
    unit: str
    lines: tuple[Line, ...]
    marks: dict[str, float] = field(default_factory=dict)


def dashboard(watched: Watched) -> str:
    """Return the dashboard as JSON.

    Args:
        watched: the endpoint; every value of its signals is plain

    """
    tiles = [_tile(place, panel) for place, panel in enumerate(panels(watched))]
    return json.dumps(
        {
            "displayName": f"Modelberth / {watched.plan.named_by_kind()}",
            "labels": watched.plan.labels,
            "mosaicLayout": {"columns": _ALL_COLUMNS, "tiles": tiles},
        },
        ensure_ascii=False,
    )


def panels(watched: Watched) -> tuple[Panel, ...]:
    """Return the eight panels, row by row; a line that the endpoint's signals do not allow is left out."""
    lines, queries = _Lines(watched), watched.queries
    slo = watched.plan.spec.monitoring.slo
    latency, memory = (watched.signals.metrics[role] for role in ("latency", "memory_use"))
    promised = slo.latency_p99 if slo is not None else None
    return (
        Panel("Traffic", "requests/s", (Line(queries.by_version(_WINDOW)),)),
        Panel(
            "Errors",
            "%",
            lines.errors(),
            {} if slo is None else {"promised at most": round(100 - slo.availability, 6)},
        ),
        Panel(
            "Latency",
            latency.unit,
            tuple(
                Line(queries.quantile(quantile, "latency", _WINDOW), f"p{quantile * 100:g}")
                for quantile in (0.5, 0.95, 0.99)
            ),
            {} if promised is None else {"promised p99": latency.measured(promised.seconds)},
        ),
        Panel("Saturation", "%", lines.saturation()),
        Panel("Queue and batch", "", lines.waiting()),
        Panel("Replicas", "", lines.replicas(), {"most": watched.replicas} if watched.replicas else {}),
        Panel("Model versions", "%", lines.versions()),
        Panel("Memory", "bytes" if memory.unit == "By" else "%", lines.used("memory_use", "gpu_memory_use")),
    )


@dataclass(frozen=True, slots=True)
class _Lines:
    """Lines of panels."""

    watched: Watched

    def errors(self) -> tuple[Line, ...]:
        queries = self.watched.queries
        found = [
            Line(f"100 * {queries.failed_share(_WINDOW)}", "failed"),
            Line(f"100 * {queries.share('rejected', _WINDOW)}", "the caller's fault"),
        ]
        if self.watched.signals.has("refused"):
            found.append(Line(f"100 * {queries.refused_share(_WINDOW)}", "of these, without a replica"))
        return tuple(found)

    def saturation(self) -> tuple[Line, ...]:
        watched, found = self.watched, []
        if watched.signals.has("in_progress") and watched.capacity is not None:
            half = watched.queries.quantile(0.5, "in_progress", _WINDOW)
            label = f"of {watched.capacity} requests at once, half of the replicas at least"
            found.append(Line(f"100 * {half} / {watched.capacity}", label))
        return (*found, *self.used("cpu_use", "gpu_use"))

    def waiting(self) -> tuple[Line, ...]:
        queries, latency = self.watched.queries, self.watched.signals.metrics["latency"]
        # By Little's law; Google tells nothing of a batch.
        seconds = self.watched.signals.series("latency", "_sum")
        at_once = f"sum(rate({seconds}[{_WINDOW}])) / {latency.measured(1):g}"
        found = [Line(at_once, "requests at once, mean")]
        if self.watched.signals.has("queued"):
            found.append(Line(queries.now("queued"), "waiting for a replica"))
        return tuple(found)

    def replicas(self) -> tuple[Line, ...]:
        queries, signals = self.watched.queries, self.watched.signals
        found = [Line(queries.now("replicas"), "replicas")]
        if signals.has("starts"):
            started = signals.series("starts", "_count")
            found.append(Line(queries.now("active"), "at work"))
            found.append(Line(f"60 * sum(rate({started}[{_WINDOW}]))", "started in a minute"))
        if signals.has("wanted"):
            found.append(Line(queries.now("wanted"), "wanted"))
        return tuple(found)

    def versions(self) -> tuple[Line, ...]:
        """One line for each version that has answered."""
        queries = self.watched.queries
        whole = f"(sum(rate({self.watched.signals.series('requests')}[{_WINDOW}])) > 0)"
        return (Line(f"100 * {queries.by_version(_WINDOW)} / on () group_left () {whole}"),)

    def used(self, of_replica: Role, of_gpu: Role) -> tuple[Line, ...]:
        """What a replica uses, and its GPUs where the endpoint asks for any."""
        roles = {of_replica: "of a replica"}
        if self.watched.plan.spec.resources.gpu is not None:
            roles[of_gpu] = "of its GPUs"
        return tuple(line for role, label in roles.items() for line in self._used(role, label))

    def _used(self, role: Role, label: str) -> tuple[Line, ...]:
        queries, metric = self.watched.queries, self.watched.signals.metrics[role]
        share = "100 * " if metric.unit == "10^2.%" else ""
        if metric.form == "histogram":
            high = queries.quantile(0.95, role, _WINDOW)
            return (Line(f"{share}{high}", f"{label}, p95"),)
        return (
            Line(f"{share}{queries.now(role, 'avg')}", f"{label}, mean"),
            Line(f"{share}{queries.now(role, 'max')}", f"{label}, most"),
        )


def _tile(place: int, panel: Panel) -> dict[str, Any]:
    row, column = divmod(place, _COLUMNS)
    chart = {
        "dataSets": [_data_set(line) for line in panel.lines],
        "thresholds": [{"label": label, "value": value} for label, value in panel.marks.items()],
        "yAxis": _given({"label": panel.unit, "scale": "LINEAR"}),
    }
    place_and_size = {
        "xPos": column * _WIDTH,
        "yPos": row * _HEIGHT,
        "width": _WIDTH,
        "height": _HEIGHT,
    }
    return {**_given(place_and_size), "widget": {"title": panel.title, "xyChart": _given(chart)}}


def _data_set(line: Line) -> dict[str, Any]:
    query = {"prometheusQuery": line.expression}
    return _given(
        {
            "timeSeriesQuery": query,
            "plotType": "LINE",
            "targetAxis": "Y1",
            "legendTemplate": line.label,
        }
    )


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is empty or 0: so does Google in its answer, and each preview would show a change."""
    return {key: value for key, value in fields.items() if value}
