"""What a graph grants to a service account, as IAM decides it by roles and conditions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from modelberth.gcp.grants import Grant
from support.clouds.graph import Graph, Resource
from support.gcp_iam import ROLES, allows, grant_of

__all__ = ["Rights", "accounts", "rights_of"]

_ACCOUNT: Final = "gcp:serviceaccount/account:Account"
_REPOSITORY: Final = "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember"


@dataclass(frozen=True)
class Rights:
    """Everything that one account is granted.

    Attributes:
        grants: in the project, on buckets and on secrets
        repositories: roles by the full name of a repository of images

    """

    grants: tuple[Grant, ...]
    repositories: tuple[tuple[str, str], ...]

    def allow(self, permission: str, resource: str) -> bool:
        """Tell whether one of them does."""
        return allows(self.grants, permission, resource) or any(
            permission in ROLES[role] and resource == repository for repository, role in self.repositories
        )


def accounts(graph: Graph) -> tuple[Resource, ...]:
    """Service accounts that a graph makes."""
    return tuple(one for one in graph.resources if one.token == _ACCOUNT)


def rights_of(graph: Graph, email: str) -> Rights:
    """Return everything that a service account is granted.

    Raises:
        AssertionError: something names it as its member that is no grant of a known kind.

    """
    grants, repositories = [], []
    for one in graph.resources:
        given = one.inputs
        if given.get("member") != f"serviceAccount:{email}":
            continue
        if one.token == _REPOSITORY:
            place = f"projects/{given['project']}/locations/{given['location']}"
            repositories.append((f"{place}/repositories/{given['repository']}", given["role"]))
            continue
        grant = grant_of(one.token, one.name, given)
        assert grant is not None, f"nobody here knows what {one.name} allows"
        grants.append(grant)
    return Rights(tuple(grants), tuple(repositories))
