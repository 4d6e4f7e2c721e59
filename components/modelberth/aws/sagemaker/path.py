"""What a request passes on its way: SageMaker's own API, which in each mode has its limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelberth.aws.sagemaker.limits import limits
from modelberth.errors import Problem
from modelberth.request_bounds import bound_problems
from modelberth.spec.sagemaker import Async, Serverless

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec
    from modelberth.spec.sagemaker import SageMakerTarget

__all__ = ["problems", "startup_seconds"]


def startup_seconds(spec: EndpointSpec) -> int:
    """Return the time that a replica on an instance has to get ready, and before it for the download."""
    return limits().startup_seconds.clamped(spec.limits.startup_timeout.seconds)


def problems(spec: EndpointSpec, target: SageMakerTarget) -> Iterator[Problem]:
    """Yield limits of a request and of a start that SageMaker undercuts in this mode."""
    kind, given = target.mode.kind, spec.limits
    yield from bound_problems(given, limits().modes, kind, "target.mode", "SageMaker's API")
    if isinstance(target.mode, Async) and given.concurrency > limits().invocations_per_instance:
        allowed = f"at most {limits().invocations_per_instance} with target.mode async"
        yield Problem("limits.concurrency", str(given.concurrency), allowed)
    yield from _start_problems(spec, target)


def _start_problems(spec: EndpointSpec, target: SageMakerTarget) -> Iterator[Problem]:
    given, table = spec.limits.startup_timeout, limits()
    if isinstance(target.mode, Serverless):
        # The spec's default is longer: nobody has asked for it, and it is not to be read as if.
        chosen = "startup_timeout" in spec.limits.model_fields_set
        if chosen and given.seconds > table.serverless_startup_seconds:
            hint = "A serverless environment counts as failed then, whatever the spec says."
            allowed = f"at most {table.serverless_startup_seconds} s with target.mode serverless"
            yield Problem("limits.startup_timeout", str(given), allowed, hint)
    elif given.seconds < table.startup_seconds.least:
        allowed = f"at least {table.startup_seconds.least} s on an instance of SageMaker"
        yield Problem("limits.startup_timeout", str(given), allowed)
