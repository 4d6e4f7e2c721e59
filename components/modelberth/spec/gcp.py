"""What only a target in Google Cloud holds: the project and the region."""

from typing import Annotated, Final, Literal

from pydantic import Field

from .rules import Matching, Part

__all__ = ["CloudRunTarget", "GcpTarget", "VertexTarget"]

_KIND: Final = "The target."

GcpProject = Annotated[
    str,
    Matching(
        r"[a-z][a-z0-9-]{4,28}[a-z0-9]",
        "the id of a Google Cloud project, 6 to 30 lower-case letters, digits and hyphens",
        "Its number belongs into `project_number`.",
    ),
]
GcpProjectNumber = Annotated[
    str,
    Matching(
        r"[1-9][0-9]{5,18}",
        "the number of the project, as text: `gcloud projects describe PROJECT` prints it",
        "Its id belongs into `project`.",
    ),
]
GcpRegion = Annotated[str, Matching(r"[a-z]+-[a-z]+[0-9]+", "a Google Cloud region such as europe-west4")]


class GcpTarget(Part):
    """A project and a region of Google Cloud; each kind of endpoint there adds what only it has."""

    kind: str = Field(description=_KIND)  # first: it tells the targets apart
    project: GcpProject = Field(description="Google Cloud project id.")
    project_number: GcpProjectNumber = Field(
        description="Number of the project: Google's own service accounts in it are named after it."
    )
    region: GcpRegion = Field(description="Google Cloud region.")


class CloudRunTarget(GcpTarget):
    """A service in Google Cloud Run."""

    kind: Literal["cloud_run"] = Field("cloud_run", description=_KIND)


class VertexTarget(GcpTarget):
    """An endpoint in Vertex AI (now Gemini Enterprise Agent Platform)."""

    kind: Literal["vertex"] = Field("vertex", description=_KIND)
    machine_type: (
        Annotated[str, Matching(r"[a-z0-9]+(-[a-z0-9]+)+", "a machine type such as n1-standard-4")] | None
    ) = Field(None, description="Machine type. Unset: the cheapest that holds `resources`.")
