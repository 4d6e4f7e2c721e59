"""Machine types with GPUs: `machines.toml`, read. What a node of one keeps for itself is GKE's formula."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from modelberth.kubernetes.accelerators.table import Product, accelerators
from modelberth.spec.quantities import Bytes, Cpu

if TYPE_CHECKING:
    from modelberth.spec.resources import GpuKind, Resources

__all__ = ["TABLE", "Accelerator", "Machine", "captured", "gpu_types", "machines"]

TABLE: Final = Path(__file__).with_name("machines.toml")

_GIBI: Final = 2**30
_MEBI: Final = 2**20
# GKE, "Plan GKE Standard node sizes": shares of a node that are not for pods, each up to a bound.
_KEPT_CPUS: Final = ((1000, 0.06), (2000, 0.01), (4000, 0.005), (float("inf"), 0.0025))
_KEPT_MEMORY: Final = (
    *((4 * _GIBI, 0.25), (8 * _GIBI, 0.20), (16 * _GIBI, 0.10), (128 * _GIBI, 0.06)),
    (float("inf"), 0.02),
)
_EVICTION: Final = 100 * _MEBI
"""Below so much free memory the kubelet ends pods."""
# Room for GKE's own pods on a node: logs, metrics, network, devices. Its documentation gives no number.
_SYSTEM_CPU: Final = 400
_SYSTEM_MEMORY: Final = 768 * _MEBI


@dataclass(frozen=True, slots=True)
class Accelerator:
    """GPUs as Compute Engine names them.

    Attributes:
        name: such as nvidia-l4
        kind: as `resources.gpu.kind` has it
        product: the GPU as its driver names it
        in_autopilot: whether Autopilot makes nodes with it

    """

    name: str
    kind: GpuKind
    product: Product
    in_autopilot: bool


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine type with GPUs.

    Attributes:
        name: such as g2-standard-4
        cpus: processors
        memory: of the machine
        gpus: number of them
        accelerator: the GPUs
        zones: that have such machines; None where nobody has read them
        spot_only: it is to be had as spare capacity alone

    """

    name: str
    cpus: int
    memory: Bytes
    gpus: int
    accelerator: Accelerator
    zones: tuple[str, ...] | None
    spot_only: bool = False

    @property
    def cpu_for_pods(self) -> Cpu:
        """Processor time of a node that pods can have beside the system's."""
        whole = self.cpus * 1000
        return Cpu(max(int(whole - _kept(whole, _KEPT_CPUS)) - _SYSTEM_CPU, 0))

    @property
    def memory_for_pods(self) -> Bytes:
        """Memory of a node that pods can have beside the system's."""
        kept = _kept(int(self.memory), _KEPT_MEMORY)
        return Bytes(max(int(self.memory - kept) - _EVICTION - _SYSTEM_MEMORY, 0))

    def holds(self, resources: Resources) -> bool:
        """Tell whether a node has room for a replica, its GPUs left out."""
        return resources.cpu <= self.cpu_for_pods and resources.memory <= self.memory_for_pods

    def zones_in(self, region: str) -> tuple[str, ...]:
        """Zones of a region that have such machines, as far as they are known."""
        return tuple(one for one in self.zones or () if one.rpartition("-")[0] == region)


@cache
def captured() -> str:
    """Return the day of the table, as 2026-11-22."""
    return str(_toml()["captured"])


@cache
def gpu_types() -> Mapping[str, Accelerator]:
    """Return every accelerator by its name."""
    found = {}
    for name, row in _toml()["accelerators"].items():
        products = accelerators()[row["kind"]].products
        (product,) = [one for one in products if one.name == row["product"]]
        found[name] = Accelerator(name, row["kind"], product, row["autopilot"])
    return found


@cache
def machines(kind: GpuKind) -> tuple[Machine, ...]:
    """Return the machine types with GPUs of a kind, those with fewest GPUs first, then the smallest.

    A machine of N1 is there once for each number of GPUs that it can have.
    """
    every = (one for one in _machines() if one.accelerator.kind == kind)
    return tuple(sorted(every, key=lambda one: (one.gpus, one.cpus, one.memory)))


def _machines() -> Iterator[Machine]:
    table = _toml()
    for series, row in table["series"].items():
        accelerator, zones = gpu_types()[row["accelerator"]], row.get("zones")
        for part, (cpus, gibibytes, gpus) in row["machines"].items():
            yield Machine(
                f"{series}-{part}",
                cpus,
                Bytes(gibibytes * _GIBI),
                gpus,
                accelerator,
                None if zones is None else tuple(zones),
                spot_only=part in row.get("spot", ()),
            )
    for name, row in table["attached"].items():
        yield from _of_n1(gpu_types()[name], row, table["n1"])


def _of_n1(accelerator: Accelerator, row: Mapping[str, Any], n1: Mapping[str, Any]) -> Iterator[Machine]:
    for gpus, (most_cpus, most_gibibytes) in row["gpus"].items():
        for series, share in n1["memory"].items():
            for cpus in n1["cpus"]:
                gibibytes = cpus * share
                if cpus <= most_cpus and gibibytes <= most_gibibytes:
                    memory = Bytes(int(gibibytes * _GIBI))
                    yield Machine(
                        f"{series}-{cpus}", cpus, memory, int(gpus), accelerator, tuple(row["zones"])
                    )


def _kept(whole: int, shares: tuple[tuple[float, float], ...]) -> float:
    """Sum what is kept of each stretch of a resource."""
    kept, below = 0.0, 0.0
    for bound, share in shares:
        kept += max(min(whole, bound) - below, 0) * share
        below = bound
    return kept


def _toml() -> dict[str, Any]:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))
