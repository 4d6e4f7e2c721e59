"""Physical names of what a cluster is made of: they follow from its own, and ARNs follow from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from modelberth.naming import shortened
from modelberth.spec.eks import ExistingCluster

if TYPE_CHECKING:
    from modelberth.aws.place import Place
    from modelberth.aws.plan import Plan
    from modelberth.spec import EksTarget

__all__ = ["cluster_name", "log_group", "role_name"]

# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
_LONGEST_ROLE: Final = 64


def cluster_name(plan: Plan[EksTarget]) -> str:
    """Name of the endpoint's cluster."""
    cluster = plan.target.cluster
    return cluster.name if isinstance(cluster, ExistingCluster) else plan.name


def log_group(cluster: str) -> str:
    """Name of the group that EKS writes a control plane's logs to; it can be no other."""
    return f"/aws/eks/{cluster}/cluster"


def role_name(name: str, role: str, place: Place) -> str:
    """Name of an IAM role: IAM is of no region, so the name has to tell it."""
    return shortened(f"{name}-{role}-{place.region}", _LONGEST_ROLE)
