"""What a pool of nodes with GPUs cannot be in Google Kubernetes Engine: machines, zones, shares of a GPU."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from modelberth.errors import Problem, join, shown
from modelberth.gcp.gke.machines import Machine, captured, gpu_types, machines
from modelberth.gcp.gke.sizing import candidates, machine
from modelberth.kubernetes.accelerators.table import slice_memory
from modelberth.spec.gke import ComputeClassPool, GkeNodePool, Mig

if TYPE_CHECKING:
    from modelberth.spec.gke import GkePool
    from modelberth.spec.resources import Gpu, Resources

__all__ = ["autopilot_problems", "problems"]

_MOST_NAMED = 6


def problems(pool: GkePool, resources: Resources, region: str, path: str) -> Iterator[Problem]:
    """Yield why no node of a pool could have a replica's GPUs, or hold it; nothing where it asks for none.

    Args:
        pool: as it was asked for
        resources: of a replica
        region: of the nodes
        path: of the pool

    """
    gpu = resources.gpu
    if gpu is None:
        return
    if not machines(gpu.kind):
        known = ", ".join(dict.fromkeys(one.kind for one in gpu_types().values()))
        yield Problem(path, "a pool", f"nothing with kind {gpu.kind}, of which Google has none: {known}")
    elif isinstance(pool, ComputeClassPool):
        yield from _class_problems(pool, gpu, region, path)
    else:
        yield from _pool_problems(pool, resources, gpu, region, path)


def autopilot_problems(gpu: Gpu, region: str) -> Iterator[Problem]:
    """Yield why Autopilot makes no node with a replica's GPUs, or none in a region."""
    kinds = list(dict.fromkeys(one.kind for one in gpu_types().values() if one.in_autopilot))
    if gpu.kind not in kinds:
        allowed = f"{', '.join(kinds)} in Autopilot"
        yield Problem("resources.gpu.kind", shown(gpu.kind), allowed, "Other GPUs take capacity standard.")
        return
    yield from _count_problems(gpu)
    yield from _region_problems(machines(gpu.kind), gpu, region)


def _pool_problems(
    pool: GkeNodePool, resources: Resources, gpu: Gpu, region: str, path: str
) -> Iterator[Problem]:
    found = [*_machine_problems(pool, gpu, path), *_sharing_problems(pool, gpu, path)]
    yield from found
    fitting = candidates(pool, gpu)
    if found or not fitting:
        return
    if missing := [*_region_problems(fitting, gpu, region)]:
        yield from missing
    elif machine(pool, resources, region) is None:
        largest = max(fitting, key=lambda one: (one.memory_for_pods, one.cpu_for_pods))
        given = f"cpu {resources.cpu}, memory {resources.memory}"
        memory = f"{int(largest.memory_for_pods) // 2**30}Gi"
        allowed = f"what a node of {largest.name} has for pods: cpu {largest.cpu_for_pods}, memory {memory}"
        hint = "GKE keeps the rest of a node, and its own pods are on it."
        yield Problem("resources", given, allowed, hint)
    yield from _memory_problems(pool, fitting[0], gpu)
    yield from _zone_problems(pool.zones, fitting, region, path)


def _machine_problems(pool: GkeNodePool, gpu: Gpu, path: str) -> Iterator[Problem]:
    """Yield a machine without such GPUs, with too few of them, or that is not to be had on demand."""
    every = machines(gpu.kind)
    if pool.machine_type is None:
        if all(one.gpus < gpu.count for one in every):
            yield from _count_problems(gpu)
        return
    named = [one for one in every if one.name == pool.machine_type]
    enough = [one for one in named if one.gpus >= gpu.count]
    where = join(path, "machine_type")
    if not enough:
        rest = [one.name for one in every if one.gpus >= gpu.count]
        allowed = f"a machine type with {gpu.count} or more GPUs of kind {gpu.kind}: {_some(rest)}"
        yield Problem(where, shown(pool.machine_type), allowed, _why_not(pool.machine_type, named))
    elif not pool.spot and all(one.spot_only for one in enough):
        hint = "Google has this machine type as spare capacity alone."
        yield Problem(where, shown(pool.machine_type), "a machine type to be had on demand, or spot", hint)


def _why_not(name: str, named: Sequence[Machine]) -> str:
    if named:
        return f"{name} has at most {max(one.gpus for one in named)}."
    of_others = {one.accelerator.kind for kind in _kinds() for one in machines(kind) if one.name == name}
    return f"{name} has GPUs of kind {', '.join(sorted(of_others))}." if of_others else ""


