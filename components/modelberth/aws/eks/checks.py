"""What a spec and its target cannot be together in Amazon EKS, as far as it shows without a cloud."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from modelberth.aws import encryption, identity
from modelberth.aws.arn import role_problems
from modelberth.aws.eks import control_plane, gpu_node_pool
from modelberth.aws.eks.limits import limits
from modelberth.aws.place import Place
from modelberth.aws.regions import instance_problems, region_problems
from modelberth.errors import Problem, shown
from modelberth.kubernetes.accelerators.table import accelerators
from modelberth.kubernetes.checks import check as check_pods
from modelberth.kubernetes.managed_cluster import in_cluster
from modelberth.spec.eks import (
    AutoMode,
    ExistingCluster,
    GpuNodeGroup,
    KarpenterPool,
    ManagedNodes,
    NewCluster,
)
from modelberth.spec.kubernetes import DevicePlugin

if TYPE_CHECKING:
    from modelberth.spec import EksTarget, EndpointSpec

__all__ = ["check"]

_ECR: Final = re.compile(r"[0-9]{12}\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/.*")
_IRSA: Final = "eks.amazonaws.com/role-arn"


def check(spec: EndpointSpec, target: EksTarget, *, has_image: bool = False) -> tuple[Problem, ...]:
    """Name every combination that cannot be had; fields of the target begin with `target`.

    Args:
        spec: of the endpoint
        target: its place
        has_image: the program gives the image

    """
    found = [*check_pods(in_cluster(spec), target.as_kubernetes(), has_image=has_image)]
    for room in (encryption, identity):
        found += room.problems(spec, target)
    for problems in (_identity, _cluster, _images, _gpu_pool, _in_region, _gpus_of_pool):
        found += problems(spec, target)
    return tuple(dict.fromkeys(found))


def _identity(spec: EndpointSpec, target: EksTarget) -> Iterator[Problem]:  # noqa: ARG001 - one form for all
    if _IRSA in target.service_account_annotations:
        allowed = "nothing: the pods have their role by EKS Pod Identity"
        hint = "security.identity names another role."
        path = f"target.service_account_annotations.{_IRSA}"
        yield Problem(path, shown(target.service_account_annotations[_IRSA]), allowed, hint)


def _cluster(spec: EndpointSpec, target: EksTarget) -> Iterator[Problem]:  # noqa: ARG001 - one form for all
    if isinstance(target.cluster, NewCluster):
        place = Place(target.account, target.region)
        yield from control_plane.problems(target.cluster, place, "target.cluster")


def _images(spec: EndpointSpec, target: EksTarget) -> Iterator[Problem]:
    """Images in ECR of another region: each start of a pod would pull them across regions."""
    given = {
        "target.image": target.image,
        "target.previous_image": target.previous_image,
        "runtime.image": spec.runtime.image,
    }
    for path, image in given.items():
        found = _ECR.fullmatch(image or "")
        if found is not None and found["region"] != target.region:
            allowed = f"an image in ECR of {target.region}, or in a registry that is not ECR"
            yield Problem(path, shown(image), allowed, "Replicate the repository to that region.")


def _gpu_pool(spec: EndpointSpec, target: EksTarget) -> Iterator[Problem]:
    """A pool that the cluster could not run, or that has other GPUs than the endpoint asks for."""
    pool, cluster, gpu = target.gpu_pool, target.cluster, spec.resources.gpu
    if pool is None:
        return
    path, is_auto = "target.gpu_pool", _is_auto(target)
    if gpu is None:
        yield Problem(path, "a pool", "nothing without resources.gpu")
        return
    yield from gpu_node_pool.problems(pool, gpu.kind, path)
    if isinstance(pool, KarpenterPool) and isinstance(cluster, NewCluster):
        if not is_auto:
            hint = "The cluster that is made runs no Karpenter of its own."
            yield Problem(f"{path}.kind", pool.kind, "node_group with capacity managed_nodes", hint)
        elif pool.own is not None:
            yield Problem(
                f"{path}.own", "a mapping", "nothing with capacity auto_mode, whose Karpenter it is"
            )
    if isinstance(pool, GpuNodeGroup):
        if is_auto:
            hint = "Auto Mode's network and DNS are for its own nodes."
            yield Problem(f"{path}.kind", pool.kind, "karpenter with capacity auto_mode", hint)
        if pool.role is not None:
            yield from role_problems(pool.role, Place(target.account, target.region), f"{path}.role")
        if pool.role is not None and not isinstance(cluster, ExistingCluster):
            yield Problem(f"{path}.role", shown(pool.role), "nothing with a cluster that is made")


def _in_region(spec: EndpointSpec, target: EksTarget) -> Iterator[Problem]:
    """Instances that the region does not have: nodes would never come."""
    pool, cluster, gpu = target.gpu_pool, target.cluster, spec.resources.gpu
    named = {}
    if pool is not None:
        named["target.gpu_pool"] = pool.instance_types
    if isinstance(cluster, NewCluster) and isinstance(cluster.capacity, ManagedNodes):
        named["target.cluster.capacity"] = cluster.capacity.instance_types
    for path, types in named.items():
        for index, one in enumerate(types):
            yield from instance_problems(target.region, one, "ec2", f"{path}.instance_types[{index}]")
    if pool is not None and gpu is not None and not pool.instance_types:
        families = limits().families.get(gpu.kind, ())
        yield from region_problems(target.region, families, "ec2", "resources.gpu.kind", shown(gpu.kind))


def _gpus_of_pool(spec: EndpointSpec, target: EksTarget) -> Iterator[Problem]:
    """What nodes of a pool could never offer, so that pods wait for ever."""
    pool, gpu = target.gpu_pool, spec.resources.gpu
    if pool is None or gpu is None:
        return
    if not isinstance(target.gpu, DevicePlugin):
        allowed = "device_plugin with target.gpu_pool: new nodes offer whole GPUs"
        yield Problem("target.gpu.kind", shown(target.gpu.kind), allowed)
    if gpu.memory_min is not None:
        every = accelerators()[gpu.kind].products
        if accelerators()[gpu.kind].products_for(memory=gpu.memory_min) != every:
            allowed = f"what each GPU of kind {gpu.kind} has, with target.gpu_pool: it chooses by kind"
            yield Problem("resources.gpu.memory_min", str(gpu.memory_min), allowed)
    needed = gpu.count * max(spec.scaling.max, 1)
    if isinstance(pool, KarpenterPool) and pool.gpus < needed:
        allowed = f"at least {needed}: {gpu.count} for each of scaling.max {spec.scaling.max} replicas"
        yield Problem("target.gpu_pool.gpus", str(pool.gpus), allowed)


def _is_auto(target: EksTarget) -> bool:
    return isinstance(target.cluster, NewCluster) and isinstance(target.cluster.capacity, AutoMode)
