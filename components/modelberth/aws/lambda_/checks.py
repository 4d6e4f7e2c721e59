"""What a spec and its target cannot be together in AWS Lambda, as far as it shows without a cloud."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelberth.aws import encryption, identity
from modelberth.aws.lambda_ import alias, callers, front, function, path, scaling, server
from modelberth.aws.monitoring import notify

if TYPE_CHECKING:
    from modelberth.errors import Problem
    from modelberth.spec import EndpointSpec
    from modelberth.spec.aws import LambdaTarget

__all__ = ["check"]

_ROOMS = (alias, scaling, callers, encryption, front, identity, notify, path, server)


def check(spec: EndpointSpec, target: LambdaTarget, *, has_image: bool = False) -> tuple[Problem, ...]:
    """Name every combination that cannot be had; fields of the target begin with `target`.

    Args:
        spec: of the endpoint
        target: its place
        has_image: the program gives the image

    """
    found = [*function.problems(spec, target, has_image=has_image)]
    for room in _ROOMS:
        found += room.problems(spec, target)
    return tuple(dict.fromkeys(found))
