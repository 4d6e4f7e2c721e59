"""Serverless inference: environments that requests start, with a share of AWS' own limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from modelberth.aws.sagemaker.limits import limits
from modelberth.errors import Problem
from modelberth.spec.sagemaker import Serverless

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec
    from modelberth.spec.sagemaker import SageMakerTarget

__all__ = ["problems", "serverless_config"]

_MIB: Final = 2**20
_MILLICORES: Final = 1000


def serverless_config(spec: EndpointSpec) -> dict[str, int]:
    """Return what an environment has, and how many there are: a request at a time in each.

    `scaling.max` is the number of requests in progress at once, `scaling.min` that of environments which stay
    warm and are billed around the clock.
    """
    warm = {} if spec.scaling.min == 0 else {"provisioned_concurrency": spec.scaling.min}
    return {
        "memory_size_in_mb": spec.resources.memory // _MIB,
        "max_concurrency": spec.scaling.max,
        **warm,
    }


def problems(spec: EndpointSpec, target: SageMakerTarget) -> Iterator[Problem]:
    """Yield sizes and numbers that a serverless endpoint cannot have."""
    if not isinstance(target.mode, Serverless):
        return
    table, resources = limits(), spec.resources
    sizes = table.serverless_memory_mib
    if resources.memory % _MIB or resources.memory // _MIB not in sizes:
        allowed = f"{', '.join(f'{size}Mi' for size in sizes)} with target.mode serverless"
        yield Problem("resources.memory", str(resources.memory), allowed)
    # The spec's default is what AWS gives at least; how much more comes with memory it does not say.
    if resources.cpu.millicores > _MILLICORES:
        hint = "AWS gives an environment processors by its memory, and no setting asks for more."
        yield Problem("resources.cpu", str(resources.cpu), "at most 1 with target.mode serverless", hint)
    if resources.gpu is not None:
        hint = "Serverless inference has no GPUs: target.mode real_time or async has."
        yield Problem("resources.gpu", "a mapping", "nothing with target.mode serverless", hint)
    if spec.scaling.max > table.serverless_concurrency:
        allowed = f"at most {table.serverless_concurrency} with target.mode serverless"
        hint = "It is the number of requests in progress at once."
        yield Problem("scaling.max", str(spec.scaling.max), allowed, hint)
