"""What only a target in Amazon EKS holds: its cluster, made or given, and the nodes of its GPUs."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from .aws import AwsTarget, SubnetId
from .eks_nodes import (
    AutoMode,
    GpuNodeGroup,
    GpuPool,
    KarpenterPool,
    ManagedNodes,
    OwnKarpenter,
    RoleArn,
)
from .kubernetes import ClusterTarget
from .network import AuthorizedNetwork
from .rules import Count, Flag, Matching, Part, each_once

__all__ = [
    "AutoMode",
    "EksCluster",
    "EksTarget",
    "ExistingCluster",
    "GpuNodeGroup",
    "GpuPool",
    "KarpenterPool",
    "ManagedNodes",
    "NewCluster",
    "OwnKarpenter",
]

_KIND: Final = "Which one."


class ExistingCluster(Part):
    """A cluster that is there, with the agent of EKS Pod Identity, which Auto Mode has; it stays."""

    kind: Literal["existing"] = Field("existing", description=_KIND)
    name: Annotated[
        str,
        Matching(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}", "1 to 100 letters, digits, hyphens and underscores"),
    ] = Field(description="Name of the cluster in the account and the region.")


class NewCluster(Part):
    """A cluster of the endpoint's own: it comes and goes with it."""

    kind: Literal["new"] = Field("new", description=_KIND)
    version: Annotated[str, Matching(r"1\.[0-9]{2}", "a release of Kubernetes such as '1.35', in quotes")] = (
        Field("1.35", description="Release of Kubernetes, under EKS's standard support.")
    )
    subnets: tuple[SubnetId, ...] = Field(
        min_length=2,
        max_length=16,
        description="Existing private subnets for the control plane's interfaces and the nodes, in two "
        "availability zones or more.",
    )
    administrators: tuple[RoleArn, ...] = Field(
        min_length=1,
        max_length=20,
        description="IAM roles that administer the cluster; the one that deploys has to be among them, since "
        "nobody else can enter, not even who made it.",
    )
    public_access: tuple[AuthorizedNetwork, ...] = Field(
        (),
        max_length=40,
        description="Networks on the internet that may connect to the API server. Empty: only the VPC may.",
    )
    log_retention_days: Count = Field(
        365, ge=1, le=3653, description="Days that the control plane's logs, audit among them, are kept."
    )
    deletion_protection: Flag = Field(
        default=True, description="EKS refuses to delete the cluster until this has been turned off."
    )
    capacity: Annotated[AutoMode | ManagedNodes, Field(discriminator="kind")] = Field(
        default_factory=AutoMode, description="What makes nodes."
    )

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        each_once(subnets=self.subnets, administrators=self.administrators)
        return self


EksCluster = Annotated[ExistingCluster | NewCluster, Field(discriminator="kind")]


class EksTarget(ClusterTarget, AwsTarget):
    """Pods in a cluster of Amazon EKS, made here or given."""

    kind: Literal["eks"] = Field("eks", description="The target.")
    cluster: EksCluster = Field(description="The cluster.")
    gpu_pool: GpuPool | None = Field(
        None, description="Nodes with the GPUs of `resources.gpu`. Unset: the cluster has them already."
    )
