"""Limits of Cloud Run's services: `limits.toml`, read."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from modelberth.spec.resources import GpuKind

__all__ = ["TABLE", "GpuOffer", "Limits", "Shape", "limits"]

TABLE: Final = Path(__file__).with_name("limits.toml")


@dataclass(frozen=True, slots=True)
class Shape:
    """A number of processors, and the memory that an instance with them can have, in MiB."""

    cpus: int
    least_mib: int
    most_mib: int


@dataclass(frozen=True, slots=True)
class GpuOffer:
    """A kind of GPU in Cloud Run.

    Attributes:
        accelerator: as a service's node selector has it
        regions: that offer it
        invited: those of them that take invited projects only
        sizes: of an instance with one, the smallest first
        quota: of a project in a region
        zonal_quota: of a project in a region, where capacity is in more than one zone

    """

    accelerator: str
    regions: tuple[str, ...]
    invited: frozenset[str]
    sizes: tuple[Shape, ...]
    quota: str
    zonal_quota: str


@dataclass(frozen=True, slots=True)
class Limits:
    """Everything that `limits.toml` holds.

    Attributes:
        captured: day of the table, as 2026-11-22
        body_bytes: of the largest request, by HTTP/1
        timeout_seconds: of the longest request
        concurrency: most requests that an instance has in progress
        start_seconds: of the longest start
        gpu_start_seconds: of the longest start of an instance with a GPU
        cpu_target: least and greatest share of its processors that an instance can be kept at
        concurrency_target: least and greatest share of its requests in progress
        revisions: most of one service that are kept
        tag_and_service: most characters that a traffic tag and the name of its service have together
        revision: most characters of a revision's name
        sizes: of an instance without a GPU, the smallest first
        gpus: by kind, as in `resources.gpu.kind`

    """

    captured: str
    body_bytes: int
    timeout_seconds: int
    concurrency: int
    start_seconds: int
    gpu_start_seconds: int
    cpu_target: tuple[float, float]
    concurrency_target: tuple[float, float]
    revisions: int
    tag_and_service: int
    revision: int
    sizes: tuple[Shape, ...]
    gpus: Mapping[GpuKind, GpuOffer]


@cache
def limits() -> Limits:
    """Read the table once."""
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    request, names, scaling = table["request"], table["names"], table["scaling"]
    return Limits(
        captured=str(table["captured"]),
        body_bytes=request["body_bytes"],
        timeout_seconds=request["timeout_seconds"],
        concurrency=request["concurrency"],
        start_seconds=table["start"]["seconds"],
        gpu_start_seconds=table["start"]["gpu_seconds"],
        cpu_target=tuple(scaling["cpu"]),
        concurrency_target=tuple(scaling["concurrency"]),
        revisions=table["revisions"]["most"],
        tag_and_service=names["tag_and_service"],
        revision=names["revision"],
        sizes=_shapes(table["cpu"]["sizes"]),
        gpus=MappingProxyType(
            {
                kind: GpuOffer(
                    row["accelerator"],
                    tuple(row["regions"]),
                    frozenset(row["invited"]),
                    _shapes(row["sizes"]),
                    row["quota"],
                    row["zonal_quota"],
                )
                for kind, row in table["gpus"].items()
            }
        ),
    )


def _shapes(rows: Sequence[Mapping[str, Any]]) -> tuple[Shape, ...]:
    return tuple(Shape(row["cpus"], row["least_mib"], row["most_mib"]) for row in rows)
