"""What makes nodes in a cluster of Amazon EKS, with GPUs and without."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from modelberth.errors import Problem, SpecError

from .quantities import Bytes, Duration
from .rules import Count, Flag, Matching, Part, between

__all__ = [
    "AutoMode",
    "GpuNodeGroup",
    "GpuPool",
    "KarpenterPool",
    "ManagedNodes",
    "OwnKarpenter",
    "RoleArn",
]

_KIND: Final = "Which one."

InstanceType = Annotated[
    str, Matching(r"[a-z][a-z0-9-]*\.[a-z0-9-]+", "an EC2 instance type such as m7i.large")
]
RoleArn = Annotated[
    str,
    Matching(
        r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[!-~]{1,576}", "the ARN of an IAM role, arn:aws:iam::…:role/…"
    ),
]
Disk = Annotated[Bytes, between(Bytes, "20Gi", "16Ti")]


class AutoMode(Part):
    """EKS Auto Mode: AWS makes nodes as pods need them, and has storage, load balancers and DNS there."""

    kind: Literal["auto_mode"] = Field("auto_mode", description=_KIND)


class ManagedNodes(Part):
    """A managed node group: nodes that are there whether pods need them or not."""

    kind: Literal["managed_nodes"] = Field("managed_nodes", description=_KIND)
    instance_types: tuple[InstanceType, ...] = Field(
        ("m7i.large",), min_length=1, max_length=20, description="Instance types, the preferred one first."
    )
    min: Count = Field(2, ge=1, le=450, description="Fewest nodes.")
    max: Count = Field(
        4, ge=1, le=450, description="Most nodes; something in the cluster has to ask for them."
    )
    disk: Disk = Field(Bytes(50 * 2**30), description="Size of a node's volume (gp3, encrypted).")
    ami_type: Literal[
        "AL2023_x86_64_STANDARD", "AL2023_ARM_64_STANDARD", "BOTTLEROCKET_x86_64", "BOTTLEROCKET_ARM_64"
    ] = Field("AL2023_x86_64_STANDARD", description="Image of the nodes, as EKS names its kinds.")

    @model_validator(mode="after")
    def _min_within_max(self) -> Self:
        if self.min > self.max:
            raise SpecError(Problem("max", str(self.max), f"at least min, {self.min}"))
        return self


class OwnKarpenter(Part):
    """Karpenter as the cluster runs it itself, where it is not in Auto Mode."""

    role: Annotated[str, Matching(r"[\w+=,.@-]{1,64}", "the name of an IAM role, without its path")] = Field(
        description="Existing IAM role of its nodes, which may join the cluster."
    )
    ami: Annotated[
        str,
        Matching(
            r"(al2023|bottlerocket)@(latest|v?[0-9][0-9A-Za-z.-]*)", "an alias such as al2023@v20261101"
        ),
    ] = Field(
        description="Image of its nodes as `amiSelectorTerms` names it by alias. `@latest` replaces nodes as "
        "soon as AWS releases another one."
    )


class KarpenterPool(Part):
    """Nodes that Karpenter makes when pods wait for GPUs, and removes when none is left on them."""

    kind: Literal["karpenter"] = Field("karpenter", description=_KIND)
    gpus: Count = Field(ge=1, le=4096, description="Most GPUs that its nodes may have together.")
    instance_types: tuple[InstanceType, ...] = Field(
        (),
        max_length=60,
        description="Instance types that it may take. Empty: each one with GPUs of `resources.gpu.kind`.",
    )
    spot: Flag = Field(
        default=False,
        description="Spare capacity that AWS takes back with two minutes' notice, for the GPUs beyond "
        "`on_demand_gpus`.",
    )
    on_demand_gpus: Count = Field(
        0, ge=0, le=4096, description="GPUs that are had on demand before any of spare capacity, with `spot`."
    )
    idle: Annotated[Duration, between(Duration, "0s", "24h")] = Field(
        Duration(600_000), description="Time that a node without pods is kept, in case another one comes."
    )
    lifetime: Annotated[Duration, between(Duration, "24h", "480h")] = Field(
        Duration(336 * 3_600_000),
        description="Age at which a node is replaced by one with a newer image.",
    )
    disk: Disk = Field(
        Bytes(100 * 2**30), description="Size of a node's volume for images and models (gp3, encrypted)."
    )
    own: OwnKarpenter | None = Field(
        None, description="Karpenter that the cluster runs itself. Unset: that of Auto Mode."
    )

    @model_validator(mode="after")
    def _a_base_of_spot(self) -> Self:
        if self.on_demand_gpus and not self.spot:
            raise SpecError(Problem("on_demand_gpus", str(self.on_demand_gpus), "nothing without `spot`"))
        if self.spot and self.on_demand_gpus >= self.gpus:
            allowed = f"below gpus, {self.gpus}, with `spot`"
            raise SpecError(Problem("on_demand_gpus", str(self.on_demand_gpus), allowed))
        return self


class GpuNodeGroup(Part):
    """A managed node group with GPUs, where no Karpenter is."""

    kind: Literal["node_group"] = Field("node_group", description=_KIND)
    instance_types: tuple[InstanceType, ...] = Field(
        min_length=1, max_length=20, description="Instance types with GPUs of `resources.gpu.kind`."
    )
    min: Count = Field(1, ge=0, le=450, description="Fewest nodes.")
    max: Count = Field(
        1, ge=1, le=450, description="Most nodes; something in the cluster has to ask for them."
    )
    spot: Flag = Field(default=False, description="Spare capacity, taken back with two minutes' notice.")
    disk: Disk = Field(
        Bytes(100 * 2**30), description="Size of a node's volume for images and models (gp3, encrypted)."
    )
    ami_type: Literal["BOTTLEROCKET_x86_64_NVIDIA", "AL2023_x86_64_NVIDIA"] = Field(
        "BOTTLEROCKET_x86_64_NVIDIA",
        description="Image of the nodes. Bottlerocket's brings NVIDIA's device plugin; beside AL2023's the "
        "cluster runs it.",
    )
    role: RoleArn | None = Field(
        None,
        description="Existing IAM role of the nodes, for a cluster that exists. Unset: one is made.",
    )

    @model_validator(mode="after")
    def _min_within_max(self) -> Self:
        if self.min > self.max:
            raise SpecError(Problem("max", str(self.max), f"at least min, {self.min}"))
        return self


GpuPool = Annotated[KarpenterPool | GpuNodeGroup, Field(discriminator="kind")]
