"""How many instances, copies or warm environments there are: from the least to the most, by the load.

A count belongs to Application Auto Scaling from then on. It stays through an update of the endpoint, which is
told to keep the properties of its variants (`retain_all_variant_properties`), and through one of its target,
which is named by the endpoint and the variant and so is never made anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, assert_never

import pulumi

from modelberth.aws.autoscaling import AwsAutoscaling, AwsAutoscalingArgs
from modelberth.aws.sagemaker import measures
from modelberth.aws.sagemaker.names import endpoint_name
from modelberth.aws.sagemaker.variants import by_components
from modelberth.aws.scaled import Scaled, Tracking, Waking
from modelberth.errors import Problem
from modelberth.spec.sagemaker import Async, RealTime, Serverless

if TYPE_CHECKING:
    from modelberth.aws.plan import Plan
    from modelberth.spec import EndpointSpec
    from modelberth.spec.sagemaker import SageMakerTarget

__all__ = ["autoscaling", "component", "is_scaled", "policies", "problems", "register", "variant"]

_SERVICE: Final = "sagemaker"
_INSTANCES: Final = "sagemaker:variant:DesiredInstanceCount"
_WARM: Final = "sagemaker:variant:DesiredProvisionedConcurrency"
_COPIES: Final = "sagemaker:inference-component:DesiredCopyCount"
# What Application Auto Scaling takes of itself for a variant, and what AWS's example of scaling to zero has:
# an instance takes minutes, and meanwhile the metric asks for another and another.
# https://docs.aws.amazon.com/autoscaling/application/APIReference/API_TargetTrackingScalingPolicyConfiguration.html
_GROWING_SECONDS: Final = 300
# https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html has 300 seconds, and two
# minutes up; https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-zero-instances.html 60 and
# one. With either another one is asked for while the first is still on its way, which takes longer.
_WAKING_SECONDS: Final = 600
_QUEUE_MINUTES: Final = 2
_REFUSED_MINUTES: Final = 1
# Of the 255 characters of a policy's name, what its role leaves.
_LONGEST_NAME: Final = 200


def problems(spec: EndpointSpec, target: SageMakerTarget) -> Iterator[Problem]:
    """Yield a zero that an endpoint cannot have, and a load that nothing measures."""
    if spec.scaling.min == 0 and isinstance(target.mode, RealTime) and not by_components(target.mode):
        yield Problem(
            "scaling.min",
            "0",
            "1 or more, unless target.mode.inference_components is set",
            "A real-time endpoint goes to zero with inference components alone, and then refuses requests "
            "for minutes; target.mode async keeps them in a queue, and serverless starts within seconds.",
        )
    if spec.scaling.min < spec.scaling.max:
        yield from measures.problems(spec, target)


def is_scaled(spec: EndpointSpec, target: SageMakerTarget) -> bool:
    """Tell whether there is a number that follows the load."""
    scaling = spec.scaling
    if isinstance(target.mode, Serverless):
        # Environments start by themselves; what can be scaled is how many are kept ready.
        return 0 < scaling.min < scaling.max
    return scaling.min < scaling.max


def variant(plan: Plan[SageMakerTarget], name: str) -> Scaled:
    """Return what is scaled of a variant: its instances, or its warm environments."""
    scaling = plan.spec.scaling
    counted = _WARM if isinstance(plan.target.mode, Serverless) else _INSTANCES
    resource = f"endpoint/{endpoint_name(plan)}/variant/{name}"
    return Scaled(_SERVICE, resource, counted, scaling.min, scaling.max)


def component(plan: Plan[SageMakerTarget], name: str) -> Scaled:
    """Return what is scaled of an inference component: its copies."""
    scaling = plan.spec.scaling
    return Scaled(_SERVICE, f"inference-component/{name}", _COPIES, scaling.min, scaling.max)


def policies(plan: Plan[SageMakerTarget], name: str) -> tuple[Tracking | Waking, ...]:
    """Return what changes the number.

    Args:
        plan: the endpoint
        name: of the variant or of the inference component

    """
    measure = measures.measure(plan, name)
    tracking = Tracking(
        "load",
        measure.metric,
        measure.value,
        round(plan.spec.scaling.cooldown.seconds),
        _GROWING_SECONDS,
    )
    return (tracking,) if plan.spec.scaling.min > 0 else (tracking, _waking(plan, name))


def register(
    name: str,
    plan: Plan[SageMakerTarget],
    endpoint: pulumi.Resource,
    variants: Sequence[str],
    opts: pulumi.ResourceOptions,
) -> dict[str, AwsAutoscaling]:
    """Register what scales each variant that answers; nothing where the number is fixed.

    Args:
        name: beginning of the logical names
        plan: the endpoint
        endpoint: that has the variants: they have to be there before anything scales them
        variants: their names; a shadow's instances stay as many as they are
        opts: of the components

    """
    if not is_scaled(plan.spec, plan.target):
        return {}
    return {
        each: autoscaling(
            f"{name}-{each}", plan, each, variant(plan, each), policies(plan, each), endpoint, opts
        )
        for each in variants
    }


def autoscaling(
    name: str,
    plan: Plan[SageMakerTarget],
    called: str,
    scaled: Scaled,
    by: Sequence[Tracking | Waking],
    after: pulumi.Resource,
    opts: pulumi.ResourceOptions,
) -> AwsAutoscaling:
    """Register what scales one of them; `called` begins the physical names of its policies."""
    beginning = plan.named(called, longest=_LONGEST_NAME)
    return AwsAutoscaling(
        name, AwsAutoscalingArgs(plan.place, beginning, scaled, by, after=[after], tags=plan.tags), opts
    )


def _waking(plan: Plan[SageMakerTarget], name: str) -> Waking:
    seconds = _WAKING_SECONDS + round(plan.spec.limits.startup_timeout.seconds)
    beginning = f"{plan.spec.name}: no alarm that anybody has to see."
    match plan.target.mode:
        case Async():
            return Waking(
                "wake",
                measures.backlog_without_capacity(plan),
                _QUEUE_MINUTES,
                seconds,
                f"{beginning} Requests wait and there is no instance: it starts the first one.",
            )
        case RealTime():
            return Waking(
                "wake",
                measures.refused_without_capacity(name),
                _REFUSED_MINUTES,
                seconds,
                f"{beginning} A request was refused since there was no copy: it starts the first one.",
            )
        case Serverless():
            raise ValueError("a serverless endpoint wakes by itself")
        case other:
            assert_never(other)
