"""The image of each model, which Vertex AI takes from Artifact Registry of its own region.

"The repository must use a region that matches the locational endpoint where you plan to create a Model …
Don't use a multi-regional repository" (Vertex AI, "Custom container requirements for inference", location).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, get_args

from modelberth import target_image
from modelberth.errors import Problem, shown
from modelberth.spec.gcp import ArtifactImage
from modelberth.target_image import ImageRule

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec
    from modelberth.spec.vertex import VertexTarget

__all__ = ["problems", "rule"]


def rule(region: str) -> ImageRule:
    """Return which images an endpoint in a region takes."""
    form = get_args(ArtifactImage)[1]
    return ImageRule(
        form,
        within=f"{region}-docker.pkg.dev/",
        allowed=f"{form.allowed}, LOCATION being {region}",
        elsewhere="Vertex AI takes an image from Artifact Registry of its own region: push it there.",
        missing="`make image` builds it and prints its digest; push it to a repository of the region.",
    )


def problems(spec: EndpointSpec, target: VertexTarget, *, has_image: bool = False) -> Iterator[Problem]:
    """Yield images that Vertex AI cannot take, and models that no image can hold.

    Args:
        spec: of the endpoint
        target: its place
        has_image: the program gives the image

    """
    taken = rule(target.region)
    yield from target_image.problems(spec, target, taken, has_image=has_image)
    for name in ("image", "previous_image"):
        image: str | None = getattr(target, name)
        if image is not None and not taken.takes(image):
            yield Problem(f"target.{name}", shown(image), taken.allowed, taken.elsewhere)
    yield from target_image.previous_problems(spec, target, "gs")
