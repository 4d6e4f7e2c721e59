"""The image of each model, which Vertex AI takes from Artifact Registry of its own region.

"The repository must use a region that matches the locational endpoint where you plan to create a Model …
Don't use a multi-regional repository" (Vertex AI, "Custom container requirements for inference", location).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, get_args

from modelberth import target_image
from modelberth.errors import Problem, shown
from modelberth.gcp.vertex.shares import PREVIOUS
from modelberth.spec.gcp import ArtifactImage
from modelberth.target_image import ImageRule

if TYPE_CHECKING:
    import pulumi

    from modelberth.spec import EndpointSpec
    from modelberth.spec.vertex import VertexTarget

__all__ = ["image_of", "problems", "rule"]


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


def image_of(
    role: str, spec: EndpointSpec, target: VertexTarget, given: pulumi.Input[str] | None = None
) -> pulumi.Input[str]:
    """Return the image that serves the model of a role.

    Args:
        role: of the share
        spec: of the endpoint
        target: its place
        given: what the program itself gives

    Raises:
        ValueError: none is known; `problems` tells it before.

    """
    if role == PREVIOUS and target.previous_image is not None:
        return target.previous_image
    return target_image.chosen(spec, target, given)


def problems(spec: EndpointSpec, target: VertexTarget, *, has_image: bool = False) -> Iterator[Problem]:
    """Yield images that Vertex AI cannot take, and models that no image can hold.

    Args:
        spec: of the endpoint
        target: its place
        has_image: the program gives the image

    """
    taken = rule(target.region)
    yield from target_image.problems(spec, target, taken, has_image=has_image)
    previous = spec.previous
    for name in ("image", "previous_image"):
        image: str | None = getattr(target, name)
        if image is not None and not taken.takes(image):
            yield Problem(f"target.{name}", shown(image), taken.allowed, taken.elsewhere)
    if target.previous_image is not None and previous is None:
        hint = "It is the image of the model that a rollout comes from."
        path = "target.previous_image"
        yield Problem(path, shown(target.previous_image), "nothing without rollout.previous", hint)
    if previous is not None and previous.scheme == "file" and target.previous_image is None:
        hint = "An image holds one model, and the endpoint's is in it."
        yield Problem("target.previous_image", "nothing", f"the image that holds {previous.uri}", hint)
    for name, variant in spec.variants.items():
        if variant.model.scheme == "file":
            hint = "An image holds one model, and the endpoint's is in it: put the variant's into a bucket."
            yield Problem(f"variants.{name}.model.uri", shown(variant.model.uri), "a uri of gs", hint)
