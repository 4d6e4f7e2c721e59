"""Whose account the pods of an endpoint act as: Workload Identity Federation for GKE, for them alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pulumi
from pulumi_gcp import serviceaccount

from modelberth.gcp.gke.names import account_name
from modelberth.gcp.identity import GcpIdentity, GcpIdentityArgs, Identity
from modelberth.gcp.needs import Needs, Pods
from modelberth.gcp.permissions import grants, pod_member
from modelberth.kubernetes.managed_cluster import samples

if TYPE_CHECKING:
    from modelberth.gcp.plan import Plan
    from modelberth.spec import GkeTarget

__all__ = ["ANNOTATION", "PodIdentity", "needs", "register"]

ANNOTATION: Final = "iam.gke.io/gcp-service-account"
"""Of the pods' service account (GKE, "Authenticate to Google Cloud APIs from GKE workloads")."""
_SCHEME: Final = "gs://"
_USER: Final = "roles/iam.workloadIdentityUser"


@dataclass(frozen=True, slots=True)
class PodIdentity:
    """What gives pods an account.

    Attributes:
        annotations: of the pods' service account
        ready: what pods come after

    """

    annotations: dict[str, str]
    ready: Sequence[pulumi.Resource] = ()


def needs(plan: Plan[GkeTarget], pods: Pods) -> Needs:
    """Return what the pods touch in the project: models in Cloud Storage, and samples that are kept there.

    Their log is their output, and what pulls their image is the node.
    """
    return Needs(
        plan.spec,
        plan.place,
        "gke",
        pods=pods,
        capture=samples(plan.spec, plan.target, _SCHEME),
    )


def register(
    name: str,
    plan: Plan[GkeTarget],
    pods: Pods,
    parent: pulumi.Resource,
    after: Sequence[pulumi.Resource],
) -> PodIdentity:
    """Let the pods act as the account of `security.identity`, or one that is made where they touch anything.

    What an account may do that is named is its owner's to say (`permissions.grants`). That these pods may act
    as it is said here: nobody else knows their names.

    Args:
        name: beginning of the resources' names
        plan: the endpoint
        pods: as IAM tells them
        parent: the component that they are part of
        after: a cluster of the project, since the first one makes the pool that pods are told by

    """
    asked, given = needs(plan, pods), plan.spec.security.identity
    if given is not None:
        Identity.from_existing(given, plan.place)
        linked = serviceaccount.IAMMember(
            f"{name}-pods-act",
            service_account_id=f"projects/{plan.place.project}/serviceAccounts/{given}",
            role=_USER,
            member=pod_member(asked),
            opts=pulumi.ResourceOptions(parent=parent, depends_on=[*after]),
        )
        return PodIdentity({ANNOTATION: given}, [linked])
    if not grants(asked):
        return PodIdentity({})
    account = account_name(plan.name, "pods")
    child = pulumi.ResourceOptions(parent=parent)
    made = GcpIdentity(f"{name}-identity", GcpIdentityArgs(account, asked, after), child)
    return PodIdentity({ANNOTATION: plan.place.service_account(account)}, [made])
