"""A cluster as everything takes it that lies in it, and how one is looked up that is there already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_aws import eks

from modelberth.aws.eks.kubeconfig import kubeconfig
from modelberth.kubernetes.managed_cluster import provider

if TYPE_CHECKING:
    import pulumi_kubernetes

    from modelberth.aws.place import Place

__all__ = ["Cluster", "document", "existing", "security_group"]


@dataclass(frozen=True)
class Cluster:
    """A cluster, made here or elsewhere: what everything takes that lies in it.

    Attributes:
        name: of it in the account and the region
        place: of it
        kubeconfig: the document
        provider: of what lies in it
        subnets: ids of those that nodes are in
        security_group: id of the one that nodes and control plane share
        node_role: ARN of the nodes' role; None where the cluster makes no nodes
        ready: what has to be there before pods

    """

    name: str
    place: Place
    kubeconfig: pulumi.Output[str]
    provider: pulumi_kubernetes.Provider
    subnets: pulumi.Input[Sequence[str]]
    security_group: pulumi.Input[str]
    node_role: pulumi.Input[str | None]
    ready: Sequence[pulumi.Resource] = ()


def existing(name: str, cluster: str, place: Place, parent: pulumi.Resource) -> Cluster:
    """Look a cluster up that is there already; nothing of it is changed, or deleted with what lies in it.

    Args:
        name: beginning of the resources' names
        cluster: its name
        place: of it
        parent: the component that asks

    """
    found = eks.Cluster.get(
        f"{name}-cluster", cluster, pulumi.ResourceOptions(parent=parent), region=place.region
    )
    config = document(place, cluster, found)
    return Cluster(
        name=cluster,
        place=place,
        kubeconfig=config,
        provider=provider(f"{name}-provider", config, parent),
        subnets=found.vpc_config.subnet_ids,
        security_group=security_group(found),
        node_role=found.compute_config.apply(lambda one: None if one is None else one.node_role_arn),
    )


def document(place: Place, name: str, found: eks.Cluster) -> pulumi.Output[str]:
    """Return the kubeconfig of a cluster, known once its address is."""
    both = pulumi.Output.all(found.endpoint, found.certificate_authority.data)
    return both.apply(lambda told: kubeconfig(place, name, str(told[0]), str(told[1])))


def security_group(found: eks.Cluster) -> pulumi.Output[str]:
    """Return the id of the group that nodes and control plane share."""
    return found.vpc_config.cluster_security_group_id.apply(str)
