"""EKS add-ons: what a cluster with nodes of its own needs before a pod of an endpoint can run in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pulumi
from pulumi_aws import eks

if TYPE_CHECKING:
    from modelberth.aws.place import Place

__all__ = ["BEFORE_NODES", "ON_NODES", "Addon", "register"]


@dataclass(frozen=True, slots=True)
class Addon:
    """An add-on by its name, with its settings."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)


BEFORE_NODES: Final = (
    # Without the setting a NetworkPolicy is taken and enforced by nobody (EKS, "Limit Pod traffic with
    # Kubernetes network policies").
    Addon("vpc-cni", {"enableNetworkPolicy": "true"}),
    Addon("kube-proxy"),
    Addon("eks-pod-identity-agent"),
)
"""Without the first no node becomes ready."""
ON_NODES: Final = (Addon("coredns"), Addon("metrics-server"))
"""Deployments: EKS waits for their pods, which wait for nodes."""


def register(
    name: str,
    addons: Sequence[Addon],
    cluster: pulumi.Input[str],
    place: Place,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> list[pulumi.Resource]:
    """Register add-ons, each in the version that EKS takes for the cluster's release.

    Args:
        name: beginning of the resources' names
        addons: what to have
        cluster: its name
        place: of the cluster
        tags: of the add-ons
        opts: of all resources

    """
    return [
        eks.Addon(
            f"{name}-{one.name}",
            addon_name=one.name,
            cluster_name=cluster,
            configuration_values=json.dumps(one.settings) if one.settings else None,
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            region=place.region,
            tags=tags,
            opts=opts,
        )
        for one in addons
    ]
