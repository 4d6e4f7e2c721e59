"""What only Vertex AI holds: how an endpoint is reached, its machines, and where its requests are logged."""

from typing import Annotated, Final, Literal

from pydantic import Field

from .gcp import ArtifactImage, GcpProject, ServiceTarget
from .rules import Matching, Part

__all__ = ["Dedicated", "PrivateServiceConnect", "Shared", "VertexAccess", "VertexTarget"]

_KIND: Final = "Which one."

BigQueryTable = Annotated[
    str,
    Matching(
        r"bq://[a-z][a-z0-9-]{4,28}[a-z0-9](\.[A-Za-z0-9_]{1,1024}){1,2}",
        "a dataset or table of BigQuery, bq://PROJECT.DATASET or bq://PROJECT.DATASET.TABLE",
    ),
]


class Dedicated(Part):
    """An address of the endpoint's own on the internet: 10 MB and 10 min for a request."""

    kind: Literal["dedicated"] = Field("dedicated", description=_KIND)


class PrivateServiceConnect(Part):
    """Networks of one's own alone, by a forwarding rule that each makes: 10 MB and 10 min for a request."""

    kind: Literal["private_service_connect"] = Field("private_service_connect", description=_KIND)
    projects: tuple[GcpProject, ...] = Field(
        min_length=1, max_length=20, description="Projects whose networks may connect."
    )


class Shared(Part):
    """The region's address on the internet, which all endpoints share: 1.5 MB and 60 s for a request."""

    kind: Literal["shared"] = Field("shared", description=_KIND)


VertexAccess = Annotated[Dedicated | PrivateServiceConnect | Shared, Field(discriminator="kind")]


class VertexTarget(ServiceTarget):
    """An endpoint in Vertex AI (now Gemini Enterprise Agent Platform)."""

    kind: Literal["vertex"] = Field("vertex", description="The target.")
    machine_type: (
        Annotated[str, Matching(r"[a-z0-9]+(-[a-z0-9]+)+", "a machine type such as n1-standard-4")] | None
    ) = Field(None, description="Machine type. Unset: the cheapest that holds `resources`.")
    image: ArtifactImage | None = Field(
        None,
        description="Serving image by digest, in Artifact Registry, as `make image` builds it. "
        "`runtime.image` comes first.",
    )
    previous_image: ArtifactImage | None = Field(
        None,
        description="Image that serves `rollout.previous`, where it is another. Unset: the same.",
    )
    access: VertexAccess | None = Field(
        None,
        description="How requests reach the endpoint. Unset: Private Service Connect from networks of the "
        "project itself, or where `security.network.public` is on an address of its own.",
    )
    capture: BigQueryTable | None = Field(
        None,
        description="Dataset or table of BigQuery for `monitoring.capture`. Unset: none.",
    )
