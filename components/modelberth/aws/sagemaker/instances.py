"""Which instance type a replica gets: `instances.toml`, read."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from modelberth.aws.regions import has_instance, instance_problems
from modelberth.errors import Problem, shown
from modelberth.spec.sagemaker import Serverless

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec, Resources
    from modelberth.spec.resources import Gpu, GpuKind
    from modelberth.spec.sagemaker import SageMakerTarget

__all__ = ["TABLE", "Instance", "has_local_storage", "instance_type", "instances", "problems"]

TABLE: Final = Path(__file__).with_name("instances.toml")
_GIB: Final = 2**30
_MILLICORES: Final = 1000


@dataclass(frozen=True, slots=True)
class Instance:
    """What one instance type has.

    Attributes:
        name: such as ml.g5.xlarge
        processors: virtual ones
        memory: bytes
        gpu: kind of its GPUs; None: it has none
        gpus: number of them
        gpu_memory: bytes of one

    """

    name: str
    processors: int
    memory: int
    gpu: GpuKind | None = None
    gpus: int = 0
    gpu_memory: int = 0

    def holds(self, resources: Resources) -> bool:
        """Tell whether a replica with these resources fits; its processes share them with SageMaker's own."""
        return (
            resources.cpu.millicores <= self.processors * _MILLICORES
            and resources.memory <= self.memory
            and (resources.gpu is None or self._has(resources.gpu))
        )

    def _has(self, gpu: Gpu) -> bool:
        return gpu.kind == self.gpu and gpu.count <= self.gpus and (gpu.memory_min or 0) <= self.gpu_memory


def instance_type(spec: EndpointSpec, target: SageMakerTarget) -> str | None:
    """Return the instance type of a replica; None: serverless, or none that is known holds it."""
    if isinstance(target.mode, Serverless):
        return None
    return target.mode.instance_type or _cheapest(spec.resources, target.region)


def has_local_storage(instance: str) -> bool:
    """Tell whether an instance keeps its data on itself, where the hardware encrypts and no key of ours."""
    return _family(instance) in _toml()["local"]


@cache
def instances() -> Mapping[str, Instance]:
    """Return every known type by its name, in the order in which they are chosen."""
    families: Mapping[str, Any] = _toml()["families"]
    chosen = _toml()["cheapest"]
    if unknown := {*chosen} - families.keys():
        raise ValueError(f"{TABLE.name}: no such families: {', '.join(sorted(unknown))}")
    order = [*chosen, *(name for name in families if name not in chosen)]
    found = [one for family in order for one in _sizes(family, families[family])]
    # In a family the price follows the processors, and with as many the GPUs.
    ranked = sorted(found, key=lambda one: (one.gpus, one.processors, order.index(_family(one.name))))
    return MappingProxyType({one.name: one for one in ranked})


def problems(spec: EndpointSpec, target: SageMakerTarget) -> Iterator[Problem]:
    """Yield resources that no instance has, or not the one that the target names."""
    mode, resources = target.mode, spec.resources
    if isinstance(mode, Serverless):
        return
    wanted = _wanted(resources)
    if mode.instance_type is None:
        if _cheapest(resources, target.region) is None:
            hint = "Name one that holds it in target.mode.instance_type."
            allowed = f"what one known instance type of {target.region} has"
            yield Problem("resources", wanted, allowed, hint + _in_other_regions(resources))
        return
    yield from instance_problems(target.region, mode.instance_type, "hosting", "target.mode.instance_type")
    known = instances().get(mode.instance_type)
    if known is None or known.holds(resources):
        return
    holding = _cheapest(resources, target.region)
    hint = f"{holding} is the cheapest known one that does." if holding is not None else ""
    yield Problem("target.mode.instance_type", shown(known.name), f"one that holds {wanted}", hint)


def _in_other_regions(resources: Resources) -> str:
    """Name what would hold it where the region does not decide."""
    elsewhere = _cheapest(resources, None)
    return "" if elsewhere is None else f" In regions that have it, {elsewhere} does."


def _cheapest(resources: Resources, region: str | None) -> str | None:
    chosen = _toml()["cheapest"]
    return next(
        (
            one.name
            for one in instances().values()
            if _family(one.name) in chosen
            and (region is None or has_instance(region, one.name, "hosting"))
            and one.holds(resources)
            and (one.gpu is not None) == (resources.gpu is not None)
        ),
        None,
    )


def _wanted(resources: Resources) -> str:
    wanted = f"{resources.cpu} processors, {resources.memory} of memory"
    if (gpu := resources.gpu) is None:
        return wanted
    least = "" if gpu.memory_min is None else f" with {gpu.memory_min} each"
    return f"{wanted} and {gpu.count} GPU(s) of kind {gpu.kind}{least}"


def _sizes(family: str, entry: Mapping[str, Any]) -> Iterator[Instance]:
    for size, (processors, gib, *gpus) in entry["sizes"].items():
        name, memory = f"ml.{family}.{size}", gib * _GIB
        if gpus:
            yield Instance(name, processors, memory, entry["gpu"], gpus[0], entry["gpu_gib"] * _GIB)
        else:
            yield Instance(name, processors, memory)


def _family(instance: str) -> str:
    return instance.split(".")[1]


@cache
def _toml() -> dict[str, Any]:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))
