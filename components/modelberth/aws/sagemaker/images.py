"""The image of a variant, and the repository in ECR that replicas pull it from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelberth import target_image
from modelberth.aws.images import ecr_images
from modelberth.aws.sagemaker.variants import PREVIOUS
from modelberth.errors import Problem, shown

if TYPE_CHECKING:
    import pulumi

    from modelberth.aws.place import Place
    from modelberth.spec import EndpointSpec
    from modelberth.spec.sagemaker import SageMakerTarget

__all__ = ["image_of", "problems", "repositories"]


def image_of(
    variant: str,
    spec: EndpointSpec,
    target: SageMakerTarget,
    given: pulumi.Input[str] | None = None,
) -> pulumi.Input[str]:
    """Return the image of a variant by its name.

    Args:
        variant: its name
        spec: of the endpoint
        target: its place
        given: what the program itself gives

    Raises:
        ValueError: none is known; `problems` tells it before.

    """
    if variant == PREVIOUS and target.previous_image is not None:
        return target.previous_image
    return target_image.chosen(spec, target, given)


def repositories(place: Place, *images: str) -> tuple[str, ...]:
    """Return the ARNs of the repositories that images lie in, each once; they may be of other accounts."""
    found: dict[str, None] = {}
    for image in images:
        host, _, path = image.partition("/")
        account, name = host.partition(".")[0], path.partition("@")[0]
        found[f"arn:{place.partition}:ecr:{place.region}:{account}:repository/{name}"] = None
    return tuple(found)


def problems(spec: EndpointSpec, target: SageMakerTarget, *, has_image: bool = False) -> Iterator[Problem]:
    """Yield images that no instance can pull, and models that no image can hold.

    Args:
        spec: of the endpoint
        target: its place
        has_image: the program gives the image

    """
    rule = ecr_images(target.region, "SageMaker")
    yield from target_image.problems(spec, target, rule, has_image=has_image)
    previous = spec.previous
    if target.previous_image is not None and previous is None:
        hint = "It is the image of the model that a rollout comes from."
        yield Problem(
            "target.previous_image", shown(target.previous_image), "nothing without rollout.previous", hint
        )
    if previous is not None and previous.scheme == "file" and target.previous_image is None:
        hint = "An image holds one model, and the endpoint's is in it."
        yield Problem("target.previous_image", "nothing", f"the image that holds {previous.uri}", hint)
    for name, variant in spec.variants.items():
        if variant.model.scheme == "file":
            hint = "An image holds one model, and the endpoint's is in it: put the variant's into S3."
            yield Problem(f"variants.{name}.model.uri", shown(variant.model.uri), "a uri of s3", hint)
