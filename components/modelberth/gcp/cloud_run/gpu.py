"""The GPU of an instance: which kinds Cloud Run has, and where.

Kinds and numbers that no region has are the capabilities' to refuse. Regions that take invited projects only
are not refused: whether a project is one shows nowhere but in its quota.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelberth.errors import Problem, shown
from modelberth.gcp.cloud_run.limits import limits
from modelberth.kubernetes.accelerators.table import accelerators

if TYPE_CHECKING:
    from modelberth.gcp.cloud_run.limits import GpuOffer
    from modelberth.spec import EndpointSpec
    from modelberth.spec.cloud_run import CloudRunTarget

__all__ = ["offer", "problems"]


def offer(spec: EndpointSpec) -> GpuOffer | None:
    """Return Cloud Run's offer of the GPU that a replica asks for; None: none is asked for, or offered."""
    gpu = spec.resources.gpu
    return None if gpu is None else limits().gpus.get(gpu.kind)


def problems(spec: EndpointSpec, target: CloudRunTarget) -> Iterator[Problem]:
    """Yield a region without the GPU, and a GPU with less memory than the model needs."""
    gpu, found = spec.resources.gpu, offer(spec)
    if gpu is None or found is None:
        return
    if target.region not in found.regions:
        allowed = f"a region with GPUs of kind {gpu.kind}: {', '.join(found.regions)}"
        invited = ", ".join(sorted(found.invited))
        hint = f"As of {limits().captured}; of these, Google lets invited projects alone into {invited}."
        yield Problem("target.region", shown(target.region), allowed, hint)
    memory = accelerators()[gpu.kind].memory
    if gpu.memory_min is not None and gpu.memory_min > memory:
        larger = [kind for kind in limits().gpus if accelerators()[kind].memory >= gpu.memory_min]
        hint = f"Cloud Run has that with {', '.join(larger)}." if larger else "No GPU of Cloud Run has that."
        yield Problem(
            "resources.gpu.memory_min", str(gpu.memory_min), f"at most {memory} on {gpu.kind}", hint
        )
