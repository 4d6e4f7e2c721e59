"""Who may enter a cluster: its access entries, and no ConfigMap in it that could give access to others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pulumi
from pulumi_aws import eks

if TYPE_CHECKING:
    from modelberth.aws.place import Place

__all__ = ["policy_arn", "register"]


def policy_arn(place: Place, name: str) -> str:
    """ARN of one of EKS's access policies."""
    return f"arn:{place.partition}:eks::aws:cluster-access-policy/{name}"


def register(
    name: str,
    cluster: pulumi.Input[str],
    administrators: Sequence[str],
    place: Place,
    opts: pulumi.ResourceOptions,
) -> list[pulumi.Resource]:
    """Let roles administer the whole cluster.

    A role's name is unlike any other's of the account, so that a role more or less changes no other's entry.

    Args:
        name: beginning of the resources' names
        cluster: its name
        administrators: ARNs of roles
        place: of the cluster
        opts: of all resources

    """
    made: list[pulumi.Resource] = []
    for principal in administrators:
        whose = principal.rpartition("/")[2]
        entry = eks.AccessEntry(
            f"{name}-access-{whose}",
            cluster_name=cluster,
            principal_arn=principal,
            type="STANDARD",
            region=place.region,
            opts=opts,
        )
        rights = eks.AccessPolicyAssociation(
            f"{name}-administers-{whose}",
            cluster_name=cluster,
            principal_arn=entry.principal_arn,
            policy_arn=policy_arn(place, "AmazonEKSClusterAdminPolicy"),
            access_scope={"type": "cluster"},
            region=place.region,
            opts=opts,
        )
        made += [entry, rights]
    return made
