"""The machines and accelerators of online prediction: `machines.toml`, read."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from modelberth.spec import Resources
    from modelberth.spec.resources import Gpu, GpuKind

__all__ = ["TABLE", "Accelerator", "Machine", "accelerators", "captured", "machines"]

TABLE: Final = Path(__file__).with_name("machines.toml")
_GIB: Final = 2**30
_MILLICORES: Final = 1000


@dataclass(frozen=True, slots=True)
class Accelerator:
    """A kind of GPU.

    Attributes:
        name: as the API has it, such as NVIDIA_L4
        regions: that may have it; None: not known

    """

    name: str
    regions: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Machine:
    """What one machine type has for a replica.

    Attributes:
        name: such as n1-standard-4
        whole: its virtual processors
        processors: of these, what Google does not keep for itself
        memory: bytes, likewise
        gpu: kind of the GPUs that are built in; None: there are none
        gpus: number of these
        attached: numbers of GPUs that can be added, by kind

    """

    name: str
    whole: int
    processors: int
    memory: int
    gpu: GpuKind | None = None
    gpus: int = 0
    attached: Mapping[GpuKind, tuple[int, ...]] = field(default_factory=dict)

    def holds(self, resources: Resources) -> bool:
        """Tell whether a replica with these resources fits, and leaves no GPU unused."""
        return (
            resources.cpu.millicores <= self.processors * _MILLICORES
            and resources.memory <= self.memory
            and self.goes_with(resources.gpu)
        )

    def goes_with(self, gpu: Gpu | None) -> bool:
        """Tell whether the machine can be had with exactly these GPUs."""
        if gpu is None:
            return self.gpu is None
        return gpu.count in self.counts(gpu.kind)

    def counts(self, kind: GpuKind) -> tuple[int, ...]:
        """Return the numbers of GPUs of a kind that the machine can be had with; none: it has no such GPU."""
        return (self.gpus,) if self.gpu == kind else self.attached.get(kind, ())


@cache
def machines() -> Mapping[str, Machine]:
    """Return every known type by its name, in the order in which they are chosen.

    Within a number of processors that is the order of the families, and in a family that of the memory.
    """
    families: Mapping[str, Any] = _toml()["families"]
    chosen = _toml()["cheapest"]
    if unknown := {*chosen} - families.keys():
        raise ValueError(f"{TABLE.name}: no such families: {', '.join(sorted(unknown))}")
    order = [*chosen, *(name for name in families if name not in chosen)]
    found = [
        (one.processors, order.index(family), one.memory, one)
        for family in order
        for one in _sizes(family, families[family])
    ]
    return MappingProxyType({one.name: one for *_, one in sorted(found, key=lambda row: row[:3])})


@cache
def accelerators() -> Mapping[GpuKind, Accelerator]:
    """Return what is known of each kind of GPU, in the order of the table."""
    rows: Mapping[GpuKind, Mapping[str, Any]] = _toml()["accelerators"]
    return MappingProxyType(
        {
            kind: Accelerator(row["name"], frozenset(row["regions"]) if "regions" in row else None)
            for kind, row in rows.items()
        }
    )


def captured() -> str:
    """Return the day of the table, as 2026-11-22."""
    return str(_toml()["captured"])


def _sizes(family: str, entry: Mapping[str, Any]) -> Iterator[Machine]:
    reserved, attached = _toml()["reserved"], entry.get("attached", {})
    for size, (processors, gib, *gpus) in entry["sizes"].items():
        counts = {kind: tuple(rows[str(processors)]) for kind, rows in attached.items()}
        yield Machine(
            f"{family}-{size}",
            processors,
            processors - reserved["processors"],
            max(0, round((gib - reserved["gib"]) * _GIB)),
            entry["gpu"] if gpus else None,
            gpus[0] if gpus else 0,
            MappingProxyType(cast("dict[GpuKind, tuple[int, ...]]", counts)),
        )


@cache
def _toml() -> dict[str, Any]:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))
