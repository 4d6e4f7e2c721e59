"""Which machines the nodes of a pool are, and how many replicas one of them serves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from modelberth.gcp.gke.machines import Machine, gpu_types, machines
from modelberth.spec.gke import ComputeClassPool, GkeNodePool, Mig, TimeSharing

if TYPE_CHECKING:
    from modelberth.gcp.gke.machines import Accelerator
    from modelberth.kubernetes.accelerators.table import Product
    from modelberth.spec.gke_nodes import GkePool
    from modelberth.spec.resources import Gpu, Resources

__all__ = ["accelerator", "candidates", "machine", "partitions", "pods_per_node"]

_PROFILE: Final = re.compile(r"(?P<compute>[0-9])g\.(?P<memory>[0-9]+)gb")


def candidates(pool: GkeNodePool | None, gpu: Gpu) -> tuple[Machine, ...]:
    """Return the machines that have a replica's GPUs as the pool has them, those with fewest GPUs first."""
    found = [one for one in machines(gpu.kind) if one.gpus >= gpu.count]
    if pool is None:
        return tuple(found)
    if pool.machine_type is not None:
        found = [one for one in found if one.name == pool.machine_type]
    if isinstance(pool.sharing, Mig):
        found = [one for one in found if pool.sharing.partition in one.accelerator.product.slices]
    return tuple(one for one in found if pool.spot or not one.spot_only)


def machine(pool: GkeNodePool, resources: Resources, region: str) -> Machine | None:
    """Return the machine type of a pool's nodes; None where there is none, which `problems` tells.

    Args:
        pool: as it was asked for
        resources: of a replica
        region: of the nodes

    """
    if resources.gpu is None:
        return None
    for one in candidates(pool, resources.gpu):
        if one.holds(resources) and (one.zones is None or one.zones_in(region)):
            return one
    return None


def accelerator(pool: GkePool | None, resources: Resources, region: str) -> Accelerator | None:
    """Return the GPUs of the nodes that a pool, or Autopilot by itself, makes for a replica.

    Args:
        pool: as it was asked for; None: Autopilot's own
        resources: of a replica
        region: of the nodes

    """
    gpu = resources.gpu
    if gpu is None:
        return None
    if isinstance(pool, GkeNodePool):
        found = machine(pool, resources, region)
        return None if found is None else found.accelerator
    if isinstance(pool, ComputeClassPool) and pool.machine_types:
        named = [one for one in machines(gpu.kind) if one.name == pool.machine_types[0]]
        return named[0].accelerator if named else None
    return next((one for one in gpu_types().values() if one.kind == gpu.kind), None)


def pods_per_node(pool: GkeNodePool, node: Machine, gpu: Gpu) -> int:
    """Return how many replicas the GPUs of one node serve."""
    match pool.sharing:
        case TimeSharing(pods=pods):
            return node.gpus * pods
        case Mig(partition=partition):
            return node.gpus * partitions(node.accelerator.product, partition)
        case _:
            return node.gpus // gpu.count


def partitions(product: Product, partition: str) -> int:
    """Return into how many partitions of a size a GPU is cut.

    NVIDIA, "Multi-Instance GPU User Guide", "Partitioning": both its compute slices and its memory, which
    the largest profile names, have to suffice. Memory is rounded in the names of profiles.
    """
    whole = max(_profile(one) for one in product.slices if _PROFILE.fullmatch(one))
    compute, memory = _profile(partition)
    return min(whole[0] // compute, round(whole[1] / memory))


def _profile(name: str) -> tuple[int, int]:
    found = _PROFILE.fullmatch(name)
    if found is None:
        raise ValueError(f"{name} is no size of partition")
    return int(found["compute"]), int(found["memory"])
