"""What a request passes on its way: Cloud Run's own front, which undercuts what a server would take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelberth.errors import Problem
from modelberth.gcp.cloud_run.limits import limits
from modelberth.spec.quantities import Bytes

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec
    from modelberth.spec.cloud_run import CloudRunTarget

__all__ = ["problems"]


def problems(spec: EndpointSpec, target: CloudRunTarget) -> Iterator[Problem]:
    """Yield limits of a request that Cloud Run undercuts; no spec has a timeout beyond Cloud Run's."""
    del target  # The front is the same in every region.
    most = limits()
    if spec.limits.max_body > most.body_bytes:
        hint = "Cloud Run takes no larger request by HTTP/1, which the server speaks there."
        yield Problem("limits.max_body", str(spec.limits.max_body), f"at most {Bytes(most.body_bytes)}", hint)
    if spec.limits.concurrency > most.concurrency:
        hint = "It is what Cloud Run gives to one instance: more replicas take more."
        yield Problem("limits.concurrency", str(spec.limits.concurrency), f"at most {most.concurrency}", hint)
