"""What makes nodes in a cluster of Google Kubernetes Engine, with GPUs and without."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from modelberth.errors import Problem, SpecError

from .quantities import Bytes
from .rules import Count, Flag, Matching, Part, between, each_once

__all__ = [
    "Autopilot",
    "ComputeClassPool",
    "GkeNodePool",
    "GkePool",
    "Mig",
    "Standard",
    "TimeSharing",
]

_KIND: Final = "Which one."

MachineType = Annotated[
    str, Matching(r"[a-z0-9]+(-[a-z0-9]+)+", "a machine type of Compute Engine such as e2-standard-4")
]
Zone = Annotated[str, Matching(r"[a-z]+-[a-z]+[0-9]+-[a-z]+[0-9a-z]*", "a zone such as europe-west4-a")]
Disk = Annotated[Bytes, between(Bytes, "20Gi", "64Ti")]
NodeAccount = Annotated[
    str,
    Matching(
        r"[a-z][a-z0-9-]{4,28}[a-z0-9]@[a-z][a-z0-9-]{4,28}[a-z0-9]\.iam\.gserviceaccount\.com",
        "the e-mail address of a service account of one's own, NAME@PROJECT.iam.gserviceaccount.com",
        "Compute Engine's default account serves everything in the project, and its roles with it.",
    ),
]


class Autopilot(Part):
    """Google makes nodes as pods need them, and keeps them: what is paid for is what pods ask for."""

    kind: Literal["autopilot"] = Field("autopilot", description=_KIND)


class Standard(Part):
    """A pool of nodes of one's own for what needs no GPU, in every zone that it names."""

    kind: Literal["standard"] = Field("standard", description=_KIND)
    machine_type: MachineType = Field("e2-standard-4", description="Machine type of the nodes.")
    zones: tuple[Zone, ...] = Field(
        (), max_length=8, description="Zones of the nodes. Empty: three that Google chooses."
    )
    min: Count = Field(1, ge=1, le=1000, description="Fewest nodes in all zones together.")
    max: Count = Field(
        3, ge=1, le=1000, description="Most nodes in all zones together; at first each zone has one."
    )
    disk: Disk = Field(Bytes(100 * 2**30), description="Size of a node's boot disk.")

    @model_validator(mode="after")
    def _a_node_in_each_zone(self) -> Self:
        each_once(zones=self.zones)
        if self.min > self.max:
            raise SpecError(Problem("max", str(self.max), f"at least min, {self.min}"))
        if self.max < (zones := len(self.zones) or 3):
            hint = "Name fewer zones for fewer nodes."
            raise SpecError(Problem("max", str(self.max), f"at least {zones}, a node in each zone", hint))
        return self


class TimeSharing(Part):
    """Pods take turns on a GPU, without bounds on its memory."""

    kind: Literal["time_sharing"] = Field("time_sharing", description=_KIND)
    pods: Count = Field(ge=2, le=48, description="Pods for each GPU.")


class Mig(Part):
    """A GPU is cut into partitions that do not disturb each other (NVIDIA MIG)."""

    kind: Literal["mig"] = Field("mig", description=_KIND)
    partition: Annotated[str, Matching(r"[1-7]g\.[0-9]+gb", "a size of partition such as 1g.10gb")] = Field(
        description="Size of each partition."
    )


class GkeNodePool(Part):
    """A node pool with GPUs, which the cluster's autoscaler grows from nothing as pods wait for them."""

    kind: Literal["node_pool"] = Field("node_pool", description=_KIND)
    machine_type: MachineType | None = Field(
        None,
        description="Machine type. Unset: the smallest known one that holds `resources` with its GPUs.",
    )
    zones: tuple[Zone, ...] = Field(
        (), max_length=8, description="Zones of the nodes. Empty: those of the region known to have the GPUs."
    )
    min: Count = Field(0, ge=0, le=1000, description="Fewest nodes in all zones together.")
    max: Count = Field(1, ge=1, le=1000, description="Most nodes in all zones together.")
    spot: Flag = Field(
        default=False, description="Spare capacity, which Google takes back with 30 seconds' notice."
    )
    driver: Literal["default", "latest"] = Field(
        "default", description="NVIDIA driver that GKE installs: that of the node's release, or its newest."
    )
    sharing: Annotated[TimeSharing | Mig, Field(discriminator="kind")] | None = Field(
        None, description="How pods share a GPU. Unset: each has its own."
    )
    disk: Disk = Field(Bytes(100 * 2**30), description="Size of a node's boot disk for images and models.")
    service_account: NodeAccount | None = Field(
        None,
        description="Existing service account of the nodes, for a cluster that exists. Unset: one is made.",
    )

    @model_validator(mode="after")
    def _min_within_max(self) -> Self:
        each_once(zones=self.zones)
        if self.min > self.max:
            raise SpecError(Problem("max", str(self.max), f"at least min, {self.min}"))
        return self


class ComputeClassPool(Part):
    """A compute class: GKE makes nodes with the GPUs as pods wait for them, spare capacity first if asked."""

    kind: Literal["compute_class"] = Field("compute_class", description=_KIND)
    machine_types: tuple[MachineType, ...] = Field(
        (), max_length=10, description="Machine types in the order of preference. Empty: any with the GPUs."
    )
    spot: Flag = Field(default=False, description="Spare capacity is tried first, then on-demand nodes.")
    service_account: NodeAccount | None = Field(
        None,
        description="Existing service account of the nodes, for a cluster that exists. Unset: the one that "
        "the cluster gives nodes which it makes.",
    )

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        each_once(machine_types=self.machine_types)
        return self


GkePool = Annotated[GkeNodePool | ComputeClassPool, Field(discriminator="kind")]
