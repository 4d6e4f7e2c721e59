"""The way into a cluster: a kubeconfig without a secret; the AWS CLI makes its tokens of one's own login."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pulumi

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pulumi_kubernetes

    from modelberth.aws.place import Place

__all__ = ["kubeconfig", "provider"]


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
    login: dict[str, Any] = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "aws",
        "args": ["eks", "get-token", "--cluster-name", cluster, "--region", place.region, "--output", "json"],
        "interactiveMode": "Never",
    }
    server = {"server": endpoint, "certificate-authority-data": authority}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": cluster, "cluster": server}],
            "users": [{"name": cluster, "user": {"exec": login}}],
            "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": cluster}}],
            "current-context": cluster,
        }
    )


def provider(
    name: str,
    document: pulumi.Input[str],
    parent: pulumi.Resource,
    after: Sequence[pulumi.Resource] = (),
) -> pulumi_kubernetes.Provider:
    """Make the provider of what lies in a cluster.

    Every other one is the caller's; this one cannot be, since it follows from the cluster.

    Args:
        name: of the resource
        document: kubeconfig
        parent: the component that it is part of
        after: what lets the caller enter the cluster

    """
    import pulumi_kubernetes  # noqa: PLC0415 - slow to import

    # Else a change of alerts or of the dashboard takes their ConfigMap away and makes it anew.
    return pulumi_kubernetes.Provider(
        name,
        kubeconfig=document,
        enable_config_map_mutable=True,
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[*after]),
    )
