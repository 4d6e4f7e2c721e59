"""What NVIDIA's DCGM exporter tells of the GPUs of pods, as PromQL: `gpu_metrics.toml`, read."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

__all__ = ["NODE", "TABLE", "GpuMetric", "GpuSeries", "gpu_labels", "gpu_metrics", "of_gpus"]

TABLE: Final = Path(__file__).with_name("gpu_metrics.toml")

GpuMetric = Literal["busy", "memory_used", "memory_free", "fault"]
"""The table says what each is, and in which unit."""
NODE: Final = "node"


@dataclass(frozen=True, slots=True)
class GpuSeries:
    """A metric under the name that some releases of the exporter have for it."""

    name: str
    unit: float
    """What a value of 1 is worth in the unit of the metric."""
    since: str | None
    until: str | None
    source: str


def of_gpus(metric: GpuMetric, namespace: str, pods: str, *, times: float = 1) -> str:
    """Return PromQL for a metric of the GPUs of pods, whatever release of the exporter runs on their nodes.

    Prometheus calls the labels of the pod `exported_…` unless it is told to honour those that the exporter
    sets. The parts are joined by `or`, which a caller that goes on computing puts in parentheses.

    Args:
        metric: which one
        namespace: of the pods
        pods: regular expression for their names
        times: what the values are multiplied by, such as 100 for percent of a share

    """
    parts = []
    for one in gpu_metrics()[metric]:
        factor = "" if one.unit * times == 1 else f" * {one.unit * times:.12g}"
        for prefix in ("exported_", ""):
            matchers = f'{prefix}namespace="{namespace}",{prefix}pod=~"{pods}"'
            parts.append(f"{one.name}{{{matchers}}}{factor}")
    return " or ".join(parts)


@cache
def gpu_metrics() -> Mapping[GpuMetric, tuple[GpuSeries, ...]]:
    """Return the series of each metric, the oldest name first."""
    data = _data()
    return {
        metric: tuple(
            GpuSeries(
                name=entry["series"],
                unit=float(entry["unit"]),
                since=entry.get("since"),
                until=entry.get("until"),
                source=data["sources"][entry["source"]],
            )
            for entry in entries
        )
        for metric, entries in data["metrics"].items()
    }


@cache
def gpu_labels(label: str = NODE) -> tuple[str, ...]:
    """Return the names that releases of the exporter have for a label; a series has one of them."""
    return tuple(entry["label"] for entry in _data()["labels"][label])


@cache
def _data() -> Mapping[str, Any]:
    """The table.

    Raises:
        ValueError: a source is not listed, or not used.

    """
    data = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    entries = [one for part in ("metrics", "labels") for found in data[part].values() for one in found]
    if unknown := {one["source"] for one in entries} ^ data["sources"].keys():
        raise ValueError(f"{TABLE.name}: sources not listed, or not used: {', '.join(sorted(unknown))}")
    return data
