"""What a spec and its target cannot be together in Vertex AI, as far as it shows without a cloud."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelberth.gcp import encryption, identity, objects, plan
from modelberth.gcp.monitoring import budget, log_bucket, notify
from modelberth.gcp.vertex import access, callers, capture, images, machines, path, scaling, server, shares

if TYPE_CHECKING:
    from modelberth.errors import Problem
    from modelberth.spec import EndpointSpec
    from modelberth.spec.vertex import VertexTarget

__all__ = ["check"]

_ROOMS = (
    *(access, machines, shares, scaling, callers, encryption, identity, capture, path, server),
    *(objects, plan, budget, log_bucket, notify),
)


def check(spec: EndpointSpec, target: VertexTarget, *, has_image: bool = False) -> tuple[Problem, ...]:
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
