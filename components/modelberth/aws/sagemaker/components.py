"""An inference component: copies of the model that AWS places on the endpoint's instances.

It is how a real-time endpoint comes to have no instance while nobody calls. That costs nothing meanwhile,
and it is felt: whoever calls then gets an error, the first of them starts an instance, and for minutes all
others get the error as well. Callers have to try again, and to name the component beside the endpoint
(`InferenceComponentName` of InvokeEndpoint).
https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-zero-instances.html
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import pulumi
from pulumi_aws_native import sagemaker

from modelberth.aws.regions import type_problems
from modelberth.aws.sagemaker import scaling
from modelberth.aws.sagemaker.limits import limits
from modelberth.aws.sagemaker.names import component_name
from modelberth.aws.sagemaker.tags import tags
from modelberth.aws.sagemaker.variants import MODEL, by_components
from modelberth.errors import Problem, shown
from modelberth.spec.rollout import Rolling

if TYPE_CHECKING:
    from modelberth.aws.plan import Plan
    from modelberth.spec import EndpointSpec
    from modelberth.spec.sagemaker import SageMakerTarget

__all__ = ["problems", "register", "requirements"]

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_InferenceComponentComputeResourceRequirements.html
_LEAST_MEMORY_MIB: Final = 128
_LEAST_PROCESSORS: Final = 0.25
_MIB: Final = 2**20
_MILLICORES: Final = 1000
# Each batch stays that long before the next, so that the alarms of a minute have seen it.
_WATCHED_SECONDS: Final = 300


def requirements(spec: EndpointSpec) -> sagemaker.InferenceComponentComputeResourceRequirementsArgs:
    """Return what is kept for one copy, from `resources`."""
    resources = spec.resources
    return sagemaker.InferenceComponentComputeResourceRequirementsArgs(
        min_memory_required_in_mb=max(_LEAST_MEMORY_MIB, math.ceil(resources.memory / _MIB)),
        number_of_cpu_cores_required=max(_LEAST_PROCESSORS, resources.cpu.millicores / _MILLICORES),
        number_of_accelerator_devices_required=resources.gpu.count if resources.gpu is not None else None,
    )


def register(
    name: str,
    plan: Plan[SageMakerTarget],
    *,
    endpoint: pulumi.Resource,
    endpoint_name: pulumi.Input[str],
    model_name: pulumi.Input[str],
    rollback: Sequence[str],
    opts: pulumi.ResourceOptions,
) -> sagemaker.InferenceComponent:
    """Register the component, and what scales its copies.

    Args:
        name: its logical name
        plan: the endpoint
        endpoint: that its copies run on; deleting that one leaves components behind, so this goes first
        endpoint_name: its name
        model_name: of the SageMaker model that a copy runs
        rollback: names of the alarms by which AWS takes an update back
        opts: of both

    """
    spec = plan.spec
    scaled = scaling.is_scaled(spec, plan.target)
    # Once it is scaled, the number is the autoscaler's: an update must not set it back.
    theirs = ["runtimeConfig.copyCount"] if scaled else []
    seconds = limits().startup_seconds.clamped(spec.limits.startup_timeout.seconds)
    made = sagemaker.InferenceComponent(
        name,
        inference_component_name=component_name(plan),
        endpoint_name=endpoint_name,
        variant_name=MODEL,
        specification=sagemaker.InferenceComponentSpecificationArgs(
            model_name=model_name,
            compute_resource_requirements=requirements(spec),
            startup_parameters=sagemaker.InferenceComponentStartupParametersArgs(
                container_startup_health_check_timeout_in_seconds=seconds,
                model_data_download_timeout_in_seconds=seconds,
            ),
        ),
        # One at first even where zero is allowed: a model that does not start is seen at once.
        runtime_config=sagemaker.InferenceComponentRuntimeConfigArgs(copy_count=max(1, spec.scaling.min)),
        deployment_config=_deployment(spec, rollback),
        tags=tags(plan),
        opts=pulumi.ResourceOptions.merge(
            opts, pulumi.ResourceOptions(depends_on=[endpoint], ignore_changes=theirs)
        ),
    )
    if scaled:
        called = component_name(plan)
        of, by = scaling.component(plan, called), scaling.policies(plan, called)
        scaling.autoscaling(f"{name}-scaling", plan, "copies", of, by, made, opts)
    return made


def problems(spec: EndpointSpec, target: SageMakerTarget) -> Iterator[Problem]:
    """Yield what copies of a model cannot do that instances can."""
    rollout = spec.rollout
    yield from type_problems(
        target.region, "AWS::SageMaker::Endpoint", "target.region", "SageMaker's endpoints"
    )
    if not by_components(target.mode):
        return
    yield from type_problems(
        target.region,
        "AWS::SageMaker::InferenceComponent",
        "target.region",
        "SageMaker's inference components",
    )
    if not isinstance(rollout, Rolling):
        yield Problem(
            "rollout.strategy",
            shown(rollout.strategy),
            "'rolling' with target.mode.inference_components",
            "AWS replaces the copies of a component a few at a time, and no other way.",
        )
    elif rollout.max_unavailable.count:
        yield Problem(
            "rollout.max_unavailable",
            str(rollout.max_unavailable),
            "0 with target.mode.inference_components",
            "AWS takes old copies away only once new ones answer.",
        )
    elif rollout.max_surge.is_percent and rollout.max_surge.count not in limits().rolling_percent:
        allowed = f"{limits().rolling_percent} percent of the copies, or a number of them"
        yield Problem("rollout.max_surge", str(rollout.max_surge), allowed)


def _deployment(
    spec: EndpointSpec, rollback: Sequence[str]
) -> sagemaker.InferenceComponentDeploymentConfigArgs:
    return sagemaker.InferenceComponentDeploymentConfigArgs(
        rolling_update_policy=sagemaker.InferenceComponentRollingUpdatePolicyArgs(
            maximum_batch_size=_batch(spec),
            wait_interval_in_seconds=_WATCHED_SECONDS,
            maximum_execution_timeout_in_seconds=limits().execution_seconds.most,
        ),
        auto_rollback_configuration=sagemaker.InferenceComponentAutoRollbackConfigurationArgs(
            alarms=[sagemaker.InferenceComponentAlarmArgs(alarm_name=alarm) for alarm in rollback]
        )
        if rollback
        else None,
    )


def _batch(spec: EndpointSpec) -> sagemaker.InferenceComponentCapacitySizeArgs:
    assert isinstance(spec.rollout, Rolling), "`problems` tells it"
    surge, kinds = spec.rollout.max_surge, sagemaker.InferenceComponentCapacitySizeType
    kind = kinds.CAPACITY_PERCENT if surge.is_percent else kinds.COPY_COUNT
    return sagemaker.InferenceComponentCapacitySizeArgs(type=kind, value=surge.count)
