"""The dashboard of an endpoint in CloudWatch: the same eight panels as in a cluster."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from modelberth.aws.monitoring.alarm import Watched
from modelberth.aws.monitoring.signals import Role, together_by

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
    most = watched.replicas or watched.capacity
    return (
        Panel(
            "Traffic",
            "requests/s",
            (
                *lines.hidden("requests"),
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
            lines.latency(),
            {} if promised is None else {"promised p99": latency.measured(promised.seconds)},
        ),
        Panel("Saturation", "%", lines.saturation()),
        Panel("Queue and batch", "", lines.waiting()),
        Panel(
            "Replicas",
            "",
            lines.replicas(),
            {"most": most} if most else {},
        ),
        Panel("Model versions", "%", lines.versions()),
        lines.memory(),
    )


@dataclass(frozen=True, slots=True)
class _Lines:
    """Lines of panels."""

    watched: Watched

    def shown(
        self, role: Role, label: str, *, identity: str = "", statistic: str = "", visible: bool = True
    ) -> tuple[Line, ...]:
        """One line, after those of the endpoint's parts where each part has its own."""
        signals = self.watched.signals
        metric, parts = signals.metrics[role], signals.parts(role)
        identity = identity or f"{role}_{statistic}".rstrip("_")
        stat = statistic or metric.statistic
        hidden = {} if visible else {"visible": False}

        def line(dimensions: Mapping[str, object], options: Mapping[str, object]) -> Line:
            named = [text for pair in dimensions.items() for text in pair]
            return [metric.namespace, metric.name, *named, {**options, "stat": stat}]

        if len(parts) == 1:
            *names, options = line(parts[0], {"id": identity, "label": label})
            return ([*names, {**options, **hidden}],)
        each = [f"{identity}_{place}" for place in range(len(parts))]
        together = f"{together_by(stat)}([{', '.join(f'FILL({one}, 0)' for one in each)}])"
        return (
            *(line(part, {"id": one, "visible": False}) for one, part in zip(each, parts, strict=True)),
            [{"expression": together, "id": identity, "label": label, **hidden}],
        )

    def hidden(self, role: Role, *, identity: str = "", statistic: str = "") -> tuple[Line, ...]:
        return self.shown(role, role, identity=identity or role, statistic=statistic, visible=False)

    def computed(self, identity: str, expression: str, label: str) -> Line:
        return [{"expression": expression, "id": identity, "label": label}]

    def having(self, *roles: tuple[Role, str]) -> tuple[Line, ...]:
        """Lines of the roles that the endpoint has; of GPUs only where it asks for one."""
        gpu = self.watched.plan.spec.resources.gpu is not None
        found = [
            (role, label)
            for role, label in roles
            if self.watched.signals.has(role) and (gpu or not role.startswith("gpu_"))
        ]
        return tuple(line for role, label in found for line in self.shown(role, label))

    def errors(self) -> tuple[Line, ...]:
        found = [*self.hidden("requests"), *self.hidden("failed")]
        found.append(self.computed("failed_share", "100 * failed / requests", "failed"))
        if self.watched.signals.has("rejected"):
            found += self.hidden("rejected")
            found.append(self.computed("rejected_share", "100 * rejected / requests", "the caller's fault"))
        if self.watched.signals.has("refused", "accepted"):
            found += [*self.hidden("refused"), *self.hidden("accepted")]
            total = "(refused + FILL(accepted, 0))"
            found.append(self.computed("refused_share", f"100 * refused / {total}", "refused"))
        return tuple(found)

    def latency(self) -> tuple[Line, ...]:
        percentiles = [self.shown("latency", name, statistic=name) for name in ("p50", "p95", "p99")]
        overhead = self.having(("overhead", "the service's own, mean"))
        return (*(line for lines in percentiles for line in lines), *overhead)

    def saturation(self) -> tuple[Line, ...]:
        watched = self.watched
        found: list[Line] = []
        if watched.signals.has("in_progress") and watched.capacity is not None:
            found += self.hidden("in_progress")
            where = " of a replica" if watched.replicas is not None else ""
            of = f"100 * in_progress / {watched.capacity}"
            found.append(self.computed("used", of, f"of {watched.capacity} at most{where}"))
        if watched.signals.has("used"):
            found += self.hidden("used")
            found.append(self.computed("in_use", "100 * used", "of all that may be in progress"))
        if watched.signals.has("warm_use"):
            found += self.hidden("warm_use")
            found.append(self.computed("warm_used", "100 * warm_use", "of those kept ready"))
        found += self.having(("cpu_use", "processor, of each the sum"), ("gpu_use", "GPU, of each the sum"))
        return tuple(found)

    def replicas(self) -> tuple[Line, ...]:
        if self.watched.signals.has("replicas"):
            return self.having(("replicas", "replicas"))
        return self.having(("in_progress", "in use"), ("warm", "of those kept ready"))

    def waiting(self) -> tuple[Line, ...]:
        # By Little's law, unless something tells how many wait.
        if self.watched.signals.has("queued"):
            return self.having(("queued", "waiting or being computed"))
        unit = self.watched.signals.metrics["latency"].seconds
        found = [
            *self.hidden("requests"),
            *self.hidden("latency", identity="mean", statistic="Average"),
            self.computed(
                "at_once", f"requests * mean * {unit:g} / PERIOD(requests)", "requests at once, mean"
            ),
        ]
        return (*found, *self.having(("spilled", "found no replica ready")))

    def versions(self) -> tuple[Line, ...]:
        """One line for each version that CloudWatch finds: that dimension stands without a value."""
        metric = self.watched.signals.metrics.get("new_requests")
        if metric is None:
            return (
                *self.hidden("requests"),
                self.computed("version_shares", "100 * requests / requests", "all"),
            )
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

    def memory(self) -> Panel:
        signals = self.watched.signals
        if signals.memory:
            return Panel("Memory", query=f"SOURCE '{self.watched.log_group}' | {signals.memory}")
        lines = self.having(("memory_use", "of a replica"), ("gpu_memory_use", "of GPUs, of each the sum"))
        return Panel("Memory", "%", lines)


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
