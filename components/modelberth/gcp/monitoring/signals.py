"""What Cloud Monitoring is told of an endpoint: `signals.toml`, read. A new kind is an entry there."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

import pulumi

__all__ = [
    "REFUSALS",
    "TABLE",
    "VERSION",
    "Metric",
    "Plain",
    "Role",
    "Signals",
    "Where",
    "kinds",
    "promql_name",
    "signals_of",
]

TABLE: Final = Path(__file__).with_name("signals.toml")

Role = Literal[
    "requests",
    "failed",
    "rejected",
    "refused",
    "latency",
    "in_progress",
    "replicas",
    "active",
    "wanted",
    "queued",
    "starts",
    "cpu_use",
    "gpu_use",
    "memory_use",
    "gpu_memory_use",
]
"""What a metric tells; the table says what each means."""

VERSION: Final = "version"
"""The word for a version, which is known only while two serve."""
REFUSALS: Final = "refusals"
"""The word for the name of the metric that is made from the log."""
_PROJECT: Final = "project"
"""The word for the project, which the plan knows."""

Where = Mapping[str, pulumi.Input[str]]
"""What each word of the labels stands for; what only Google knows may be an output."""
Plain = Mapping[str, str]
"""The same, known."""

_SECONDS: Final = {"ms": 1e-3, "s": 1.0}


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of Cloud Monitoring.

    Attributes:
        name: as Google has it, with a {word} where it is not the same for each endpoint
        form: what it is in PromQL
        unit: of its value; 10^2.% is a share between 0 and 1
        source: page that describes it
        only: further labels, as regular expressions

    """

    name: str
    form: Literal["counter", "histogram", "gauge"]
    unit: str
    source: str
    only: Mapping[str, str] = field(default_factory=dict)

    def measured(self, seconds: float) -> float:
        """Return a time in the unit of the metric.

        Raises:
            KeyError: it is no time.

        """
        return round(seconds / _SECONDS[self.unit], 6)

    @property
    def words(self) -> set[str]:
        """Words that stand in its name."""
        return set(re.findall(r"\{(\w+)\}", self.name))


@dataclass(frozen=True, slots=True)
class Signals:
    """The metrics of one endpoint.

    Attributes:
        kind: of endpoint
        resource: type of the monitored resource
        labels: of that, by which the endpoint is told from others, each with the word for its value
        version: label that tells two versions apart
        metrics: by what they tell
        where: value for each word

    """

    kind: str
    resource: str
    labels: Mapping[str, str]
    version: str
    metrics: Mapping[Role, Metric]
    where: Plain = field(default_factory=dict)

    def has(self, *roles: Role) -> bool:
        """Tell whether there is a metric for each role, whose name is known."""
        return all(role in self.metrics and self.metrics[role].words <= self.where.keys() for role in roles)

    def series(self, role: Role, suffix: str = "", *, version: bool = False) -> str:
        """Return the selector of a role's series in PromQL.

        Args:
            role: what is asked for
            suffix: of a histogram's series: `_bucket`, `_count` or `_sum`
            version: of the new version alone

        """
        metric = self.metrics[role]
        equal = {"monitored_resource": self.resource, **self._values(version=version)}
        matchers = [f'{label}="{value}"' for label, value in equal.items()]
        for label, pattern in metric.only.items():
            matchers.append(f'{label}{"=" if pattern.isalnum() else "=~"}"{pattern}"')
        name = promql_name(metric.name.format_map(self.where))
        return f"{name}{suffix}{{{','.join(matchers)}}}"

    @property
    def log_filter(self) -> str:
        """What Cloud Logging knows the endpoint's entries by: those of its replicas and of requests to it.

        Audit logs are no part of it: they stay where auditors look for them.
        """
        values = {f"resource.labels.{label}": value for label, value in self._values().items()}
        equal = {"resource.type": self.resource, **values}
        terms = [f'{name}="{value}"' for name, value in equal.items()]
        return " AND ".join([*terms, 'NOT logName:"cloudaudit.googleapis.com"'])

    def _values(self, *, version: bool = False) -> dict[str, str]:
        found = {label: self.where[word] for label, word in self.labels.items()}
        return {**found, self.version: self.where[VERSION]} if version else found


def promql_name(metric: str) -> str:
    """Return the name that PromQL has for a metric of Cloud Monitoring.

    https://docs.cloud.google.com/monitoring/promql/promql-mapping: the first slash becomes a colon, every
    other special character an underscore.
    """
    domain, _, path = metric.partition("/")
    return f"{re.sub(r'[^A-Za-z0-9_]', '_', domain)}:{re.sub(r'[^A-Za-z0-9_]', '_', path)}"


def signals_of(kind: str, project: str, where: Plain) -> Signals:
    """Return the signals of an endpoint.

    Args:
        kind: as the table has it
        project: id of its project
        where: what the words of the labels stand for, such as `{"service": "shop-prod-iris", "location": …}`

    Raises:
        ValueError: there is no such kind, or a word has no value.

    """
    if kind not in kinds():
        raise ValueError(f"no signals are known of the kind {kind!r}, only of {', '.join(kinds())}")
    found, values = kinds()[kind], {_PROJECT: project, **where}
    if missing := set(found.labels.values()) - values.keys():
        raise ValueError(f"the signals of {kind} need to know: {', '.join(sorted(missing))}")
    return replace(found, where=values)


@cache
def kinds() -> Mapping[str, Signals]:
    """Return the signals of each kind, of no endpoint yet.

    Raises:
        ValueError: the table has an entry that is not known, not listed, or not used.

    """
    data = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    roles = {
        kind: {key: entry[key] for key in entry.keys() & {*get_args(Role)}}
        for kind, entry in data["kinds"].items()
    }
    _complete("metrics", (name for entry in roles.values() for name in entry.values()), data["metrics"])
    _complete("sources", (entry["source"] for entry in data["metrics"].values()), data["sources"])
    metrics = {
        name: Metric(**{**entry, "source": data["sources"][entry["source"]]})
        for name, entry in data["metrics"].items()
    }
    return MappingProxyType({kind: _signals(kind, entry, metrics) for kind, entry in data["kinds"].items()})


def _complete(what: str, used: Iterable[str], listed: Mapping[str, object]) -> None:
    if wrong := set(used) ^ listed.keys():
        raise ValueError(f"{TABLE.name}: {what} not listed, or not used: {', '.join(sorted(wrong))}")


def _signals(kind: str, entry: Mapping[str, Any], metrics: Mapping[str, Metric]) -> Signals:
    if unknown := entry.keys() - {"resource", "labels", "version", *get_args(Role)}:
        raise ValueError(f"{TABLE.name}: kind {kind}: no such role: {', '.join(sorted(unknown))}")
    roles: dict[Role, Metric] = {role: metrics[entry[role]] for role in get_args(Role) if role in entry}
    return Signals(kind, entry["resource"], entry["labels"], entry["version"], MappingProxyType(roles))
