"""What runs the model inside a replica."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from modelberth.errors import Problem, SpecError

from .quantities import Duration
from .rules import Count, Matching, Part, between

__all__ = ["IMAGE", "Batching", "Engine", "Runtime"]

Engine = Literal["onnxruntime", "tensorflow-serving", "triton", "vllm", "custom"]

IMAGE: Final = Matching(
    r"[a-z0-9][A-Za-z0-9.-]*(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"
    r"(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?@sha256:[0-9a-f]{64}",
    "an image by digest, REGISTRY/NAME@sha256:…",
    "A tag can be moved to another image; a digest cannot.",
)
"""The grammar of a reference in the OCI distribution specification, with the digest made mandatory."""


class Batching(Part):
    """Requests that arrive close together are computed as one batch: more throughput for a little latency."""

    max_size: Count = Field(16, ge=2, le=4096, description="Largest batch, in input rows.")
    max_delay: Annotated[Duration, between(Duration, "0s", "10s")] = Field(
        Duration(5), description="Longest time that a request waits for others to join its batch."
    )


class Runtime(Part):
    """The inference engine and its settings."""

    engine: Engine = Field(
        "onnxruntime", description="Inference engine. `custom` runs the person's own image and needs `image`."
    )
    image: Annotated[str, IMAGE] | None = Field(
        None,
        description="Container image, pinned by digest. Unset: the engine's image of this release, where "
        "docs/reference/runtimes.md has one.",
    )
    threads: Count | None = Field(
        None,
        ge=1,
        le=256,
        description="Threads that compute one request in a replica. Unset: one for each whole core of "
        "`resources.cpu`, at least one.",
    )
    args: tuple[Annotated[str, Field(min_length=1, max_length=4096)], ...] = Field(
        (),
        max_length=64,
        description="Further command-line arguments for the engine, appended as given. No secrets: they are "
        "plain in the state.",
    )
    batching: Batching | None = Field(
        None,
        description="Dynamic batching. Unset: no request waits for others; `onnxruntime` computes those that "
        "are there at the same moment together, where the model gives each the same result as alone.",
    )

    @model_validator(mode="after")
    def _custom_has_image(self) -> Self:
        if self.engine == "custom" and self.image is None:
            raise SpecError(
                Problem("image", "nothing", "an image by digest, REGISTRY/NAME@sha256:…, for engine custom")
            )
        return self
