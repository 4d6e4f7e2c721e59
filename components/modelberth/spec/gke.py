"""What only a target in Google Kubernetes Engine holds: its cluster, made or given, and nodes with GPUs."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from .gcp import GcpTarget, NetworkName, SubnetworkName
from .gke_nodes import Autopilot, ComputeClassPool, GkeNodePool, GkePool, Mig, Standard, TimeSharing
from .kubernetes import ClusterTarget
from .network import AuthorizedNetwork
from .rules import Flag, Matching, Part, each_once

__all__ = [
    "Autopilot",
    "ComputeClassPool",
    "ExistingGkeCluster",
    "GkeCluster",
    "GkeNodePool",
    "GkePool",
    "GkeTarget",
    "Mig",
    "NewGkeCluster",
    "Standard",
    "TimeSharing",
]

_KIND: Final = "Which one."

RangeName = Annotated[
    str, Matching(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", "the name of a secondary range of the subnetwork")
]


class ExistingGkeCluster(Part):
    """A cluster that is there, with Workload Identity Federation for GKE, which Autopilot has; it stays."""

    kind: Literal["existing"] = Field("existing", description=_KIND)
    name: Annotated[
        str,
        Matching(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?", "1 to 40 lower-case letters, digits and hyphens"),
    ] = Field(description="Name of the cluster.")
    location: (
        Annotated[
            str,
            Matching(r"[a-z]+-[a-z]+[0-9]+(-[a-z]+[0-9a-z]*)?", "a region or a zone such as europe-west4-a"),
        ]
        | None
    ) = Field(None, description="Region or zone of the cluster. Unset: `region`.")


class NewGkeCluster(Part):
    """A cluster of the endpoint's own, across the region's zones: it comes and goes with it."""

    kind: Literal["new"] = Field("new", description=_KIND)
    channel: Literal["REGULAR", "STABLE", "EXTENDED", "RAPID"] = Field(
        "REGULAR", description="Release channel: which releases of Kubernetes the cluster gets, and how soon."
    )
    network: NetworkName = Field(description="Existing network.")
    subnetwork: SubnetworkName = Field(
        description="Existing subnetwork of the region, with Private Google Access: nodes have no public "
        "address, and reach the internet by a Cloud NAT of the network alone."
    )
    pod_range: RangeName | None = Field(
        None, description="Existing secondary range of the subnetwork for pods. Unset: GKE makes one."
    )
    service_range: RangeName | None = Field(
        None, description="Existing secondary range of the subnetwork for Services. Unset: GKE makes one."
    )
    public_access: tuple[AuthorizedNetwork, ...] = Field(
        (),
        max_length=50,
        description="Networks on the internet that may connect to the API server. Empty: none, and it is "
        "reached by its DNS name, where IAM asks who calls.",
    )
    maintenance: Annotated[
        str, Matching(r"([01][0-9]|2[0-3]):[0-5][0-9]", "a time of day in UTC such as '03:00', in quotes")
    ] = Field("03:00", description="Beginning, in UTC, of the hours of a day in which GKE may upgrade.")
    deletion_protection: Flag = Field(
        default=True, description="Refuse to delete the cluster until this has been turned off."
    )
    capacity: Annotated[Autopilot | Standard, Field(discriminator="kind")] = Field(
        default_factory=Autopilot, description="What makes nodes."
    )

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        each_once(public_access=self.public_access)
        return self


GkeCluster = Annotated[ExistingGkeCluster | NewGkeCluster, Field(discriminator="kind")]


class GkeTarget(ClusterTarget, GcpTarget):
    """Pods in a cluster of Google Kubernetes Engine, made here or given."""

    kind: Literal["gke"] = Field("gke", description="The target.")
    cluster: GkeCluster = Field(description="The cluster.")
    gpu_pool: GkePool | None = Field(
        None,
        description="Nodes with the GPUs of `resources.gpu`. Unset: the cluster has them already, or is in "
        "Autopilot, which makes them.",
    )
