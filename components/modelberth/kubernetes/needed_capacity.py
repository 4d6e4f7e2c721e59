"""How much of a cluster an endpoint takes: GPUs of its nodes, and shares of its namespace's quotas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelberth.kubernetes.accelerator_table import accelerators
from modelberth.kubernetes.accelerators import extended_resource
from modelberth.kubernetes.ray_pods import HEAD_CPU, HEAD_MEMORY
from modelberth.kubernetes.requirements import Ask, Devices

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Plan

__all__ = ["needed_devices", "needed_quota"]


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

    Claims of volumes and devices are not asked for: which of those in use are the endpoint's own, its pods do
    not tell.
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


def _pods(plan: Plan) -> int:
    return max(1, plan.spec.scaling.min) * len(plan.revisions)
