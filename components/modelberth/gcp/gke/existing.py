"""A cluster as everything takes it that lies in it, and how one is looked up that is there already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi_gcp import container

from modelberth.gcp.gke.kubeconfig import kubeconfig
from modelberth.kubernetes.managed_cluster import provider

if TYPE_CHECKING:
    import pulumi_kubernetes

    from modelberth.gcp.gke.roles import NodeAccount
    from modelberth.gcp.place import Place

__all__ = ["Cluster", "document", "existing"]


@dataclass(frozen=True)
class Cluster:
    """A cluster, made here or elsewhere: what everything takes that lies in it.

    Attributes:
        name: of it in the project and the location
        place: project and region of it
        location: region or zone of it
        kubeconfig: the document
        provider: of what lies in it
        is_autopilot: whether Google makes its nodes; None: nobody knows before it is looked up
        nodes: the account of its nodes; None: that is not ours
        disk_key: that encrypts the disks of its nodes; None: Google's own
        ready: what has to be there before pods

    """

    name: str
    place: Place
    location: str
    kubeconfig: pulumi.Output[str]
    provider: pulumi_kubernetes.Provider
    is_autopilot: bool | None = None
    nodes: NodeAccount | None = None
    disk_key: pulumi.Input[str] | None = None
    ready: Sequence[pulumi.Resource] = ()


def existing(
    name: str,
    cluster: str,
    place: Place,
    location: str,
    parent: pulumi.Resource,
    after: Sequence[pulumi.Resource] = (),
    disk_key: str | None = None,
) -> Cluster:
    """Look a cluster up that is there already; nothing of it is changed, or deleted with what lies in it.

    Args:
        name: beginning of the resources' names
        cluster: its name
        place: project and region of it
        location: region or zone of it
        parent: the component that asks
        after: what has to be there before
        disk_key: that encrypts the disks of nodes which are added to it

    """
    found = container.Cluster.get(
        f"{name}-cluster",
        f"projects/{place.project}/locations/{location}/clusters/{cluster}",
        pulumi.ResourceOptions(parent=parent, depends_on=[*after]),
        name=cluster,
        project=place.project,
        location=location,
    )
    config = document(cluster, found)
    return Cluster(
        name=cluster,
        place=place,
        location=location,
        kubeconfig=config,
        provider=provider(f"{name}-provider", config, parent, after),
        disk_key=disk_key,
        ready=after,
    )


def document(name: str, found: container.Cluster) -> pulumi.Output[str]:
    """Return the kubeconfig of a cluster, known once its address is.

    By its DNS name where that lets callers from outside in, which IAM then asks who they are; else by its
    address, private or public.
    """
    dns = found.control_plane_endpoints_config.apply(_open_dns_name)
    told = pulumi.Output.all(dns, found.endpoint, found.master_auth.cluster_ca_certificate)
    return told.apply(lambda all_of_it: _document(name, *all_of_it))


def _open_dns_name(endpoints: Any) -> str | None:
    dns = None if endpoints is None else endpoints.dns_endpoint_config
    return str(dns.endpoint) if dns is not None and dns.allow_external_traffic and dns.endpoint else None


def _document(name: str, dns: str | None, address: object, authority: object) -> str:
    if dns is not None:
        return kubeconfig(name, dns, None)
    return kubeconfig(name, str(address), str(authority))
