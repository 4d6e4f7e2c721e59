"""The service account of nodes: they report, and pull images. Compute Engine's default may do far more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pulumi
from pulumi_gcp import artifactregistry, projects, serviceaccount

if TYPE_CHECKING:
    from modelberth.gcp.gke.images import Repository
    from modelberth.gcp.place import Place

__all__ = ["NODE_ROLE", "READER", "NodeAccount", "readers", "register"]

NODE_ROLE: Final = "roles/container.defaultNodeServiceAccount"
"""What nodes need to report (GKE, "About service accounts in GKE", "minimum roles")."""
READER: Final = "roles/artifactregistry.reader"


@dataclass(frozen=True, slots=True)
class NodeAccount:
    """A service account that nodes run as.

    Attributes:
        email: its address
        rights: the account and what it may do, where it is made here: without these no node becomes ready

    """

    email: str
    rights: Sequence[pulumi.Resource] = ()


def register(
    name: str,
    account: str,
    place: Place,
    repositories: Sequence[Repository],
    opts: pulumi.ResourceOptions,
) -> NodeAccount:
    """Register the service account of nodes, with what it may do.

    Args:
        name: beginning of the resources' names
        account: name of it in the project
        place: of the nodes
        repositories: that they pull from, whosever project these lie in
        opts: of all resources

    """
    made = serviceaccount.Account(
        f"{name}-node-account",
        account_id=account,
        project=place.project,
        display_name=f"Nodes of {name}",
        description="Nodes of Google Kubernetes Engine: they report, and pull images.",
        opts=opts,
    )
    reports = projects.IAMMember(
        f"{name}-node-reports", project=place.project, role=NODE_ROLE, member=made.member, opts=opts
    )
    pulls = readers(name, made.member, repositories, opts)
    return NodeAccount(place.service_account(account), [made, reports, *pulls])


def readers(
    name: str,
    member: pulumi.Input[str],
    repositories: Sequence[Repository],
    opts: pulumi.ResourceOptions,
) -> list[pulumi.Resource]:
    """Let a member pull from repositories, and from no other."""
    return [
        artifactregistry.RepositoryIamMember(
            f"{name}-pulls-{one.project}-{one.location}-{one.name}",
            project=one.project,
            location=one.location,
            repository=one.name,
            role=READER,
            member=member,
            opts=opts,
        )
        for one in repositories
    ]
