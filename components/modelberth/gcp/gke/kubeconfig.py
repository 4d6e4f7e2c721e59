"""The way into a cluster: a kubeconfig without a secret; a plugin makes its tokens of one's own login."""

from __future__ import annotations

from typing import Final

from modelberth.kubernetes import managed_cluster

__all__ = ["kubeconfig"]

_INSTALL: Final = (
    "https://docs.cloud.google.com/kubernetes-engine/docs/how-to/cluster-access-for-kubectl#install_plugin"
)


def kubeconfig(cluster: str, host: str, authority: str | None) -> str:
    """Return the document, always the same text for the same cluster.

    GKE, "Install kubectl and configure cluster access": tokens live for an hour, so none can stand in it, and
    the plugin takes them from gcloud's login, or from Application Default Credentials.

    Args:
        cluster: what it is called in the document
        host: DNS name or address of the API server
        authority: certificate that the API server's is signed with, in base64; None: a public one, as that of
            the DNS name is

    """
    login = {
        "command": "gke-gcloud-auth-plugin",
        "installHint": f"Install gke-gcloud-auth-plugin: {_INSTALL}",
        "interactiveMode": "Never",
        "provideClusterInfo": True,
    }
    server = {"server": f"https://{host}"}
    if authority is not None:
        server["certificate-authority-data"] = authority
    return managed_cluster.kubeconfig(cluster, server, login)
