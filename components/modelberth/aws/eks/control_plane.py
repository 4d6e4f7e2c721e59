"""A control plane as EKS takes it: the arguments of the cluster, and what of them it would refuse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from modelberth.aws.arn import role_problems
from modelberth.aws.eks.limits import limits
from modelberth.errors import Problem, join, shown
from modelberth.spec.eks import AutoMode, ManagedNodes

if TYPE_CHECKING:
    import pulumi

    from modelberth.aws.eks.cluster import AwsClusterArgs
    from modelberth.aws.place import Place
    from modelberth.spec.eks import NewCluster

__all__ = ["arguments", "problems"]

_LOGS: Final = ("api", "audit", "authenticator", "controllerManager", "scheduler")
# Amazon EC2, "Instance type naming conventions": g behind the generation is AWS Graviton.
_ARM: Final = re.compile(r"(a1|[a-z]+[0-9]+[a-z]*g[a-z]*)\..*")
_BUILT_IN_POOLS: Final = ("general-purpose", "system")


def arguments(
    args: AwsClusterArgs,
    *,
    role: pulumi.Input[str],
    node_role: pulumi.Input[str],
    key: pulumi.Input[str],
) -> dict[str, Any]:
    """Return the arguments of the cluster.

    Auto Mode's three switches are one: EKS refuses a cluster in which they differ. Without the add-ons that
    EKS would install unmanaged, each that the cluster has is named here, or is Auto Mode's.
    """
    settings, public = args.settings, [*args.settings.public_access]
    auto = {
        "compute_config": {"enabled": True, "node_pools": [*_BUILT_IN_POOLS], "node_role_arn": node_role},
        "kubernetes_network_config": {"elastic_load_balancing": {"enabled": True}},
        "storage_config": {"block_storage": {"enabled": True}},
    }
    return {
        "name": args.name,
        "region": args.place.region,
        "version": settings.version,
        "role_arn": role,
        "vpc_config": {
            "subnet_ids": [*settings.subnets],
            "endpoint_private_access": True,
            "endpoint_public_access": bool(public),
            **({"public_access_cidrs": public} if public else {}),
        },
        "access_config": {
            "authentication_mode": "API",
            "bootstrap_cluster_creator_admin_permissions": False,
        },
        "encryption_config": {"provider": {"key_arn": key}, "resources": ["secrets"]},
        "enabled_cluster_log_types": [*_LOGS],
        "bootstrap_self_managed_addons": False,
        # Extended support costs six times as much, and begins without a word.
        "upgrade_policy": {"support_type": "STANDARD"},
        "deletion_protection": settings.deletion_protection,
        "tags": args.tags,
        **(auto if isinstance(settings.capacity, AutoMode) else {}),
    }


def problems(settings: NewCluster, place: Place, path: str = "settings") -> Iterator[Problem]:
    """Yield what EKS would refuse of a cluster."""
    versions = limits().versions
    if settings.version not in versions:
        allowed = f"{', '.join(versions)}: the releases under EKS's standard support"
        yield Problem(join(path, "version"), shown(settings.version), allowed)
    for index, principal in enumerate(settings.administrators):
        yield from role_problems(principal, place, join(path, f"administrators[{index}]"))
    if isinstance(settings.capacity, ManagedNodes):
        yield from _node_problems(settings.capacity, join(path, "capacity"))


def _node_problems(nodes: ManagedNodes, path: str) -> Iterator[Problem]:
    """Yield instance types that the group's image does not start on (EKS, API_CreateNodegroup: amiType)."""
    is_arm = "_ARM_64" in nodes.ami_type
    for index, one in enumerate(nodes.instance_types):
        if (_ARM.fullmatch(one) is not None) != is_arm:
            hint = (
                "Instance types with a `g` behind the number, such as m8g, and a1 have processors of Arm's."
            )
            allowed = f"an instance type for ami_type {nodes.ami_type}"
            yield Problem(join(path, f"instance_types[{index}]"), shown(one), allowed, hint)
