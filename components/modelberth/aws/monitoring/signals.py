"""What CloudWatch is told of an endpoint: `signals.toml`, read. A new kind of endpoint is an entry there."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

import pulumi

__all__ = [
    "CONFIG",
    "TABLE",
    "VERSION",
    "Metric",
    "Role",
    "Signals",
    "Where",
    "kinds",
    "signals_of",
    "together_by",
]

TABLE: Final = Path(__file__).with_name("signals.toml")

Role = Literal[
    "requests",
    "failed",
    "rejected",
    "latency",
    "accepted",
    "refused",
    "in_progress",
    "warm",
    "warm_use",
    "spilled",
    "used",
    "overhead",
    "replicas",
    "queued",
    "oldest",
    "cpu_use",
    "gpu_use",
    "memory_use",
    "gpu_memory_use",
    "new_requests",
    "new_failed",
    "new_latency",
    "updated_requests",
    "updated_failed",
    "updated_latency",
]
"""What a metric tells; the table says what each means."""

VERSION: Final = "version"
"""The word for a version, which only some metrics are split by, and which is known only while two serve."""

CONFIG: Final = "config"
"""The word for what an update brings, which metrics are split by only where the service itself updates."""

Where = Mapping[str, pulumi.Input[str] | tuple[str, ...]]
"""What each word of the metrics' dimensions stands for; several values are parts of one endpoint."""

_SECONDS: Final = {"Microseconds": 1e-6, "Milliseconds": 1e-3, "Seconds": 1.0}


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of CloudWatch.

    Attributes:
        namespace: such as AWS/Lambda
        name: as CloudWatch has it
        dimensions: name → the word for what its value is
        unit: CloudWatch's
        statistic: that AWS recommends
        source: page that describes it

    """

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    unit: str
    statistic: str
    source: str

    @property
    def seconds(self) -> float:
        """Length of the unit of a time.

        Raises:
            KeyError: it is no time.

        """
        return _SECONDS[self.unit]

    def measured(self, seconds: float) -> float:
        """Return a time in the unit of the metric."""
        return round(seconds / self.seconds, 6)


@dataclass(frozen=True, slots=True)
class Signals:
    """The metrics of one endpoint.

    Attributes:
        kind: of endpoint
        metrics: by what they tell
        memory: query of CloudWatch Logs Insights for the memory used, in MB; empty where a metric tells
        where: value for each word of the metrics' dimensions; what only AWS knows may be an output

    """

    kind: str
    metrics: Mapping[Role, Metric]
    memory: str = ""
    where: Where = field(default_factory=dict)

    def has(self, *roles: Role) -> bool:
        """Tell whether there is a metric for each role, and a value for each of its dimensions."""
        found = [self.metrics[role] for role in roles if role in self.metrics]
        words = {word for metric in found for word in metric.dimensions.values()}
        return len(found) == len(roles) and words <= self.where.keys()

    def dimensions(self, role: Role) -> dict[str, pulumi.Input[str]]:
        """Return the dimensions that have one value; one whose value is not known is left out."""
        return {name: value for name, value in self._given(role).items() if not isinstance(value, tuple)}

    def parts(self, role: Role) -> tuple[dict[str, pulumi.Input[str]], ...]:
        """Return the dimensions of each metric that the role is told by: one, or one of each part."""
        several = {name: value for name, value in self._given(role).items() if isinstance(value, tuple)}
        names = [*several]
        return tuple(
            {**self.dimensions(role), **dict(zip(names, values, strict=True))}
            for values in product(*several.values())
        )

    def queries(
        self, role: Role, period: int, *, statistic: str = "", returned: bool = False
    ) -> list[dict[str, Any]]:
        """Return what an alarm's `metric_queries` need to know a role by its name.

        The unit stays away: an alarm on another unit than the service happens to send never has data.

        Args:
            role: what is asked for
            period: seconds that each data point covers
            statistic: another one than recommended
            returned: this is what is compared, nothing is computed from it

        """
        metric, parts = self.metrics[role], self.parts(role)
        stat = statistic or metric.statistic
        whole = len(parts) == 1
        found: list[dict[str, Any]] = [
            {
                "id": role if whole else f"{role}_{place}",
                "metric": {
                    "namespace": metric.namespace,
                    "metric_name": metric.name,
                    "dimensions": dimensions,
                    "period": period,
                    "stat": stat,
                },
                "return_data": returned and whole,
            }
            for place, dimensions in enumerate(parts)
        ]
        if whole:
            return found
        # A part that nobody calls has no data, and a sum with it would have none either.
        each = ", ".join(f"FILL({part['id']}, 0)" for part in found)
        together = {"id": role, "expression": f"{together_by(stat)}([{each}])", "label": role}
        return [*found, {**together, "return_data": returned}]

    def _given(self, role: Role) -> dict[str, pulumi.Input[str] | tuple[str, ...]]:
        words = self.metrics[role].dimensions
        return {name: self.where[word] for name, word in words.items() if word in self.where}


def together_by(statistic: str) -> str:
    """Return the function of metric math for several parts: of counts the sum, of all else the worst."""
    return "SUM" if statistic in {"Sum", "SampleCount"} else "MAX"


def signals_of(kind: str, where: Where) -> Signals:
    """Return the signals of an endpoint.

    Args:
        kind: as the table has it
        where: what the words of the metrics' dimensions stand for, such as `{"function": "shop-prod-iris"}`

    Raises:
        ValueError: there is no such kind, or a word has no value.

    """
    if kind not in kinds():
        raise ValueError(f"no signals are known of the kind {kind!r}, only of {', '.join(kinds())}")
    found = kinds()[kind]
    words = {word for metric in found.metrics.values() for word in metric.dimensions.values()}
    words -= {VERSION, CONFIG}
    if missing := words - where.keys():
        raise ValueError(f"the signals of {kind} need to know: {', '.join(sorted(missing))}")
    return replace(found, where=where)


@cache
def kinds() -> Mapping[str, Signals]:
    """Return the signals of each kind, of no endpoint yet.

    Raises:
        ValueError: the table has an entry that is not known, not listed, or not used.

    """
    data = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    entries = {kind: _whole(kind, data["kinds"]) for kind in data["kinds"]}
    used = [metric for entry in entries.values() for role, metric in entry.items() if role != "memory"]
    _complete("metrics", used, data["metrics"])
    _complete("sources", [entry["source"] for entry in data["metrics"].values()], data["sources"])
    metrics = {
        name: Metric(**{**entry, "source": data["sources"][entry["source"]]})
        for name, entry in data["metrics"].items()
    }
    return MappingProxyType({kind: _signals(kind, entry, metrics) for kind, entry in entries.items()})


def _whole(kind: str, entries: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    own = dict(entries[kind])
    other = own.pop("extends", None)
    return own if other is None else {**_whole(other, entries), **own}


def _complete(what: str, used: Sequence[str], listed: Mapping[str, object]) -> None:
    if wrong := set(used) ^ listed.keys():
        raise ValueError(f"{TABLE.name}: {what} not listed, or not used: {', '.join(sorted(wrong))}")


def _signals(kind: str, entry: Mapping[str, str], metrics: Mapping[str, Metric]) -> Signals:
    if unknown := entry.keys() - {"memory", *get_args(Role)}:
        raise ValueError(f"{TABLE.name}: kind {kind}: no such role: {', '.join(sorted(unknown))}")
    roles: dict[Role, Metric] = {role: metrics[entry[role]] for role in get_args(Role) if role in entry}
    return Signals(kind, MappingProxyType(roles), entry.get("memory", ""))
