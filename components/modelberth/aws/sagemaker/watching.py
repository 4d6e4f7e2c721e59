"""What watches an endpoint in SageMaker, and by which alarms SageMaker takes an update back.

Alarms are named by the plan and know the endpoint by its name alone: they are there before it, which an
update that is taken back by them needs, and they outlive none of its resources.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pulumi

from modelberth.aws.monitoring.alarm import LONGEST_NAME
from modelberth.aws.monitoring.component import AwsMonitoring, AwsMonitoringArgs
from modelberth.aws.monitoring.guard_alarms import UPDATE_ERRORS, UPDATE_LATENCY
from modelberth.aws.monitoring.signals import CONFIG, VERSION, Where
from modelberth.aws.policies import Statement
from modelberth.aws.sagemaker.deployment import deployment_config
from modelberth.aws.sagemaker.names import component_name, endpoint_name, log_group
from modelberth.aws.sagemaker.variants import MODEL, by_components, variants
from modelberth.errors import Problem
from modelberth.spec.rollout import Guard
from modelberth.spec.sagemaker import Async, RealTime, Serverless

if TYPE_CHECKING:
    from modelberth.aws.encryption import EncryptionKey
    from modelberth.aws.plan import Plan
    from modelberth.spec import EndpointSpec
    from modelberth.spec.sagemaker import SageMakerTarget

__all__ = [
    "kind",
    "monitoring",
    "problems",
    "rights",
    "rollback_alarms",
    "rollback_resources",
    "update_guard",
]

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html: an alarm on metric
# math has at most ten metrics, and the share of failed requests two of each variant.
_MOST_VARIANTS: Final = 5


def kind(target: SageMakerTarget) -> str:
    """Return the endpoint's kind, as `signals.toml` has it."""
    match target.mode:
        case Serverless():
            return "sagemaker-serverless"
        case Async():
            return "sagemaker-async"
        case RealTime() as mode:
            return "sagemaker-components" if by_components(mode) else "sagemaker"


def update_guard(spec: EndpointSpec) -> Guard:
    """Return what must hold of an update: the rollout's own guard, else 1 percent and what is promised."""
    guard = getattr(spec.rollout, "guard", None)
    if isinstance(guard, Guard):
        return guard
    slo = spec.monitoring.slo
    return Guard(max_latency_p99=slo.latency_p99 if slo is not None else None)


def rollback_alarms(plan: Plan[SageMakerTarget]) -> tuple[str, ...]:
    """Return the names of the alarms by which SageMaker takes an update back, where it takes any back."""
    return tuple(plan.named_by_kind(role, longest=LONGEST_NAME) for role in _rollback_roles(plan))


def rollback_resources(plan: Plan[SageMakerTarget], watched: AwsMonitoring) -> list[pulumi.Resource]:
    """Return these alarms, which have to be there before the endpoint that names them."""
    return [watched.alarms[role] for role in _rollback_roles(plan)]


def rights(plan: Plan[SageMakerTarget]) -> tuple[Statement, ...]:
    """Return what the endpoint's role needs for SageMaker to see these alarms.

    https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html
    """
    alarms = tuple(plan.place.arn("cloudwatch", f"alarm:{name}") for name in rollback_alarms(plan))
    return (Statement("SeeRollbackAlarms", ("cloudwatch:DescribeAlarms",), alarms),) if alarms else ()


def monitoring(
    plan: Plan[SageMakerTarget], key: EncryptionKey, config: pulumi.Input[str]
) -> AwsMonitoringArgs:
    """Return what is watched, and with which bounds.

    Args:
        plan: the endpoint
        key: encrypts the topic
        config: name of the endpoint's configuration, by which the metrics tell an update's instances apart

    """
    spec, mode = plan.spec, plan.target.mode
    args = AwsMonitoringArgs(
        plan, kind(plan.target), _where(plan), key, log_group(plan), warm=spec.scaling.min
    )
    if _takes_back(plan):
        where = args.where if by_components(mode) else {**args.where, CONFIG: config}
        args = replace(args, where=where, update=update_guard(spec))
    if isinstance(mode, Serverless):
        return args
    replicas = spec.scaling.max * len(_answering(spec))
    return replace(args, capacity=spec.limits.concurrency, replicas=replicas)


def problems(spec: EndpointSpec, _target: SageMakerTarget) -> Iterator[Problem]:
    """Yield more variants than an alarm can look at."""
    count = len(_answering(spec))
    if count > _MOST_VARIANTS:
        hint = (
            "CloudWatch adds up ten metrics in an alarm at most, and SageMaker sends them for each variant."
        )
        allowed = f"at most {_MOST_VARIANTS} with the endpoint's own model"
        yield Problem("variants", f"{count} that answer", allowed, hint)


def _where(plan: Plan[SageMakerTarget]) -> Where:
    if by_components(plan.target.mode):
        return {"component": component_name(plan)}
    answering = _answering(plan.spec)
    where: Where = {"endpoint": endpoint_name(plan), "variant": answering}
    rolling_out = plan.spec.previous is not None and len(answering) > 1
    return {**where, VERSION: MODEL} if rolling_out else where


def _answering(spec: EndpointSpec) -> tuple[str, ...]:
    return tuple(one.name for one in variants(spec) if not one.is_shadow)


def _takes_back(plan: Plan[SageMakerTarget]) -> bool:
    """Whether AWS steers an update, so that it can take it back."""
    return by_components(plan.target.mode) or deployment_config(plan.spec, plan.target) is not None


def _rollback_roles(plan: Plan[SageMakerTarget]) -> Iterator[str]:
    if not _takes_back(plan):
        return
    guard = update_guard(plan.spec)
    if guard.max_error_percent is not None:
        yield UPDATE_ERRORS
    if guard.max_latency_p99 is not None:
        yield UPDATE_LATENCY
