"""CloudWatch's evaluation of alarms, as far as ours need it, on samples that a test makes up.

Of what AWS documents: "Using math expressions with CloudWatch metrics" (a data point that is missing on one
side of an operator is missing in the result, FILL puts one in its place, a division by 0 has none),
"Configuring how CloudWatch alarms treat missing data" (more data points than the evaluation periods are asked
for, and the missing ones are filled in only where too few are real) and "PutCompositeAlarm".
"""

import ast
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

Sample = tuple[float, float]
"""A value, and how often it was sent."""

_MINUTE_SECONDS: Final = 60
# The documented examples look back over five data points for three evaluation periods.
_LOOKS_FURTHER_BACK: Final = 2


@dataclass
class Metrics:
    """Samples of each metric by the minute."""

    samples: dict[str, dict[int, list[Sample]]] = field(default_factory=dict)

    def put(self, metric: Mapping[str, Any], minute: int, *samples: Sample) -> None:
        """Set what a metric was sent in a minute; `metric` is that of a query."""
        self.samples.setdefault(_key(metric), {})[minute] = [one for one in samples if one[1]]

    def point(self, metric: Mapping[str, Any], end: int) -> float | None:
        """Return the data point of the period that ends before a minute."""
        minutes = self.samples.get(_key(metric), {})
        length, rest = divmod(metric["period"], _MINUTE_SECONDS)
        assert rest == 0, "of a metric with standard resolution"
        found = [one for minute in range(end - length, end) for one in minutes.get(minute, [])]
        return _statistic(metric["stat"], found) if found else None


def state(alarm: Mapping[str, Any], metrics: Metrics, end: int) -> str:
    """Return the state of a metric alarm at the end of a minute."""
    assert alarm["comparison_operator"] == "GreaterThanThreshold"
    periods, needed = alarm["evaluation_periods"], alarm["datapoints_to_alarm"]
    step = _period(alarm) // _MINUTE_SECONDS
    points = [
        value(alarm["metric_queries"], metrics, end - back * step)
        for back in reversed(range(periods + _LOOKS_FURTHER_BACK))
    ]
    breaching = [None if point is None else point > alarm["threshold"] for point in points]
    return judged(breaching, periods, needed, alarm["treat_missing_data"])


def judged(breaching: Sequence[bool | None], periods: int, needed: int, missing: str) -> str:
    """Return the state that data points lead to, oldest first; None is one that is missing."""
    fills = {"breaching": True, "notBreaching": False}[missing]
    real = [point for point in breaching if point is not None][-periods:]
    filled = [*real, *[fills] * (periods - len(real))]
    return "ALARM" if sum(filled) >= needed else "OK"


def composite(alarm: Mapping[str, Any], states: Mapping[str, str]) -> str:
    """Return the state of a composite alarm, of a rule that joins ALARM("…") by AND."""
    terms = [re.fullmatch(r'ALARM\("([^"]+)"\)', term) for term in alarm["alarm_rule"].split(" AND ")]
    assert all(terms), alarm["alarm_rule"]
    return "ALARM" if all(states[term[1]] == "ALARM" for term in terms if term) else "OK"


def value(queries: Sequence[Mapping[str, Any]], metrics: Metrics, end: int) -> float | None:
    """Return the data point of the one query that is returned."""
    points = {query["id"]: metrics.point(query["metric"], end) for query in queries if "metric" in query}
    (returned,) = [query for query in queries if query["return_data"]]
    # An expression may name those before it.
    for query in queries:
        if "expression" in query:
            points[query["id"]] = _computed(ast.parse(query["expression"], mode="eval").body, points)
    return points[returned["id"]]


def _computed(node: ast.expr, points: Mapping[str, float | None]) -> float | None:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name):
            return points[name]
        case ast.Call(func=ast.Name(id="FILL"), args=[of, instead]):
            found = _computed(of, points)
            return _computed(instead, points) if found is None else found
        case ast.Call(func=ast.Name(id="IF"), args=[condition, then, otherwise]):
            holds = _computed(condition, points)
            return None if holds is None else _computed(then if holds else otherwise, points)
        case ast.Call(func=ast.Name(id="SUM" | "MAX" as name), args=[ast.List(elts=parts)]):
            values = [value for part in parts if (value := _computed(part, points)) is not None]
            return (math.fsum(values) if name == "SUM" else max(values)) if values else None
        case ast.BinOp(left=left, op=operator, right=right):
            return _operated(type(operator).__name__, _computed(left, points), _computed(right, points))
        case ast.Compare(left=left, ops=[ast.Gt()], comparators=[right]):
            return _operated("Gt", _computed(left, points), _computed(right, points))
    raise NotImplementedError(ast.unparse(node))


def _operated(operator: str, left: float | None, right: float | None) -> float | None:
    if left is None or right is None:
        return None
    match operator:
        case "Add":
            return left + right
        case "Mult":
            return left * right
        case "Div":
            return left / right if right else None
        case "Gt":
            return float(left > right)
    raise NotImplementedError(operator)


def _statistic(name: str, samples: Sequence[Sample]) -> float:
    count = math.fsum(times for _, times in samples)
    match name:
        case "Sum":
            return math.fsum(number * times for number, times in samples)
        case "SampleCount":
            return count
        case "Maximum":
            return max(number for number, _ in samples)
        case "Average":
            return math.fsum(number * times for number, times in samples) / count
    assert name.startswith("p"), name
    below, wanted = 0.0, float(name[1:]) / 100 * count
    for number, times in sorted(samples):
        below += times
        if below >= wanted:
            return number
    raise AssertionError("unreachable: all of them are below the last")


def _period(alarm: Mapping[str, Any]) -> int:
    (period,) = {query["metric"]["period"] for query in alarm["metric_queries"] if "metric" in query}
    assert isinstance(period, int)
    return period


def _key(metric: Mapping[str, Any]) -> str:
    dimensions = sorted(metric["dimensions"].items())
    return f"{metric['namespace']} {metric['metric_name']} {dimensions}"
