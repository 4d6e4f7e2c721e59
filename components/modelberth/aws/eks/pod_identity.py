"""Whose role the pods of an endpoint run as: EKS Pod Identity, for their service account and no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
from pulumi_aws import eks

from modelberth.aws.eks.names import role_name
from modelberth.aws.encryption import EncryptionKey
from modelberth.aws.identity import AwsIdentityArgs, identity
from modelberth.aws.needs import Needs, Pods
from modelberth.aws.permissions import statements
from modelberth.kubernetes.managed_cluster import samples

if TYPE_CHECKING:
    from modelberth.aws.plan import Plan
    from modelberth.spec import EksTarget, EndpointSpec

__all__ = ["needs", "register"]

_SCHEME = "s3://"


def needs(plan: Plan[EksTarget], pods: Pods) -> Needs:
    """Return what the pods touch in the account: models in S3, and samples where they are kept there.

    Their log is their output, and what pulls their image is the node.
    """
    return Needs(
        plan.spec,
        plan.place,
        "pods.eks",
        log_group=None,
        pods=pods,
        capture=samples(plan.spec, plan.target, _SCHEME),
    )


def register(
    name: str, plan: Plan[EksTarget], pods: Pods, opts: pulumi.ResourceOptions
) -> list[pulumi.Resource]:
    """Give the pods the role of `security.identity` or one that is made; nothing where they touch nothing.

    Args:
        name: beginning of the resources' names
        plan: the endpoint
        pods: as EKS knows them
        opts: of all resources

    """
    key = _key(plan.spec)
    asked = needs(plan, pods)
    if plan.spec.security.identity is None and not statements(asked, None if key is None else str(key.arn)):
        return []
    args = AwsIdentityArgs(role_name(plan.name, "pods", plan.place), asked, key, tags=plan.tags)
    runs_as = identity(f"{name}-identity", args, opts)
    return [
        eks.PodIdentityAssociation(
            f"{name}-pod-identity",
            cluster_name=pods.cluster,
            namespace=pods.namespace,
            service_account=pods.service_account,
            role_arn=runs_as.arn,
            region=plan.place.region,
            tags=plan.tags,
            opts=opts,
        )
    ]


def _key(spec: EndpointSpec) -> EncryptionKey | None:
    """The key that models and samples are encrypted with, where it is the spec's own."""
    return None if spec.security.key is None else EncryptionKey(spec.security.key)
