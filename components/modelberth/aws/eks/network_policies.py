"""Have Auto Mode enforce NetworkPolicies, which it else takes and lets be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

if TYPE_CHECKING:
    import pulumi_kubernetes

__all__ = ["register"]


def register(name: str, parent: pulumi.Resource, inside: pulumi_kubernetes.Provider) -> pulumi.Resource:
    """Turn the controller on (EKS, "Use Network Policies with EKS Auto Mode").

    Args:
        name: of the resource
        parent: the component that it is part of
        inside: provider of what lies in the cluster

    """
    from pulumi_kubernetes.core.v1 import ConfigMap  # noqa: PLC0415 - slow to import

    return ConfigMap(
        name,
        metadata={"name": "amazon-vpc-cni", "namespace": "kube-system"},
        data={"enable-network-policy-controller": "true"},
        opts=pulumi.ResourceOptions(parent=parent, provider=inside),
    )
