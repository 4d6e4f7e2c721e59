"""What Karpenter makes nodes with GPUs by: a NodeClass, and a NodePool for each way to pay for them.

Karpenter's NodePool is the same everywhere. The class is Auto Mode's own kind there, which no public module
defines, and EC2NodeClass where the cluster runs Karpenter itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from modelberth.aws.eks.limits import limits
from modelberth.kubernetes.accelerators.table import KIND_LABEL, accelerators

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Manifest
    from modelberth.spec.eks import KarpenterPool, OwnKarpenter
    from modelberth.spec.quantities import Bytes
    from modelberth.spec.resources import GpuKind

__all__ = ["AUTO_CLASS", "OWN_CLASS", "Network", "NodeClass", "node_class", "node_class_spec", "node_pools"]

NODE_POOL: Final = "karpenter.sh/v1"
_GIBI: Final = 2**30
_FIRST: Final = 100
_REST: Final = 10
"""Weights: Karpenter takes the heavier pool until its limits are reached."""


@dataclass(frozen=True, slots=True)
class NodeClass:
    """A kind of node class.

    Attributes:
        group: of its API
        kind: in it
        labels: beginning of the labels that nodes have from their instance type

    """

    group: str
    kind: str
    labels: str

    @property
    def api_version(self) -> str:
        """Group and version, as a manifest has them."""
        return f"{self.group}/v1"


AUTO_CLASS: Final = NodeClass("eks.amazonaws.com", "NodeClass", "eks.amazonaws.com")
"""EKS, "Create a Node Class for Amazon EKS"."""
OWN_CLASS: Final = NodeClass("karpenter.k8s.aws", "EC2NodeClass", "karpenter.k8s.aws")
"""https://karpenter.sh/docs/concepts/nodeclasses/."""


@dataclass(frozen=True, slots=True)
class Network:
    """Where nodes are.

    Attributes:
        subnets: ids
        security_group: id

    """

    subnets: Sequence[str]
    security_group: str


def node_class(pool: KarpenterPool) -> NodeClass:
    """Return the kind of class that a pool's nodes are made by."""
    return AUTO_CLASS if pool.own is None else OWN_CLASS


def node_class_spec(pool: KarpenterPool, role: str, network: Network) -> dict[str, Any]:
    """Return what nodes are made of.

    Auto Mode encrypts volumes and bars pods from the metadata service by itself, and its policies let a class
    set no tags. Nodes of a Karpenter of one's own get both here.

    Args:
        pool: as it was asked for
        role: name of the nodes' IAM role
        network: where they are

    """
    spec: dict[str, Any] = {
        "role": role,
        "subnetSelectorTerms": [{"id": one} for one in network.subnets],
        "securityGroupSelectorTerms": [{"id": network.security_group}],
    }
    if pool.own is None:
        return spec | {"networkPolicy": "DefaultAllow", "ephemeralStorage": {"size": _size(pool.disk)}}
    return spec | {
        "amiSelectorTerms": [{"alias": pool.own.ami}],
        "metadataOptions": {
            "httpEndpoint": "enabled",
            "httpProtocolIPv6": "disabled",
            "httpPutResponseHopLimit": 1,
            "httpTokens": "required",
        },
        "blockDeviceMappings": _volumes(pool.own, pool.disk),
    }


def node_pools(pool: KarpenterPool, kind: GpuKind, name: str) -> dict[str, Manifest]:
    """Return the pools by role.

    Karpenter knows no share of capacity on demand. So the GPUs that are to be had on demand are a pool of
    their own with a limit, which comes first; spare capacity is what is beyond it.

    Args:
        pool: as it was asked for
        kind: of the GPUs
        name: of the class, and beginning of the pools'

    """
    spare = pool.gpus - pool.on_demand_gpus if pool.spot else 0
    shares = {"on-demand": (pool.gpus - spare, _FIRST), "spot": (spare, _REST)}
    return {
        role: _node_pool(pool, kind, name, role, gpus, weight)
        for role, (gpus, weight) in shares.items()
        if gpus
    }


def _node_pool(
    pool: KarpenterPool, kind: GpuKind, name: str, capacity: str, gpus: int, weight: int
) -> Manifest:
    made_by, vendor = node_class(pool), accelerators()[kind].vendor
    seconds = round(pool.idle.seconds)
    return {
        "apiVersion": NODE_POOL,
        "kind": "NodePool",
        "metadata": {
            "name": f"{name}-{capacity}",
            "labels": {"app.kubernetes.io/managed-by": "modelberth"},
        },
        "spec": {
            "weight": weight,
            "limits": {vendor.resource: str(gpus)},
            "disruption": {
                # A node with a pod is never emptied to save money: requests would end with it.
                "consolidationPolicy": "WhenEmpty",
                "consolidateAfter": f"{seconds}s",
                "budgets": [{"nodes": "100%", "reasons": ["Empty"]}, {"nodes": "1", "reasons": ["Drifted"]}],
            },
            "template": {
                "metadata": {"labels": {KIND_LABEL: kind}},
                "spec": {
                    "nodeClassRef": {"group": made_by.group, "kind": made_by.kind, "name": name},
                    "expireAfter": f"{round(pool.lifetime.seconds)}s",
                    "taints": [{"key": vendor.taint, "value": "present", "effect": "NoSchedule"}],
                    "requirements": [*_requirements(pool, kind, made_by, capacity)],
                },
            },
        },
    }


def _requirements(
    pool: KarpenterPool, kind: GpuKind, made_by: NodeClass, capacity: str
) -> Sequence[Mapping[str, Any]]:
    chosen = {"node.kubernetes.io/instance-type": pool.instance_types} if pool.instance_types else {}
    wanted: Mapping[str, Sequence[str]] = {
        "karpenter.sh/capacity-type": [capacity],
        "kubernetes.io/os": ["linux"],
        "kubernetes.io/arch": ["amd64"],
        f"{made_by.labels}/instance-family": limits().families[kind],
        **chosen,
    }
    return [{"key": key, "operator": "In", "values": [*values]} for key, values in wanted.items()]


def _volumes(own: OwnKarpenter, disk: Bytes) -> list[dict[str, Any]]:
    kind = {"volumeType": "gp3", "encrypted": True, "deleteOnTermination": True}
    sized = {**kind, "volumeSize": _size(disk)}
    if own.ami.startswith("bottlerocket"):
        # Its root holds the system alone; images and pods are on the second one.
        root = {**kind, "volumeSize": "4Gi"}
        return [{"deviceName": "/dev/xvda", "ebs": root}, {"deviceName": "/dev/xvdb", "ebs": sized}]
    return [{"deviceName": "/dev/xvda", "ebs": sized}]


def _size(disk: Bytes) -> str:
    """As Kubernetes has quantities, in whole gibibytes."""
    return f"{-(-int(disk) // _GIBI)}Gi"
