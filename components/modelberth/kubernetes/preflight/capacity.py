"""How much of a cluster an endpoint takes: GPUs of its nodes, and what its namespace allows of resources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from modelberth.kubernetes.accelerators.placement import extended_resource
from modelberth.kubernetes.accelerators.table import accelerators
from modelberth.kubernetes.models.delivery import FETCH
from modelberth.kubernetes.pods.ray_pods import HEAD_CPU, HEAD_MEMORY
from modelberth.kubernetes.preflight.requirements import (
    Ask,
    Devices,
    RequiredClaim,
    RequiredContainer,
    RequiredPod,
)

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Manifest, Plan

__all__ = ["needed_claims", "needed_devices", "needed_pods", "needed_quota"]

HEAD: Final = "ray-head"
"""Container of a Ray cluster's head, as `ray_pods.py` names it."""


def needed_devices(plan: Plan) -> Iterator[Devices]:
    """Yield the GPUs that nodes have to offer; claimed devices are in no node's allocatable resources."""
    gpu = plan.spec.resources.gpu
    if gpu is None:
        return
    resource = extended_resource(accelerators()[gpu.kind], plan.target.gpu)
    if resource is not None:
        yield Devices(
            resource,
            gpu.count,
            _pods(plan),
            "resources.gpu",
            given=f"{gpu.count} x {gpu.kind}",
            node_selector=dict(plan.target.node_selector),
        )


def needed_quota(plan: Plan) -> Iterator[Ask]:
    """Yield what the least number of pods takes; the cluster refuses what a rollout or autoscaler adds to it.

    Claims of devices are not asked for: which of those in use are the endpoint's own, its pods do not tell.
    """
    resources, pods = plan.spec.resources, _pods(plan)
    heads = len(plan.revisions) if plan.target.engine == "ray" else 0
    cpu = resources.cpu.millicores * pods + HEAD_CPU.millicores * heads
    memory = str(int(resources.memory) * pods + int(HEAD_MEMORY) * heads)
    yield Ask("pods", str(pods + heads), "scaling.min", str(plan.spec.scaling.min))
    yield Ask("requests.cpu", f"{cpu}m", "resources.cpu", str(resources.cpu))
    yield Ask("requests.memory", memory, "resources.memory", str(resources.memory))
    yield Ask("limits.memory", memory, "resources.memory", str(resources.memory))
    for devices in needed_devices(plan):
        asked = str(devices.per_pod * devices.pods)
        yield Ask(f"requests.{devices.resource}", asked, "resources.gpu", devices.given)


def needed_pods(plan: Plan, manifests: Iterable[Manifest]) -> Iterator[RequiredPod]:
    """Yield the pods of the manifests with what each container asks for; pods that are alike once."""
    found = (
        RequiredPod(str(manifest["metadata"]["name"]), [*_containers(plan, pod)])
        for manifest in manifests
        for pod in _pod_specs(manifest)
    )
    seen: list[Sequence[RequiredContainer]] = []
    for pod in found:
        if pod.containers not in seen:
            seen.append(pod.containers)
            yield pod


def needed_claims(manifests: Iterable[Manifest]) -> Iterator[RequiredClaim]:
    """Yield the claims of volumes that are made; only a cache has one."""
    for manifest in manifests:
        if manifest["kind"] == "PersistentVolumeClaim":
            spec = manifest["spec"]
            yield RequiredClaim(
                str(manifest["metadata"]["name"]),
                str(spec["resources"]["requests"]["storage"]),
                "target.delivery",
                spec.get("storageClassName"),
            )


def _pod_specs(value: Any) -> Iterator[Mapping[str, Any]]:
    """Whatever has containers, at any depth: a Deployment's template, and those of KServe and Ray."""
    match value:
        case {"containers": [{"name": str()}, *_]}:
            yield value
        case Mapping():
            yield from (pod for part in value.values() for pod in _pod_specs(part))
        case list():
            yield from (pod for part in value for pod in _pod_specs(part))


def _containers(plan: Plan, pod: Mapping[str, Any]) -> Iterator[RequiredContainer]:
    for part, first in (("initContainers", True), ("containers", False)):
        for container in pod.get(part, ()):
            resources = container.get("resources", {})
            path, given = "resources", None
            if container["name"] == FETCH:
                delivery = plan.target.delivery
                path, given = (
                    ("model.uri", plan.main.model.uri)
                    if delivery is None
                    else ("target.delivery.kind", delivery.kind)
                )
            elif container["name"] == HEAD:
                path, given = "target.engine", plan.target.engine
            yield RequiredContainer(
                container["name"],
                path,
                dict(resources.get("requests", {})),
                dict(resources.get("limits", {})),
                given,
                first,
            )


def _pods(plan: Plan) -> int:
    return max(1, plan.spec.scaling.min) * len(plan.revisions)
