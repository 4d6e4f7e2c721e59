"""The image of a variant, and the repository in ECR that replicas pull it from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelberth import target_image
from modelberth.aws.images import ecr_images
from modelberth.errors import Problem

if TYPE_CHECKING:
    from modelberth.aws.place import Place
    from modelberth.spec import EndpointSpec
    from modelberth.spec.sagemaker import SageMakerTarget

__all__ = ["problems", "repositories"]


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
    yield from target_image.previous_problems(spec, target, "s3")
