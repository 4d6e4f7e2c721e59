"""A node pool in Standard: shielded nodes without public addresses, that keep their own identity."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pulumi
from pulumi_gcp import container

from modelberth.gcp.gke.names import node_pool_name

if TYPE_CHECKING:
    from modelberth.gcp.gke.roles import NodeAccount
    from modelberth.gcp.place import Place
    from modelberth.spec.quantities import Bytes

__all__ = ["Gpus", "NodePool", "node_config", "register"]

# GKE, "Access scopes": what a node may do is its account's roles' to say, not these.
_SCOPES: Final = ("https://www.googleapis.com/auth/cloud-platform",)
_GIBI: Final = 2**30


@dataclass(frozen=True, slots=True)
class Gpus:
    """GPUs of a node.

    Attributes:
        type: as Compute Engine names them
        count: of a node
        driver: `default` or `latest`, as GKE names those that it installs
        sharing: strategy and number of pods for each GPU
        partition: size of MIG partitions

    """

    type: str
    count: int
    driver: str
    sharing: tuple[str, int] | None = None
    partition: str | None = None

    def arguments(self) -> dict[str, Any]:
        """Return them as a node pool has them."""
        found: dict[str, Any] = {
            "type": self.type,
            "count": self.count,
            "gpu_driver_installation_config": {"gpu_driver_version": self.driver.upper()},
        }
        if self.sharing is not None:
            strategy, pods = self.sharing
            found["gpu_sharing_config"] = {
                "gpu_sharing_strategy": strategy,
                "max_shared_clients_per_gpu": pods,
            }
        if self.partition is not None:
            found["gpu_partition_size"] = self.partition
        return found


@dataclass(frozen=True)
class NodePool:
    """Nodes of one kind.

    Attributes:
        name: beginning of the physical one, which ends in a digest
        machine_type: of the nodes
        min: fewest nodes in all zones together
        max: most nodes in all zones together
        disk: size of the boot disk, which holds images and what pods write
        zones: of the nodes; empty: those of the cluster
        at_first: nodes in each zone that the pool is made with
        spot: spare capacity
        gpus: None: none
        labels: that Kubernetes has of the nodes
        taints: key → value; pods that do not tolerate them are kept off

    """

    name: str
    machine_type: str
    min: int
    max: int
    disk: Bytes
    zones: Sequence[str] = ()
    at_first: int = 0
    spot: bool = False
    gpus: Gpus | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> str:
        """All that replaces the pool where it changes."""
        return json.dumps([self.spot, None if self.gpus is None else self.gpus.arguments()], sort_keys=True)


def node_config(
    pool: NodePool,
    account: str,
    key: pulumi.Input[str] | None,
    labels: Mapping[str, str],
) -> dict[str, Any]:
    """Return what a node is made of.

    Secure Boot holds with GPUs as well: GKE installs NVIDIA's driver on Container-Optimized OS from modules
    that Google has signed (its `cos_gpu_installer`, package `signing`). A driver of one's own, as NVIDIA's
    GPU Operator compiles it, would not be loaded (NVIDIA/gpu-operator#1726).

    Args:
        pool: the nodes
        account: e-mail address of their service account
        key: that encrypts the boot disk
        labels: of the machines

    """
    found: dict[str, Any] = {
        "machine_type": pool.machine_type,
        "image_type": "COS_CONTAINERD",
        "disk_size_gb": -(-int(pool.disk) // _GIBI),
        "service_account": account,
        "oauth_scopes": [*_SCOPES],
        "metadata": {"disable-legacy-endpoints": "true"},
        "shielded_instance_config": {"enable_secure_boot": True, "enable_integrity_monitoring": True},
        # Pods ask GKE's metadata server, which never gives them the node's identity.
        "workload_metadata_config": {"mode": "GKE_METADATA"},
        "kubelet_config": {"insecure_kubelet_readonly_port_enabled": "FALSE"},
        # Image streaming: a pod starts while its image is still coming.
        "gcfs_config": {"enabled": True},
        "spot": pool.spot,
        "labels": dict(pool.labels),
        "resource_labels": dict(labels),
        "taints": [
            {"key": key, "value": value, "effect": "NO_SCHEDULE"} for key, value in pool.taints.items()
        ],
    }
    if key is not None:
        found["boot_disk_kms_key"] = key
    if pool.gpus is not None:
        found["guest_accelerators"] = [pool.gpus.arguments()]
    return found


def register(
    name: str,
    pool: NodePool,
    place: Place,
    opts: pulumi.ResourceOptions,
    *,
    cluster: pulumi.Input[str],
    location: str,
    account: NodeAccount,
    key: pulumi.Input[str] | None,
    labels: Mapping[str, str],
    after: Sequence[pulumi.Resource] = (),
) -> container.NodePool:
    """Register a pool, which the cluster's autoscaler grows and shrinks.

    Args:
        name: of the resource
        pool: what to make
        place: of the cluster
        opts: of the resource
        cluster: its name
        location: region or zone of the cluster
        account: of the nodes
        key: that encrypts their disks
        labels: of the machines
        after: what has to be there before

    """
    # A number of nodes that somebody has set by hand would count as another pool's.
    later = pulumi.ResourceOptions(depends_on=[*account.rights, *after], ignore_changes=["initialNodeCount"])
    return container.NodePool(
        name,
        name=_named(pool, account.email, key),
        cluster=cluster,
        project=place.project,
        location=location,
        node_locations=[*pool.zones] or None,
        initial_node_count=pool.at_first,
        autoscaling={
            "total_min_node_count": pool.min,
            "total_max_node_count": pool.max,
            # Zones with spare capacity and reservations first: GPUs are scarce.
            "location_policy": "BALANCED" if pool.gpus is None else "ANY",
        },
        management={"auto_repair": True, "auto_upgrade": True},
        upgrade_settings={"strategy": "SURGE", "max_surge": 1, "max_unavailable": 0},
        network_config={"enable_private_nodes": True},
        node_config=node_config(pool, account.email, key, labels),
        opts=pulumi.ResourceOptions.merge(opts, later),
    )


def _named(pool: NodePool, account: str, key: pulumi.Input[str] | None) -> pulumi.Output[str]:
    """Name a pool; a preview knows it unless the key is still to be made."""
    told = pulumi.Output.json_dumps([pool.content, account, key])
    return told.apply(lambda content: node_pool_name(pool.name, content))
