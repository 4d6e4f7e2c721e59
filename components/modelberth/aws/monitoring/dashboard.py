"""The dashboard of an endpoint in CloudWatch: the same eight panels as in a cluster."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final

from modelberth.aws.monitoring.alarm import Watched
from modelberth.aws.monitoring.signals import Role

__all__ = ["Panel", "dashboard", "panels"]

_WIDTH, _HEIGHT = 6, 6  # of 24 columns, and in CloudWatch's rows
_COLUMNS: Final = 4
_PERIOD_SECONDS: Final = 60

Line = list[Any]
"""A metric or an expression, as a widget's list of metrics has it."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture over time.

    Attributes:
        title: the same as in a cluster's dashboard
        unit: of what is shown
        lines: metrics and expressions
        marks: label → value of a horizontal line
        query: of CloudWatch Logs Insights, in place of lines

    """

    title: str
    unit: str = ""
    lines: tuple[Line, ...] = ()
    marks: dict[str, float] = field(default_factory=dict)
    query: str = ""


def dashboard(watched: Watched) -> str:
    """Return the body of the dashboard as JSON.

    Args:
        watched: the endpoint; every value of its signals is plain

    """
    region = watched.plan.target.region
    widgets = [_widget(place, panel, region) for place, panel in enumerate(panels(watched))]
    return json.dumps({"start": "-PT3H", "periodOverride": "auto", "widgets": widgets}, ensure_ascii=False)


def panels(watched: Watched) -> tuple[Panel, ...]:
    """Return the eight panels, row by row; a line that the endpoint's signals do not allow is left out."""
    lines, spec = _Lines(watched), watched.plan.spec
    slo, latency = spec.monitoring.slo, watched.signals.metrics["latency"]
    promised = slo.latency_p99 if slo is not None else None
    return (
        Panel(
            "Traffic",
            "requests/s",
            (
                lines.hidden("requests"),
                lines.computed("rate", "requests / PERIOD(requests)", "requests"),
            ),
        ),
        Panel(
            "Errors",
            "%",
            lines.errors(),
            {} if slo is None else {"promised at most": round(100 - slo.availability, 6)},
        ),
        Panel(
            "Latency",
            _abbreviated(latency.unit),
            tuple(lines.shown("latency", name, statistic=name) for name in ("p50", "p95", "p99")),
            {} if promised is None else {"promised p99": latency.measured(promised.seconds)},
        ),
        Panel("Saturation", "%", lines.saturation()),
        Panel("Queue and batch", "", lines.waiting()),
        Panel(
            "Replicas",
            "",
            lines.having(("in_progress", "in use"), ("warm", "of those kept ready")),
            {"most": watched.capacity} if watched.capacity else {},
        ),
        Panel("Model versions", "%", lines.versions()),
        Panel("Memory", query=f"SOURCE '{watched.log_group}' | {watched.signals.memory}"),
    )


@dataclass(frozen=True, slots=True)
class _Lines:
    """Lines of panels."""

    watched: Watched

    def shown(self, role: Role, label: str, *, identity: str = "", statistic: str = "") -> Line:
        metric, dimensions = self.watched.signals.metrics[role], self.watched.signals.dimensions(role)
        named = [text for pair in dimensions.items() for text in pair]
        options = {"id": identity or f"{role}_{statistic}".rstrip("_"), "label": label}
        return [metric.namespace, metric.name, *named, {**options, "stat": statistic or metric.statistic}]

    def hidden(self, role: Role, *, identity: str = "", statistic: str = "") -> Line:
        *metric, options = self.shown(role, role, identity=identity or role, statistic=statistic)
        return [*metric, {**options, "visible": False}]

    def computed(self, identity: str, expression: str, label: str) -> Line:
        return [{"expression": expression, "id": identity, "label": label}]

    def having(self, *roles: tuple[Role, str]) -> tuple[Line, ...]:
        return tuple(self.shown(role, label) for role, label in roles if self.watched.signals.has(role))

    def errors(self) -> tuple[Line, ...]:
        found = [self.hidden("requests"), self.hidden("failed")]
        found.append(self.computed("failed_share", "100 * failed / requests", "failed"))
        if self.watched.signals.has("rejected"):
            found.append(self.hidden("rejected"))
            found.append(self.computed("rejected_share", "100 * rejected / requests", "the caller's fault"))
        if self.watched.signals.has("refused", "accepted"):
            found += [self.hidden("refused"), self.hidden("accepted")]
            total = "(refused + FILL(accepted, 0))"
            found.append(self.computed("refused_share", f"100 * refused / {total}", "refused"))
        return tuple(found)

    def saturation(self) -> tuple[Line, ...]:
        found = []
        if self.watched.signals.has("in_progress") and self.watched.capacity is not None:
            found.append(self.hidden("in_progress"))
            of = f"100 * in_progress / {self.watched.capacity}"
            found.append(self.computed("used", of, f"of {self.watched.capacity} at most"))
        if self.watched.signals.has("warm_use"):
            found.append(self.hidden("warm_use"))
            found.append(self.computed("warm_used", "100 * warm_use", "of those kept ready"))
        return tuple(found)

    def waiting(self) -> tuple[Line, ...]:
        # By Little's law: nothing tells how many wait.
        unit = self.watched.signals.metrics["latency"].seconds
        found = [
            self.hidden("requests"),
            self.hidden("latency", identity="mean", statistic="Average"),
            self.computed(
                "at_once", f"requests * mean * {unit:g} / PERIOD(requests)", "requests at once, mean"
            ),
        ]
        if self.watched.signals.has("spilled"):
            found.append(self.shown("spilled", "found no replica ready"))
        return tuple(found)

    def versions(self) -> tuple[Line, ...]:
        """One line for each version that CloudWatch finds: that dimension stands without a value."""
        metric = self.watched.signals.metrics["new_requests"]
        schema = ",".join([metric.namespace, *metric.dimensions])
        of = " ".join(
            f'{name}="{value}"' for name, value in self.watched.signals.dimensions("new_requests").items()
        )
        found = f'{{{schema}}} MetricName="{metric.name}" {of}'
        search = f"SEARCH('{found}', '{metric.statistic}', {_PERIOD_SECONDS})"
        return (
            [{"expression": search, "id": "versions", "visible": False}],
            self.computed("version_shares", "100 * versions / SUM(versions)", ""),
        )


def _widget(place: int, panel: Panel, region: str) -> dict[str, Any]:
    row, column = divmod(place, _COLUMNS)
    properties: dict[str, Any] = {"title": panel.title, "region": region, "view": "timeSeries"}
    if panel.query:
        properties["query"] = panel.query
    else:
        axis = {"min": 0, "label": panel.unit, "showUnits": False}
        properties |= {
            "stacked": False,
            "period": _PERIOD_SECONDS,
            "metrics": list(panel.lines),
            "yAxis": {"left": axis},
        }
    if panel.marks:
        marks = [{"label": label, "value": value} for label, value in panel.marks.items()]
        properties["annotations"] = {"horizontal": marks}
    return {
        "type": "log" if panel.query else "metric",
        "x": column * _WIDTH,
        "y": row * _HEIGHT,
        "width": _WIDTH,
        "height": _HEIGHT,
        "properties": properties,
    }


def _abbreviated(unit: str) -> str:
    return {"Microseconds": "µs", "Milliseconds": "ms", "Seconds": "s"}[unit]