def _sharing_problems(pool: GkeNodePool, gpu: Gpu, path: str) -> Iterator[Problem]:
    if pool.sharing is None:
        return
    if gpu.count > 1:
        hint = "A pod gets one share or partition, and no more of a GPU by asking for several."
        allowed = f"1 with target.gpu_pool.sharing {pool.sharing.kind}"
        yield Problem("resources.gpu.count", str(gpu.count), allowed, hint)
    if isinstance(pool.sharing, Mig):
        slices = {part for one in machines(gpu.kind) for part in one.accelerator.product.slices}
        if pool.sharing.partition in slices:
            return
        if slices:
            sizes = ", ".join(sorted(one for one in slices if not one.endswith(".me")))
            allowed = f"{sizes} on a GPU of kind {gpu.kind}"
            yield Problem(join(path, "sharing.partition"), shown(pool.sharing.partition), allowed)
        else:
            allowed = f"time_sharing with kind {gpu.kind}, which has no partitions"
            yield Problem(join(path, "sharing.kind"), pool.sharing.kind, allowed)


def _class_problems(pool: ComputeClassPool, gpu: Gpu, region: str, path: str) -> Iterator[Problem]:
    every = [one for one in machines(gpu.kind) if one.gpus >= gpu.count]
    found: list[Machine] = []
    for index, name in enumerate(pool.machine_types):
        where = join(path, f"machine_types[{index}]")
        named = [one for one in every if one.name == name]
        if not named:
            allowed = f"a machine type with {gpu.count} or more GPUs of kind {gpu.kind}"
            less = [one for one in machines(gpu.kind) if one.name == name]
            names = _some([one.name for one in every])
            yield Problem(where, shown(name), f"{allowed}: {names}", _why_not(name, less))
            continue
        found.append(named[0])
        if named[0].spot_only and not pool.spot:
            hint = "Google has this machine type as spare capacity alone."
            yield Problem(where, shown(name), "a machine type to be had on demand, or spot", hint)
        if named[0].accelerator != found[0].accelerator:
            allowed = f"a machine type with {found[0].accelerator.name}, as {found[0].name} has"
            hint = "Pods select the nodes of a class by their GPUs."
            yield Problem(where, shown(name), allowed, hint)
    if not pool.machine_types:
        yield from _count_problems(gpu)
    yield from _region_problems(found or every, gpu, region)


def _count_problems(gpu: Gpu) -> Iterator[Problem]:
    """Yield a number of GPUs that no machine has."""
    counts = sorted({one.gpus for one in machines(gpu.kind)})
    if gpu.count not in counts:
        allowed = f"{', '.join(map(str, counts))} with kind {gpu.kind}: what one machine has"
        yield Problem("resources.gpu.count", str(gpu.count), allowed)


def _region_problems(found: Sequence[Machine], gpu: Gpu, region: str) -> Iterator[Problem]:
    """Yield a region where none of several machines is, as far as the table knows where they are."""
    if not found or any(one.zones is None or one.zones_in(region) for one in found):
        return
    having = {zone.rpartition("-")[0] for one in found for zone in one.zones or ()}
    near = sorted(having, key=lambda one: (one.partition("-")[0] != region.partition("-")[0], one))
    names = _some(sorted({one.name for one in found}))
    hint = f"Google has no {names} in {region}, as of {captured()}."
    yield Problem("resources.gpu.kind", shown(gpu.kind), f"what {region} has; it is in {_some(near)}", hint)


def _memory_problems(pool: GkeNodePool, node: Machine, gpu: Gpu) -> Iterator[Problem]:
    if gpu.memory_min is None:
        return
    most, whose = node.accelerator.product.memory, f"a GPU of {node.name}, as its driver tells it"
    if isinstance(pool.sharing, Mig):
        most, whose = slice_memory(pool.sharing.partition), f"a partition {pool.sharing.partition}"
    if gpu.memory_min > most:
        allowed = f"at most {most}, the memory of {whose}"
        yield Problem("resources.gpu.memory_min", str(gpu.memory_min), allowed)


def _zone_problems(
    zones: Sequence[str], found: Sequence[Machine], region: str, path: str
) -> Iterator[Problem]:
    for index, zone in enumerate(zones):
        where = join(path, f"zones[{index}]")
        if zone.rpartition("-")[0] != region:
            yield Problem(where, shown(zone), f"a zone of {region}")
        elif all(one.zones is not None and zone not in one.zones for one in found):
            known = sorted({have for one in found for have in one.zones_in(region)})
            hint = f"As of {captured()}."
            yield Problem(where, shown(zone), f"{', '.join(known)}, which have {found[0].name}", hint)


def _kinds() -> Iterator[str]:
    yield from dict.fromkeys(one.kind for one in gpu_types().values())


def _some(names: Sequence[str]) -> str:
    """Name a few, each once."""
    each = list(dict.fromkeys(names))
    more = f" and {len(each) - _MOST_NAMED} more" if len(each) > _MOST_NAMED else ""
    return f"{', '.join(each[:_MOST_NAMED])}{more}"
