"""What a request passes on its way: Vertex AI's front, which undercuts what a server would take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelberth.errors import Problem
from modelberth.gcp.vertex.access import access
from modelberth.gcp.vertex.limits import limits
from modelberth.spec.quantities import Bytes

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
    kind, given = access(spec, target).kind, spec.limits
    most = limits().access[kind]
    hint = f"The hop that binds is Vertex AI's: {most.title} takes no more."
    if given.max_body > most.body_bytes:
        allowed = f"at most {Bytes(most.body_bytes)} with target.access {kind}"
        others = [name for name, one in limits().access.items() if one.body_bytes >= given.max_body]
        yield Problem("limits.max_body", str(given.max_body), allowed, hint + _instead(others))
    if given.timeout.seconds > most.timeout_seconds:
        allowed = f"at most {most.timeout_seconds} s with target.access {kind}"
        others = [
            name for name, one in limits().access.items() if one.timeout_seconds >= given.timeout.seconds
        ]
        yield Problem("limits.timeout", str(given.timeout), allowed, hint + _instead(others))


def _instead(kinds: list[str]) -> str:
    return f" With target.access {' or '.join(kinds)} it can be had." if kinds else ""
