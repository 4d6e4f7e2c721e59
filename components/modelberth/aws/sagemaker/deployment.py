"""How SageMaker itself moves an endpoint from one configuration to the next, and when it goes back.

It does so for endpoints on instances whose variants keep their names ("Deployment guardrails", exclusions);
the number of an endpoint's instances stays what autoscaling has made it. A step of `rollout.previous` is no
such move: there the two models are two variants, and what changes is their weight. Guardrails have two steps
or equal ones. Of other `steps` the first is taken, and then the rest.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from modelberth.aws.sagemaker.limits import limits
from modelberth.aws.sagemaker.path import startup_seconds
from modelberth.aws.sagemaker.variants import by_components, variants
from modelberth.errors import Problem
from modelberth.spec.rollout import BlueGreen, Canary, Rolling
from modelberth.spec.sagemaker import Serverless

if TYPE_CHECKING:
    import pulumi

    from modelberth.spec import EndpointSpec
    from modelberth.spec.rollout import CanaryStep
    from modelberth.spec.sagemaker import SageMakerTarget

__all__ = ["deployment_config", "problems", "seconds"]

_WHOLE: Final = 100
# Long enough for the alarms of a minute to have seen what a new part of the fleet answers.
_WATCHED_SECONDS: Final = 300
# For instances to be there; AWS names no number.
_INSTANCES_SECONDS: Final = 1800
_PAIR: Final = 2


def deployment_config(
    spec: EndpointSpec, target: SageMakerTarget, alarms: Sequence[pulumi.Input[str]] = ()
) -> dict[str, Any] | None:
    """Return how updates go; None: SageMaker's own way, all at once, the old fleet ending after it.

    Args:
        spec: of the endpoint
        target: its place
        alarms: names of those that end an update and bring the old fleet back

    """
    if not _is_guarded(spec, target):
        return None
    rollback = [{"alarm_name": name} for name in alarms][: limits().rollback_alarms]
    return {
        **_policy(spec),
        **({"auto_rollback_configuration": {"alarms": rollback}} if rollback else {}),
    }


def seconds(spec: EndpointSpec) -> int:
    """Return the time that a whole update may take: instances, downloads, starts and what waits between."""
    policy = _policy(spec)
    longest = policy.get("rolling_update_policy") or policy["blue_green_update_policy"]
    found: int = longest["maximum_execution_timeout_in_seconds"]
    return found


def problems(spec: EndpointSpec, target: SageMakerTarget) -> Iterator[Problem]:
    """Yield waits and shares that SageMaker cannot keep to."""
    if not _is_guarded(spec, target):
        return
    match spec.rollout:
        case BlueGreen(bake=bake) if bake.seconds > limits().termination_seconds:
            yield _too_long("rollout.bake", str(bake))
        case Canary(steps=steps, previous=None) as rollout:
            # The spec's default steps are taken as their first one and the rest.
            if "steps" in rollout.model_fields_set and len(steps) > 1 and not _are_equal(steps):
                hint = "More steps of any size go by rollout.previous, with the two models side by side."
                given = ", ".join(f"{step.percent}" for step in steps)
                taken = "one step, or equal ones of 10 to 50 percent up to the whole, on target `sagemaker`"
                yield Problem("rollout.steps", given, taken, hint)
            for index, step in enumerate(steps):
                if step.bake.seconds > limits().wait_seconds:
                    yield _too_long(f"rollout.steps[{index}].bake", str(step.bake))
        # The spec's default, one replica, is taken as a share that SageMaker can replace.
        case Rolling(max_surge=surge) if _is_rolling(spec) and "max_surge" in spec.rollout.model_fields_set:
            percent, allowed = _percent(spec), limits().rolling_percent
            if percent not in allowed:
                hint = "SageMaker replaces 5 to 50 percent of the instances at a time."
                given = f"{surge}, which is {percent:g}% of scaling.min = {spec.scaling.min}"
                yield Problem("rollout.max_surge", given, f"{allowed} percent", hint)
        case _:
            return


def _is_guarded(spec: EndpointSpec, target: SageMakerTarget) -> bool:
    """Whether SageMaker steers updates; a change of variants has other names, and no guardrails.

    A blue-green rollout without a bake is what SageMaker does anyway, and the way from two variants to one.
    """
    rollout = spec.rollout
    return (
        not isinstance(target.mode, Serverless)
        and not by_components(target.mode)
        and len(variants(spec)) == 1
        and not (isinstance(rollout, BlueGreen) and rollout.bake.seconds == 0)
    )


def _is_rolling(spec: EndpointSpec) -> bool:
    """Whether a part of the fleet can be replaced: a single instance has none."""
    return isinstance(spec.rollout, Rolling) and spec.scaling.min >= _PAIR


def _policy(spec: EndpointSpec) -> dict[str, Any]:
    match spec.rollout:
        case Rolling() if _is_rolling(spec):
            percent = limits().rolling_percent.clamped(_percent(spec))
            batches = math.ceil(_WHOLE / percent)
            return {
                "rolling_update_policy": {
                    "maximum_batch_size": _share(percent),
                    "wait_interval_in_seconds": _WATCHED_SECONDS,
                    "maximum_execution_timeout_in_seconds": _execution(spec, _WATCHED_SECONDS, batches),
                }
            }
        case Canary(steps=steps, previous=None):
            last = round(steps[-1].bake.seconds)
            return _blue_green(spec, _shifting(steps), min(last, limits().termination_seconds))
        case BlueGreen(bake=bake):
            return _blue_green(spec, _at_once(), min(round(bake.seconds), limits().termination_seconds))
        case _:
            return _blue_green(spec, _at_once(), _WATCHED_SECONDS)


def _blue_green(spec: EndpointSpec, routing: dict[str, Any], stays: int) -> dict[str, Any]:
    step = routing.get("linear_step_size", routing.get("canary_size"))
    waits = 1 if step is None else math.ceil(_WHOLE / step["value"]) if "linear_step_size" in routing else 2
    return {
        "blue_green_update_policy": {
            "traffic_routing_configuration": routing,
            "termination_wait_in_seconds": stays,
            "maximum_execution_timeout_in_seconds": limits().execution_seconds.clamped(
                stays + _execution(spec, routing["wait_interval_in_seconds"], waits)
            ),
        }
    }


def _at_once() -> dict[str, Any]:
    return {"type": "ALL_AT_ONCE", "wait_interval_in_seconds": 0}


def _shifting(steps: Sequence[CanaryStep]) -> dict[str, Any]:
    """Two steps, or as many as there are if each is as large as the first."""
    first, table = steps[0], limits()
    wait = min(round(first.bake.seconds), table.wait_seconds)
    if len(steps) > 1 and _are_equal(steps):
        return {
            "type": "LINEAR",
            "linear_step_size": _share(first.percent),
            "wait_interval_in_seconds": wait,
        }
    return {
        "type": "CANARY",
        "canary_size": _share(table.canary_percent.clamped(first.percent)),
        "wait_interval_in_seconds": wait,
    }


def _are_equal(steps: Sequence[CanaryStep]) -> bool:
    """Whether each step is as large as the first, the last one included, and as large as SageMaker takes."""
    first = steps[0].percent
    equal = [first * place for place in range(1, len(steps) + 1)]
    shares = [step.percent for step in steps]
    return shares == equal and equal[-1] + first >= _WHOLE and first in limits().linear_percent


def _share(percent: int) -> dict[str, Any]:
    # In percent, since autoscaling has made the number of instances what it is.
    return {"type": "CAPACITY_PERCENT", "value": percent}


def _percent(spec: EndpointSpec) -> float:
    """Share of the instances that `max_surge` is, of the least number."""
    rollout = spec.rollout
    assert isinstance(rollout, Rolling)
    surge = rollout.max_surge
    return float(surge.count) if surge.is_percent else surge.count * _WHOLE / spec.scaling.min


def _execution(spec: EndpointSpec, wait: int, steps: int) -> int:
    a_step = wait + 2 * startup_seconds(spec)
    return limits().execution_seconds.clamped(_INSTANCES_SECONDS + steps * a_step)


def _too_long(path: str, given: str) -> Problem:
    allowed = f"at most {limits().wait_seconds} s on target `sagemaker`"
    return Problem(path, given, allowed, "Longer, a model can be tried as rollout.previous.")
