"""The way into a cluster: a kubeconfig without a secret; the AWS CLI makes its tokens of one's own login."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelberth.kubernetes import managed_cluster

if TYPE_CHECKING:
    from modelberth.aws.place import Place

__all__ = ["kubeconfig"]


def kubeconfig(place: Place, cluster: str, endpoint: str, authority: str) -> str:
    """Return the document, always the same text for the same cluster.

    EKS, "Connect kubectl to an EKS cluster by creating a kubeconfig file": a token lives for 15 minutes, so
    none can stand in it.

    Args:
        place: of the cluster
        cluster: its name
        endpoint: https address of its API server
        authority: certificate that the API server's is signed with, in base64

    """
    login = {
        "command": "aws",
        "args": ["eks", "get-token", "--cluster-name", cluster, "--region", place.region, "--output", "json"],
        "interactiveMode": "Never",
    }
    server = {"server": endpoint, "certificate-authority-data": authority}
    return managed_cluster.kubeconfig(cluster, server, login)
