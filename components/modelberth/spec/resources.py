"""What one replica may use of a machine."""

from typing import Annotated, Literal

from pydantic import Field

from .quantities import Bytes, Cpu
from .rules import Count, Part, between

__all__ = ["Gpu", "GpuKind", "Resources"]

GpuKind = Literal[
    "t4",
    "l4",
    "l40s",
    "a10g",
    "v100",
    "a100-40gb",
    "a100-80gb",
    "h100",
    "h200",
    "b200",
    "rtx-pro-6000",
    "mi300x",
]


class Gpu(Part):
    """Accelerators of one replica; each target maps the kind to its own machine type."""

    kind: GpuKind = Field(description="GPU model.")
    count: Count = Field(1, ge=1, le=16, description="GPUs for each replica.")
    memory_min: Annotated[Bytes, between(Bytes, "1Gi", "1Ti")] | None = Field(
        None,
        description="Least memory of one GPU that the model fits into; a smaller kind is refused at "
        "preview. Unset: not checked.",
    )


class Resources(Part):
    """Guaranteed share of one replica."""

    cpu: Annotated[Cpu, between(Cpu, "100m", "192")] = Field(
        Cpu(1000), description="Processor time of one replica, in cores."
    )
    memory: Annotated[Bytes, between(Bytes, "128Mi", "4Ti")] = Field(
        Bytes(2**30), description="Memory of one replica, in bytes; a replica that needs more is stopped."
    )
    gpu: Gpu | None = Field(None, description="GPUs of one replica. Unset: none.")
