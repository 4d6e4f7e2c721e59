"""What a spec and its target cannot be together in GKE, as far as it shows without a cloud."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelberth.errors import Problem, shown
from modelberth.gcp import encryption, identity, objects
from modelberth.gcp import plan as labels
from modelberth.gcp.gke import control_plane, gpu_rules, images, placement
from modelberth.gcp.gke.sizing import machine, pods_per_node
from modelberth.gcp.gke.workload_identity import ANNOTATION
from modelberth.gcp.plan import Plan
from modelberth.kubernetes.checks import check as check_pods
from modelberth.kubernetes.managed_cluster import in_cluster
from modelberth.spec.gke import (
    Autopilot,
    ExistingGkeCluster,
    GkeNodePool,
    NewGkeCluster,
    Standard,
)
from modelberth.spec.kubernetes import DevicePlugin

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec, GkeTarget

__all__ = ["check"]


def check(spec: EndpointSpec, target: GkeTarget, *, has_image: bool = False) -> tuple[Problem, ...]:
    """Name every combination that cannot be had; fields of the target begin with `target`.

    Args:
        spec: of the endpoint
        target: its place
        has_image: the program gives the image

    """
    plan = Plan.of(spec, target, "project", "stack")
    pods = check_pods(in_cluster(spec), placement.pods(plan, {}))
    found = [one for one in pods if not (has_image and one.path == "target.image")]
    for room in (encryption, identity, images, labels, objects):
        found += room.problems(spec, target)
    found += placement.problems(plan)
    for problems in (_identity, _key, _capture, _cluster, _gpu_pool, _gpus, _enough_nodes):
        found += problems(spec, target)
    return tuple(dict.fromkeys(found))


def _identity(spec: EndpointSpec, target: GkeTarget) -> Iterator[Problem]:  # noqa: ARG001 - one form for all
    if ANNOTATION in target.service_account_annotations:
        allowed = "nothing: the pods have their account by Workload Identity Federation for GKE"
        hint = "security.identity names another account."
        path = f"target.service_account_annotations.{ANNOTATION}"
        yield Problem(path, shown(target.service_account_annotations[ANNOTATION]), allowed, hint)


def _key(spec: EndpointSpec, target: GkeTarget) -> Iterator[Problem]:
    """A key that nothing would be encrypted with."""
    key = spec.security.key
    if key is not None and isinstance(target.cluster, ExistingGkeCluster) and target.gpu_pool is None:
        allowed = "nothing with a cluster that exists, unless nodes are added to it: target.gpu_pool"
        hint = "Its Secrets and its nodes' disks have the key that it was made with."
        yield Problem("security.key", shown(key), allowed, hint)


def _capture(spec: EndpointSpec, target: GkeTarget) -> Iterator[Problem]:
    """A place for samples that an account that is made could not be let into."""
    capture = target.capture
    if spec.security.identity is None and capture is not None and capture.uri.startswith("gs://"):
        yield from objects.prefix_problems(capture.uri, "target.capture.uri")


def _cluster(spec: EndpointSpec, target: GkeTarget) -> Iterator[Problem]:
    cluster, region = target.cluster, target.region
    if isinstance(cluster, NewGkeCluster):
        yield from control_plane.problems(cluster, Plan.of(spec, target, "p", "s").place, "target.cluster")
        return
    where = cluster.location
    if where is not None and region not in {where, where.rpartition("-")[0]}:
        allowed = f"{region}, or a zone of it such as {region}-a"
        yield Problem("target.cluster.location", shown(where), allowed)


def _gpu_pool(spec: EndpointSpec, target: GkeTarget) -> Iterator[Problem]:
    """A pool that the cluster could not run, or that has other GPUs than the endpoint asks for."""
    pool, cluster = target.gpu_pool, target.cluster
    if pool is None:
        return
    path = "target.gpu_pool"
    if spec.resources.gpu is None:
        yield Problem(path, "a pool", "nothing without resources.gpu")
        return
    yield from gpu_rules.problems(pool, spec.resources, target.region, path)
    if isinstance(cluster, NewGkeCluster):
        if isinstance(cluster.capacity, Autopilot) and isinstance(pool, GkeNodePool):
            allowed = "compute_class with capacity autopilot, or no pool at all"
            hint = "Google makes all nodes of a cluster in Autopilot, with GPUs as well."
            yield Problem(f"{path}.kind", pool.kind, allowed, hint)
        if isinstance(cluster.capacity, Standard) and not isinstance(pool, GkeNodePool):
            hint = "Nodes that GKE makes there by itself would begin without Secure Boot."
            yield Problem(f"{path}.kind", pool.kind, "node_pool with capacity standard", hint)
    if pool.service_account is not None and not isinstance(cluster, ExistingGkeCluster):
        given = shown(pool.service_account)
        yield Problem(f"{path}.service_account", given, "nothing with a cluster that is made")


def _gpus(spec: EndpointSpec, target: GkeTarget) -> Iterator[Problem]:
    """What nodes that are made could never offer, so that pods wait for ever."""
    gpu, is_autopilot = spec.resources.gpu, placement.is_autopilot(target)
    if gpu is None or (target.gpu_pool is None and not is_autopilot):
        return
    if not isinstance(target.gpu, DevicePlugin):
        allowed = "device_plugin with nodes that GKE makes: it offers shares and partitions as whole GPUs"
        hint = "gpu_pool.sharing says how pods share a GPU."
        yield Problem("target.gpu.kind", shown(target.gpu.kind), allowed, hint)
    if is_autopilot:
        yield from gpu_rules.autopilot_problems(gpu, target.region)


def _enough_nodes(spec: EndpointSpec, target: GkeTarget) -> Iterator[Problem]:
    """Fewer nodes than all replicas take: the last ones would never start."""
    pool, gpu = target.gpu_pool, spec.resources.gpu
    if gpu is None or not isinstance(pool, GkeNodePool):
        return
    node = machine(pool, spec.resources, target.region)
    if node is None:
        return
    replicas, each = max(spec.scaling.max, 1), pods_per_node(pool, node, gpu)
    needed = -(-replicas // each)
    if pool.max < needed:
        allowed = f"at least {needed}: {each} of scaling.max {replicas} replicas on each {node.name}"
        yield Problem("target.gpu_pool.max", str(pool.max), allowed)
