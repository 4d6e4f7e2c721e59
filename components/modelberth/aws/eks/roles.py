"""The roles that a control plane and its nodes run as: AWS's own policies for each, and nothing more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pulumi
from pulumi_aws import iam

from modelberth.aws.policies import Statement, policy

if TYPE_CHECKING:
    from modelberth.aws.place import Place

__all__ = ["ServiceRole", "control_plane", "nodes", "register"]

# EKS, "Amazon EKS Auto Mode cluster IAM role" and "Amazon EKS cluster IAM role".
_CLUSTER: Final = ("AmazonEKSClusterPolicy",)
_AUTO_CLUSTER: Final = (
    *_CLUSTER,
    "AmazonEKSBlockStoragePolicy",
    "AmazonEKSComputePolicy",
    "AmazonEKSLoadBalancingPolicy",
    "AmazonEKSNetworkingPolicy",
)
# EKS, "Amazon EKS node IAM role" and "Amazon EKS Auto Mode node IAM role".
_PULL: Final = "AmazonEC2ContainerRegistryPullOnly"
_NODE: Final = ("AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", _PULL)
_AUTO_NODE: Final = ("AmazonEKSWorkerNodeMinimalPolicy", _PULL)


@dataclass(frozen=True, slots=True)
class ServiceRole:
    """A role that a service of AWS takes on.

    Attributes:
        role: of it among the resources, such as `node-role`
        description: whose it is, for the one who lists roles
        trust: who may take it on
        policies: names of AWS's managed policies

    """

    role: str
    description: str
    trust: Statement
    policies: tuple[str, ...]


def control_plane(place: Place, cluster: str, *, auto_mode: bool) -> ServiceRole:
    """Return the role of a control plane, which EKS takes on for that cluster alone.

    Sessions have tags in Auto Mode, which a role has to let in.
    """
    trust = Statement(
        "ControlPlane",
        ("sts:AssumeRole", "sts:TagSession") if auto_mode else ("sts:AssumeRole",),
        principals={"Service": ("eks.amazonaws.com",)},
        conditions={
            "StringEquals": {"aws:SourceAccount": place.account},
            "ArnLike": {"aws:SourceArn": place.arn("eks", f"cluster/{cluster}")},
        },
    )
    policies = _AUTO_CLUSTER if auto_mode else _CLUSTER
    return ServiceRole("cluster-role", f"Control plane of the EKS cluster {cluster}.", trust, policies)


def nodes(place: Place, cluster: str, *, auto_mode: bool) -> ServiceRole:
    """Return the role of a cluster's nodes: they join it and pull images."""
    trust = Statement("Nodes", ("sts:AssumeRole",), principals={"Service": (f"ec2.{place.domain}",)})
    policies = _AUTO_NODE if auto_mode else _NODE
    return ServiceRole("node-role", f"Nodes of the EKS cluster {cluster}.", trust, policies)


def register(
    name: str,
    physical: str,
    role: ServiceRole,
    place: Place,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> tuple[iam.Role, list[pulumi.Resource]]:
    """Register a role; beside it what it may do, which whatever runs as it comes after.

    Args:
        name: beginning of the resources' names
        physical: name of the role in IAM
        role: what to make
        place: of the account
        tags: of the role
        opts: of all resources

    """
    made = iam.Role(
        f"{name}-{role.role}",
        name=physical,
        description=role.description,
        assume_role_policy=policy(role.trust),
        tags=tags,
        opts=opts,
    )
    rights: list[pulumi.Resource] = [
        iam.RolePolicyAttachment(
            f"{name}-{role.role}-{one}",
            role=made.name,
            policy_arn=f"arn:{place.partition}:iam::aws:policy/{one}",
            opts=opts,
        )
        for one in role.policies
    ]
    return made, rights
