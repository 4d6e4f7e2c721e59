"""Physical names of what a cluster is made of: they follow from its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelberth.gcp.names import name_rules
from modelberth.naming import content_digest, shortened
from modelberth.spec.gke import ExistingGkeCluster

if TYPE_CHECKING:
    from modelberth.gcp.plan import Plan
    from modelberth.spec import GkeTarget

__all__ = ["account_name", "cluster_name", "compute_class_name", "node_pool_name", "pool_name"]

# A label's value, which pods select the nodes of a compute class by (Kubernetes, "Labels and Selectors").
_LONGEST_CLASS = 63


def cluster_name(plan: Plan[GkeTarget]) -> str:
    """Name of the endpoint's cluster."""
    cluster = plan.target.cluster
    if isinstance(cluster, ExistingGkeCluster):
        return cluster.name
    return plan.named(longest=name_rules()["cluster"].longest)


def account_name(name: str, role: str) -> str:
    """Name of a service account: that of whose it is, and what for."""
    return shortened(f"{name}-{role}", name_rules()["service_account"].longest)


def pool_name(plan: Plan[GkeTarget]) -> str:
    """Beginning of the names of what the endpoint's nodes with GPUs are made by."""
    return plan.named("gpu", longest=name_rules()["node_pool"].longest)


def node_pool_name(name: str, content: str) -> str:
    """Name of a node pool by all that replaces it: the next one has its nodes before the last one's go.

    With the name of the last one it could not be made while that is there, and no pod would have a node.
    """
    return shortened(f"{name}-{content_digest(content)}", name_rules()["node_pool"].longest)


def compute_class_name(name: str) -> str:
    """Name of a compute class."""
    return shortened(name, _LONGEST_CLASS)
