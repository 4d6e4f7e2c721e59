"""What each engine's server tells Prometheus: `metrics.toml`, read."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from modelberth.spec.runtime import Engine

__all__ = ["TABLE", "EngineMetrics", "Series", "engine_metrics"]

TABLE: Final = Path(__file__).with_name("metrics.toml")


@dataclass(frozen=True, slots=True)
class Series:
    """Time series of a server, as a selector of PromQL: a name and matchers, either of which may be empty."""

    name: str
    matchers: str = ""

    @classmethod
    def parse(cls, text: str) -> Series:
        """Read `NAME`, `NAME{MATCHERS}` or `{MATCHERS}`."""
        name, _, matchers = text.partition("{")
        return cls(name, matchers.removesuffix("}"))

    def where(self, *matchers: str, suffix: str = "") -> str:
        """Return the selector with further matchers; `suffix` is what a histogram's name ends with."""
        return f"{self.name}{suffix}{{{','.join(one for one in (*matchers, self.matchers) if one)}}}"


@dataclass(frozen=True, slots=True)
class EngineMetrics:
    """The series of one engine; None where its server does not tell that. The table says what each means."""

    requests: Series
    errors: Series
    sources: tuple[str, ...]
    refused: Series | None = None
    latency: Series | None = None
    unit: float = 1.0
    """Of `latency` and `mean`, in seconds."""
    buckets: tuple[float, ...] = ()
    mean: tuple[Series, Series] | None = None
    """Sum of the times, and number of requests."""
    waiting_time: Series | None = None
    batch: tuple[Series, Series] | None = None
    """Rows, and computations."""
    in_progress: tuple[Series, ...] = ()
    running: Series | None = None
    waiting: Series | None = None
    cache_used: Series | None = None
    versions: tuple[Series, str] | None = None
    """The counter, and its label with the version."""
    always: Series | None = None

    @property
    def longest(self) -> float:
        """The greatest latency that can be told from greater ones, in seconds; 0 without a histogram."""
        return max(self.buckets, default=0.0) * self.unit


@cache
def engine_metrics() -> Mapping[Engine, EngineMetrics]:
    """Return the series of each engine. An image of one's own keeps to the contract of our server.

    Raises:
        ValueError: the table has an entry that is not known, or a source that is not listed or not used.

    """
    data = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    sources, entries = data["sources"], data["engines"]
    used = {key for entry in entries.values() for key in entry["sources"]}
    if unknown := used ^ sources.keys():
        raise ValueError(f"{TABLE.name}: sources not listed, or not used: {', '.join(sorted(unknown))}")
    engines = {engine: _metrics(engine, entry, sources) for engine, entry in entries.items()}
    return MappingProxyType({**engines, "custom": engines["onnxruntime"]})


_SERIES: Final = (
    *("requests", "errors", "refused", "latency", "waiting_time"),
    *("running", "waiting", "cache_used", "always"),
)


def _metrics(engine: str, entry: dict[str, object], sources: Mapping[str, str]) -> EngineMetrics:
    fields: dict[str, object] = {}
    for key, value in entry.items():
        match key, value:
            case "sources", list():
                fields[key] = tuple(sources[one] for one in value)
            case "in_progress", list():
                fields[key] = tuple(Series.parse(one) for one in value)
            case "buckets", list():
                fields[key] = tuple(float(one) for one in value)
            case "unit", float():
                fields[key] = value
            case "mean", {"time": str(time), "requests": str(requests)}:
                fields[key] = (Series.parse(time), Series.parse(requests))
            case "batch", {"rows": str(rows), "computations": str(computations)}:
                fields[key] = (Series.parse(rows), Series.parse(computations))
            case "versions", {"series": str(series), "by": str(label)}:
                fields[key] = (Series.parse(series), label)
            case _, str() if key in _SERIES:
                fields[key] = Series.parse(value)
            case _:
                raise ValueError(f"{TABLE.name}: engine {engine}: no such entry: {key}")
    return EngineMetrics(**fields)  # type: ignore[arg-type]
