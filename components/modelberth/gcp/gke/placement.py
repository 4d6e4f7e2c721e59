"""Which nodes of a cluster the pods of an endpoint select, and what their service account is annotated with.

GKE's own device plugin offers a partition or a share of a GPU as a whole one, `nvidia.com/gpu`: labels alone
tell nodes with such apart (GKE, "Run multi-instance GPUs", "Share GPUs with multiple workloads using GPU
time-sharing").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from modelberth.errors import Problem, shown
from modelberth.gcp.gke.names import compute_class_name, pool_name
from modelberth.gcp.gke.sizing import accelerator
from modelberth.spec.gke import (
    Autopilot,
    ComputeClassPool,
    GkeNodePool,
    Mig,
    NewGkeCluster,
    TimeSharing,
)

if TYPE_CHECKING:
    from modelberth.gcp.plan import Plan
    from modelberth.spec import GkeTarget, KubernetesTarget

__all__ = ["ACCELERATOR", "COMPUTE_CLASS", "is_autopilot", "labels", "pods", "problems"]

ACCELERATOR: Final = "cloud.google.com/gke-accelerator"
COMPUTE_CLASS: Final = "cloud.google.com/compute-class"
_PARTITION: Final = "cloud.google.com/gke-gpu-partition-size"
_STRATEGY: Final = "cloud.google.com/gke-gpu-sharing-strategy"
_CLIENTS: Final = "cloud.google.com/gke-max-shared-clients-per-gpu"


def is_autopilot(target: GkeTarget) -> bool:
    """Tell whether the cluster that is made is in Autopilot."""
    return isinstance(target.cluster, NewGkeCluster) and isinstance(target.cluster.capacity, Autopilot)


def labels(plan: Plan[GkeTarget]) -> dict[str, str]:
    """Return the labels of the nodes that are made for the endpoint; nothing where it finds its nodes itself.

    With them no pod waits for a node of another pool, and Autopilot knows what to make.
    """
    target, resources = plan.target, plan.spec.resources
    pool = target.gpu_pool
    if resources.gpu is None or (pool is None and not is_autopilot(target)):
        return {}
    gpus = accelerator(pool, resources, target.region)
    found = {} if gpus is None else {ACCELERATOR: gpus.name}
    if isinstance(pool, ComputeClassPool):
        return {**found, COMPUTE_CLASS: compute_class_name(pool_name(plan))}
    match pool.sharing if isinstance(pool, GkeNodePool) else None:
        case Mig(partition=partition):
            return {**found, _PARTITION: partition}
        case TimeSharing(pods=number):
            return {**found, _STRATEGY: "time-sharing", _CLIENTS: str(number)}
        case _:
            return found


def pods(plan: Plan[GkeTarget], annotations: Mapping[str, str]) -> KubernetesTarget:
    """Return the pods as a target of any cluster, on the nodes that are made for them.

    Args:
        plan: the endpoint
        annotations: of their service account, beside the person's own

    """
    found = plan.target.as_kubernetes()
    more = {
        "node_selector": {**labels(plan), **found.node_selector},
        "service_account_annotations": {**found.service_account_annotations, **annotations},
    }
    return found.model_copy(update={name: given for name, given in more.items() if given})


def problems(plan: Plan[GkeTarget]) -> Iterator[Problem]:
    """Yield labels that no node which is made for the endpoint has."""
    for label, value in labels(plan).items():
        given = plan.target.node_selector.get(label, value)
        if given != value:
            hint = "Leave it out: the pods select the nodes that are made for them."
            yield Problem(f"target.node_selector.{label}", shown(given), shown(value), hint)
