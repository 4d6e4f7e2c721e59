"""The image of a variant, and the repository in ECR that replicas pull it from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, get_args

from modelberth.aws.sagemaker.variants import PREVIOUS
from modelberth.errors import Problem, shown
from modelberth.spec.aws import EcrImage

if TYPE_CHECKING:
    import pulumi

    from modelberth.aws.place import Place
    from modelberth.spec import EndpointSpec
    from modelberth.spec.rules import Matching
    from modelberth.spec.sagemaker import SageMakerTarget

__all__ = ["image_of", "problems", "repositories"]

_IMAGE: Final[Matching] = get_args(EcrImage)[1]


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
    image = spec.runtime.image or target.image if given is None else given
    if image is None:
        raise ValueError("no image is known; `problems` tells it")
    return image


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
    yield from _image_problems(spec, target, has_image=has_image)
    previous = getattr(spec.rollout, "previous", None)
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


def _image_problems(spec: EndpointSpec, target: SageMakerTarget, *, has_image: bool) -> Iterator[Problem]:
    own = spec.runtime.image
    if own is not None and (not _IMAGE.matches(own) or f".ecr.{target.region}." not in own):
        hint = "SageMaker takes an image from ECR of its own region: push it there."
        yield Problem("runtime.image", shown(own), f"{_IMAGE.allowed}, REGION being {target.region}", hint)
    if own is None and target.image is None and not has_image:
        hint = "`make image` builds it and prints its digest; push it to a repository in ECR of the region."
        yield Problem("target.image", "nothing", _IMAGE.allowed, hint)
    if has_image and (own or target.image) is not None:
        path, given = ("runtime.image", own) if own is not None else ("target.image", target.image)
        yield Problem(
            path, shown(given), "nothing where the program itself gives the image (`image` of the arguments)"
        )
