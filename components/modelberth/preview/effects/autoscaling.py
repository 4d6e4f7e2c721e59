"""A count that an autoscaler had set and that the update sets back.

Source: the AWS provider sets a SageMaker variant back to `initialInstanceCount` with each new endpoint
configuration (hashicorp/terraform-provider-aws#48990).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from modelberth.preview.plan import Marker, Op, Plan, Step

from .effect import Calls, Effect, Kind, Severity
from .rule import Rule, Rules, at, entries, found
from .wording import listed, name, value

__all__ = ["RULES", "reset"]


def _sagemaker(step: Step, plan: Plan) -> Iterator[Effect]:
    if step.op is not Op.UPDATE or not step.changed("endpointConfigName"):
        return
    if at(step.after, "retainAllVariantProperties") is True:
        return
    endpoint = at(step.after, "name") or at(step.after, "endpointName") or at(step.outputs_before, "name")
    scaled = [
        target
        for target in _targets(plan, "sagemaker")
        if str(at(target.after, "resourceId")).startswith(f"endpoint/{endpoint}/variant/")
    ]
    if not scaled:
        return
    counts = _initial_counts(step, plan)
    back = f" ({listed(counts)})" if counts else ""
    yield reset(
        step,
        f"{name(step)} falls back to the initial number of instances{back}, whatever "
        f"{listed([name(target) for target in scaled])} had scaled it to.",
        "endpointConfigName",
    )


def _initial_counts(step: Step, plan: Plan) -> list[str]:
    """Of the configuration that the endpoint changes to, where it can be told which one that is."""
    wanted = at(step.after, "endpointConfigName")
    siblings = [
        other
        for other in plan.steps
        if other.type == "aws:sagemaker/endpointConfiguration:EndpointConfiguration"
        and other.after is not None
        and (
            at(other.after, "name") == wanted
            if isinstance(wanted, str)
            else other.parent == step.parent and other.changes
        )
    ]
    if len(siblings) != 1:
        return []
    return [
        f"{place} = {value(count)}"
        for place, count in found(siblings[0].after, "productionVariants[].initialInstanceCount")
    ]


def _provisioned(step: Step, plan: Plan) -> Iterator[Effect]:
    path = "provisionedConcurrentExecutions"
    if step.op is not Op.UPDATE or not step.changed(path):
        return
    resource = f"function:{at(step.after, 'functionName')}:{at(step.after, 'qualifier')}"
    for target in _targets(plan, "lambda"):
        if at(target.after, "resourceId") == resource:
            count = value(at(step.after, path))
            yield reset(
                step, f"{name(step)} is set to {count}, whatever {name(target)} had scaled it to.", path
            )


def _targets(plan: Plan, service: str) -> Iterator[Step]:
    for other in plan.by_type.get("aws:appautoscaling/target:Target", ()):
        if other.after is not None and at(other.after, "serviceNamespace") == service:
            yield other


def _nodes(count: str, scales: str, low: str = "", high: str = "") -> Rule:
    """Rule for a node pool that states its size while an autoscaler sets it between two bounds."""

    def rule(step: Step, _plan: Plan) -> Iterator[Effect]:
        if step.op is not Op.UPDATE or not step.changed(count):
            return
        if not at(step.after, scales) or not at(step.before, scales):
            return
        if low and at(step.after, low) == at(step.after, high):
            return  # nothing to scale between
        size = value(at(step.after, count, Marker.ABSENT))
        yield reset(
            step, f"{name(step)} is set to {size} nodes, whatever its autoscaler had scaled it to.", count
        )

    return rule


def _instances(step: Step, plan: Plan) -> Iterator[Effect]:
    """An Azure ML deployment that an autoscale setting targets."""
    if step.op is not Op.UPDATE or not step.changed("sku.capacity"):
        return
    resource = at(step.outputs_before, "id")
    for other in plan.steps:
        if (
            other.type == "azure-native:monitor:AutoscaleSetting"
            and other.after is not None
            and resource is not None
            and at(other.after, "targetResourceUri") == resource
            and at(other.after, "enabled", default=True) is not False
            and entries(at(other.after, "profiles"))
        ):
            size = value(at(step.after, "sku.capacity", Marker.ABSENT))
            yield reset(
                step,
                f"{name(step)} is set to {size} instances, whatever {name(other)} had scaled it to.",
                "sku.capacity",
            )


def reset(step: Step, sentence: str, path: str) -> Effect:
    """Tell that a count goes back to what a property states."""
    return Effect(
        kind=Kind.COUNT_RESET,
        severity=Severity.DANGER,
        sentence=sentence,
        urn=step.urn,
        paths=(path,),
        calls=Calls.MAY_FAIL,
    )


_BOUNDS: Final = ("scalingConfig.minSize", "scalingConfig.maxSize")

RULES: Rules = {
    "aws:sagemaker/endpoint:Endpoint": (_sagemaker,),
    "aws-native:sagemaker:Endpoint": (_sagemaker,),
    "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig": (_provisioned,),
    "aws:eks/nodeGroup:NodeGroup": (_nodes("scalingConfig.desiredSize", "scalingConfig", *_BOUNDS),),
    "gcp:container/nodePool:NodePool": (_nodes("nodeCount", "autoscaling"),),
    "azure-native:containerservice:AgentPool": (
        _nodes("count", "enableAutoScaling", "minCount", "maxCount"),
    ),
    "azure-native:machinelearningservices:OnlineDeployment": (_instances,),
}
