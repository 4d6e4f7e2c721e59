"""Images in ECR, from which a service of AWS takes those of its own region alone."""

from __future__ import annotations

from typing import get_args

from modelberth.spec.aws import EcrImage
from modelberth.target_image import ImageRule

__all__ = ["ecr_images"]


def ecr_images(region: str, whose: str) -> ImageRule:
    """Return which images may serve in a region.

    Args:
        region: of the endpoint
        whose: what takes the image, such as `A function`

    """
    form = get_args(EcrImage)[1]
    return ImageRule(
        form,
        within=f".ecr.{region}.",
        allowed=f"{form.allowed}, REGION being {region}",
        elsewhere=f"{whose} takes an image from ECR of its own region: push it there.",
        missing="`make image` builds it and prints its digest; push it to a repository in ECR of the region.",
    )
