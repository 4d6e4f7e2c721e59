"""What is paid for: the time of requests, or that of instances."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelberth.errors import Problem

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec
    from modelberth.spec.cloud_run import CloudRunTarget

__all__ = ["by_instances", "problems"]


def by_instances(spec: EndpointSpec, target: CloudRunTarget) -> bool:
    """Whether an instance has its processors, and is paid for, from its start to its end.

    With a GPU it always is (Cloud Run, "GPU support for services").
    """
    return target.billing == "instances" or spec.resources.gpu is not None


def problems(spec: EndpointSpec, target: CloudRunTarget) -> Iterator[Problem]:
    """Yield zones for a GPU that there is none of."""
    if target.zonal_redundancy and spec.resources.gpu is None:
        hint = "Instances without a GPU are in more than one zone by themselves."
        yield Problem("target.zonal_redundancy", "true", "false without resources.gpu", hint)
