"""What a request passes on its way: Vertex AI's front, which undercuts what a server would take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelberth.errors import Problem
from modelberth.gcp.vertex.access import access
from modelberth.gcp.vertex.limits import limits
from modelberth.request_bounds import bound_problems

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec
    from modelberth.spec.vertex import VertexTarget

__all__ = ["deployment_seconds", "problems"]


def deployment_seconds(spec: EndpointSpec) -> int:
    """Return the time that a model has from the deployment on until it serves."""
    table = limits()
    start = round(spec.limits.startup_timeout.seconds)
    return min(table.deployment_seconds, table.machine_seconds + start)


def problems(spec: EndpointSpec, target: VertexTarget) -> Iterator[Problem]:
    """Yield limits of a request that Vertex AI undercuts by this way in."""
    kind = access(spec, target).kind
    yield from bound_problems(spec.limits, limits().access, kind, "target.access", "Vertex AI's")
