"""What a cluster of GKE is registered with, and which settings Google would refuse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from modelberth.errors import Problem, join, shown
from modelberth.gcp.gke.node_pool import NodePool, node_config
from modelberth.spec.gke import Autopilot, Standard

if TYPE_CHECKING:
    import pulumi

    from modelberth.gcp.gke.cluster import GcpClusterArgs
    from modelberth.gcp.place import Place
    from modelberth.spec.gke import NewGkeCluster

__all__ = ["arguments", "base_pool", "problems"]

_LOGS: Final = ("SYSTEM_COMPONENTS", "WORKLOADS", "APISERVER", "CONTROLLER_MANAGER", "SCHEDULER")
# What GKE collects by itself in new clusters, and what its GPUs do.
_METRICS: Final = (
    *("SYSTEM_COMPONENTS", "STORAGE", "HPA", "POD", "DAEMONSET", "DEPLOYMENT", "STATEFULSET"),
    *("CADVISOR", "KUBELET", "DCGM"),
)
_READ_ONLY_PORT: Final = {"insecure_kubelet_readonly_port_enabled": "FALSE"}
_OWNED: Final = "projects/"


def arguments(args: GcpClusterArgs, *, account: str, key: pulumi.Input[str]) -> dict[str, Any]:
    """Return the arguments of the cluster.

    Autopilot has much of it whatever one says, and takes no word on it: Shielded Nodes with Secure Boot,
    Workload Identity, Dataplane V2, Container-Optimized OS, repair and upgrades (GKE, "Autopilot and Standard
    feature comparison").
    """
    settings, place = args.settings, args.place
    is_autopilot = isinstance(settings.capacity, Autopilot)
    return {
        "name": args.name,
        "project": place.project,
        "location": place.region,
        "network": settings.network,
        "subnetwork": settings.subnetwork,
        "networking_mode": "VPC_NATIVE",
        "ip_allocation_policy": _ranges(settings),
        "private_cluster_config": {
            "enable_private_nodes": True,
            "enable_private_endpoint": not settings.public_access,
        },
        "master_authorized_networks_config": {
            "cidr_blocks": [
                {"cidr_block": one, "display_name": f"network-{number}"}
                for number, one in enumerate(settings.public_access, start=1)
            ],
            "gcp_public_cidrs_access_enabled": False,
            "private_endpoint_enforcement_enabled": True,
        },
        # Google's own front takes these requests, and IAM asks for `container.clusters.connect`.
        "control_plane_endpoints_config": {"dns_endpoint_config": {"allow_external_traffic": True}},
        "master_auth": {"client_certificate_config": {"issue_client_certificate": False}},
        "anonymous_authentication_config": {"mode": "LIMITED"},
        "rbac_binding_config": {
            "enable_insecure_binding_system_authenticated": False,
            "enable_insecure_binding_system_unauthenticated": False,
        },
        "enable_legacy_abac": False,
        "database_encryption": {"state": "ENCRYPTED", "key_name": key},
        "release_channel": {"channel": settings.channel},
        "maintenance_policy": {"daily_maintenance_window": {"start_time": settings.maintenance}},
        "binary_authorization": {"evaluation_mode": "PROJECT_SINGLETON_POLICY_ENFORCE"},
        # GKE's own search in images has ended (deprecations/posture-management-deprecation): Artifact
        # Registry's goes on.
        "security_posture_config": {"mode": "BASIC", "vulnerability_mode": "VULNERABILITY_DISABLED"},
        "gateway_api_config": {"channel": "CHANNEL_STANDARD"},
        "logging_config": {"enable_components": [*_LOGS]},
        "monitoring_config": {
            "enable_components": [*_METRICS],
            "managed_prometheus": {"enabled": True},
        },
        "cost_management_config": {"enabled": True},
        "deletion_protection": settings.deletion_protection,
        "resource_labels": dict(args.labels),
        **(_autopilot(account, key) if is_autopilot else _standard(args, account, key)),
    }


def base_pool(name: str, capacity: Standard) -> NodePool:
    """Return the nodes of a cluster in Standard for what needs no GPU."""
    return NodePool(
        name=name,
        machine_type=capacity.machine_type,
        min=capacity.min,
        max=capacity.max,
        disk=capacity.disk,
        zones=capacity.zones,
        at_first=1,
    )


def problems(settings: NewGkeCluster, place: Place, path: str = "settings") -> Iterator[Problem]:
    """Yield what GKE would refuse of a cluster."""
    subnetwork = settings.subnetwork
    if subnetwork.startswith(_OWNED) and not subnetwork.startswith(f"{_OWNED}{place.project}/"):
        hint = f"GKE adds no range to a subnetwork of another project, {subnetwork} (Shared VPC)."
        for name in ("pod_range", "service_range"):
            if getattr(settings, name) is None:
                allowed = "the name of a secondary range of the subnetwork"
                yield Problem(join(path, name), "nothing", allowed, hint)
    pods, services = settings.pod_range, settings.service_range
    if pods is not None and pods == services:
        yield Problem(join(path, "service_range"), shown(services), "another range than that of the pods")
    if "/regions/" in subnetwork and f"/regions/{place.region}/" not in subnetwork:
        allowed = f"a subnetwork of {place.region}"
        yield Problem(join(path, "subnetwork"), shown(subnetwork), allowed)
    if isinstance(settings.capacity, Standard):
        for index, zone in enumerate(settings.capacity.zones):
            if zone.rpartition("-")[0] != place.region:
                where = join(path, f"capacity.zones[{index}]")
                yield Problem(where, shown(zone), f"a zone of {place.region}")


def _ranges(settings: NewGkeCluster) -> dict[str, str]:
    """Return the secondary ranges; GKE makes those that are not named."""
    named = {
        "cluster_secondary_range_name": settings.pod_range,
        "services_secondary_range_name": settings.service_range,
    }
    return {name: given for name, given in named.items() if given is not None}


def _autopilot(account: str, key: pulumi.Input[str]) -> dict[str, Any]:
    """Return what Autopilot makes its nodes with: their account and the key of their disks."""
    defaults = {
        "service_account": account,
        "oauth_scopes": ["https://www.googleapis.com/auth/cloud-platform"],
        "boot_disk_kms_key": key,
    }
    return {
        "enable_autopilot": True,
        "cluster_autoscaling": {"auto_provisioning_defaults": defaults},
        "node_pool_auto_config": {"node_kubelet_config": _READ_ONLY_PORT},
    }


def _standard(args: GcpClusterArgs, account: str, key: pulumi.Input[str]) -> dict[str, Any]:
    """Return what is Autopilot's without a word. GKE makes a first pool, which goes at once."""
    assert isinstance(args.settings.capacity, Standard), "there are two kinds of capacity"
    pool = base_pool(args.name, args.settings.capacity)
    return {
        "remove_default_node_pool": True,
        "initial_node_count": 1,
        "node_locations": [*pool.zones] or None,
        # The first pool's for the minutes that it lives: else it runs as Compute Engine's default account.
        "node_config": node_config(pool, account, key, args.labels),
        "workload_identity_config": {"workload_pool": f"{args.place.project}.svc.id.goog"},
        "datapath_provider": "ADVANCED_DATAPATH",
        "enable_shielded_nodes": True,
        "enable_intranode_visibility": True,
        "node_pool_defaults": {"node_config_defaults": _READ_ONLY_PORT},
    }
