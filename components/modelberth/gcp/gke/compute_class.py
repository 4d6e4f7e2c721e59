"""A compute class: which nodes with GPUs GKE makes as pods wait for them, in the order of preference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from modelberth.gcp.gke.machines import machines
from modelberth.gcp.gke.names import compute_class_name

if TYPE_CHECKING:
    import pulumi

    from modelberth.gcp.gke.machines import Accelerator
    from modelberth.kubernetes.plan import Manifest
    from modelberth.spec.gke import ComputeClassPool
    from modelberth.spec.resources import Gpu

__all__ = ["manifest"]

_API: Final = "cloud.google.com/v1"


def manifest(
    name: str,
    pool: ComputeClassPool,
    gpu: Gpu,
    accelerator: Accelerator,
    key: pulumi.Input[str] | None = None,
) -> Manifest:
    """Return the class; it is of the cluster, and of no namespace.

    GKE, "ComputeClass" (docs/reference/crds/computeclass). Without `DoNotScaleUp` GKE would make any node
    where none of the preferred ones is to be had, and the pods with GPUs could not run on it.

    Args:
        name: beginning of its name
        pool: as it was asked for
        gpu: what a replica asks for
        accelerator: the GPUs
        key: that encrypts the disks of nodes; None: the one of the cluster's own settings

    """
    disk = {} if key is None else {"storage": {"bootDiskKMSKey": key}}
    rules = [{**one, **disk} for one in _rules(pool, gpu, accelerator)]
    spare = [{**one, "spot": True} for one in rules] if pool.spot else []
    account = {} if pool.service_account is None else {"serviceAccount": pool.service_account}
    return {
        "apiVersion": _API,
        "kind": "ComputeClass",
        "metadata": {
            "name": compute_class_name(name),
            "labels": {"app.kubernetes.io/managed-by": "modelberth"},
        },
        "spec": {
            "priorities": [*spare, *({**one, "spot": False} for one in rules)],
            "nodePoolAutoCreation": {"enabled": True},
            "whenUnsatisfiable": "DoNotScaleUp",
            **({"nodePoolConfig": account} if account else {}),
        },
    }


def _rules(pool: ComputeClassPool, gpu: Gpu, accelerator: Accelerator) -> list[dict[str, Any]]:
    """Return a rule for each machine type, or one for any: GKE's autoscaler goes by the GPUs in it."""
    if not pool.machine_types:
        return [{"gpu": {"type": accelerator.name, "count": gpu.count}}]
    numbers: dict[str, int] = {}
    for one in machines(gpu.kind):
        if one.gpus >= gpu.count:
            numbers.setdefault(one.name, one.gpus)
    return [
        {"machineType": name, "gpu": {"type": accelerator.name, "count": numbers[name]}}
        for name in pool.machine_types
    ]
