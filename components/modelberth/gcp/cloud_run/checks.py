"""What a spec and its target cannot be together in Cloud Run, as far as it shows without a cloud."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelberth.gcp import encryption, identity, objects, plan
from modelberth.gcp.cloud_run import (
    billing,
    gpu,
    invokers,
    model,
    path,
    probes,
    reach,
    scaling,
    server,
    service,
    sizes,
    traffic,
    watching,
)
from modelberth.gcp.monitoring import budget, log_bucket, notify

if TYPE_CHECKING:
    from modelberth.errors import Problem
    from modelberth.spec import EndpointSpec
    from modelberth.spec.cloud_run import CloudRunTarget

__all__ = ["check"]

_ROOMS = (
    *(billing, encryption, gpu, identity, invokers, model, objects, path, plan, probes, reach, scaling),
    *(server, sizes, traffic, watching, budget, log_bucket, notify),
)


def check(spec: EndpointSpec, target: CloudRunTarget, *, has_image: bool = False) -> tuple[Problem, ...]:
    """Name every combination that cannot be had; fields of the target begin with `target`.

    Args:
        spec: of the endpoint
        target: its place
        has_image: the program gives the image

    """
    found = [*service.problems(spec, target, has_image=has_image)]
    for room in _ROOMS:
        found += room.problems(spec, target)
    return tuple(dict.fromkeys(found))
