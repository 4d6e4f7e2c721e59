"""Processors and memory of an instance: the smallest size of Cloud Run's that holds a replica.

Cloud Run has whole processors in steps, and to each number of them a least and a greatest memory. So a
replica may have more than `resources` asks for, never less; with a GPU, at least what Google asks for beside
it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from modelberth.errors import Problem
from modelberth.gcp.cloud_run.limits import limits
from modelberth.spec.quantities import Bytes

if TYPE_CHECKING:
    from modelberth.gcp.cloud_run.limits import Shape
    from modelberth.spec import EndpointSpec, Resources
    from modelberth.spec.cloud_run import CloudRunTarget

__all__ = ["Size", "problems", "size"]

_MIB: Final = 2**20
_MILLICORES: Final = 1000
_GPU: Final = "nvidia.com/gpu"


@dataclass(frozen=True, slots=True)
class Size:
    """What an instance has.

    Attributes:
        cpus: whole processors
        memory_mib: in MiB
        gpus: number of GPUs

    """

    cpus: int
    memory_mib: int
    gpus: int = 0

    @property
    def limits(self) -> dict[str, str]:
        """The size as a container's limits have it."""
        found = {"cpu": str(self.cpus), "memory": f"{self.memory_mib}Mi"}
        return found | {_GPU: str(self.gpus)} if self.gpus else found


def size(resources: Resources) -> Size | None:
    """Return the smallest size that holds a replica; None: there is none."""
    gpus = 0 if resources.gpu is None else resources.gpu.count
    for shape in _shapes(resources):
        if resources.cpu.millicores <= shape.cpus * _MILLICORES and _mib(resources) <= shape.most_mib:
            return Size(shape.cpus, max(shape.least_mib, _mib(resources)), gpus)
    return None


def problems(spec: EndpointSpec, target: CloudRunTarget) -> Iterator[Problem]:
    """Yield what no instance has; a kind of GPU that Cloud Run has not is not judged here."""
    del target  # The sizes are the same in every region.
    shapes = _shapes(spec.resources)
    if not shapes:
        return
    largest = shapes[-1]
    gpu = spec.resources.gpu
    beside = "" if gpu is None else f" beside a GPU of kind {gpu.kind}"
    hint = "A replica is one instance of Cloud Run; the machines of `vertex` are larger."
    if spec.resources.cpu.millicores > largest.cpus * _MILLICORES:
        yield Problem("resources.cpu", str(spec.resources.cpu), f"at most {largest.cpus}{beside}", hint)
    if _mib(spec.resources) > largest.most_mib:
        most = Bytes(largest.most_mib * _MIB)
        yield Problem("resources.memory", str(spec.resources.memory), f"at most {most}{beside}", hint)


def _shapes(resources: Resources) -> tuple[Shape, ...]:
    if resources.gpu is None:
        return limits().sizes
    offer = limits().gpus.get(resources.gpu.kind)
    return () if offer is None else offer.sizes


def _mib(resources: Resources) -> int:
    return math.ceil(resources.memory / _MIB)
