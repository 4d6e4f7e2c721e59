"""What a spec and its target cannot be together in SageMaker, as far as it shows without a cloud."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelberth.aws import encryption, identity
from modelberth.aws.monitoring import notify
from modelberth.aws.sagemaker import (
    asynchronous,
    callers,
    capture,
    components,
    deployment,
    images,
    instances,
    network,
    path,
    scaling,
    server,
    serverless,
    variants,
    watching,
)

if TYPE_CHECKING:
    from modelberth.errors import Problem
    from modelberth.spec import EndpointSpec
    from modelberth.spec.sagemaker import SageMakerTarget

__all__ = ["check"]

_ROOMS = (
    instances,
    serverless,
    asynchronous,
    components,
    variants,
    deployment,
    scaling,
    callers,
    encryption,
    identity,
    network,
    capture,
    watching,
    notify,
    path,
    server,
)


def check(spec: EndpointSpec, target: SageMakerTarget, *, has_image: bool = False) -> tuple[Problem, ...]:
    """Name every combination that cannot be had; fields of the target begin with `target`.

    Args:
        spec: of the endpoint
        target: its place
        has_image: the program gives the image

    """
    found = [*images.problems(spec, target, has_image=has_image)]
    for room in _ROOMS:
        found += room.problems(spec, target)
    return tuple(dict.fromkeys(found))
