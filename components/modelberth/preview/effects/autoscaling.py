"""A count that an autoscaler had set and that the update sets back.

Sources: the AWS provider sets a SageMaker variant back to `initialInstanceCount` with each new endpoint
configuration (hashicorp/terraform-provider-aws#48990); a Kubernetes workload that states `spec.replicas` is
set back with each apply, and one that stops to state it may fall to 1 (Kubernetes, HorizontalPodAutoscaler,
"Migrating Deployments and StatefulSets to horizontal autoscaling").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any, Final

from modelberth.preview.plan import Marker, Op, Plan, Step

from .effect import Calls, Effect, Kind, Severity
from .rule import Rule, Rules, at, entries, found, known
from .wording import code, listed, name, value

__all__ = ["RULES", "autoscaler_of"]

_MADE_BY: Final = {"InferenceService": "-predictor", "LLMInferenceService": "-kserve"}
_WORKLOAD_SCALERS: Final = (
    "kubernetes:autoscaling/v2:HorizontalPodAutoscaler",
    "kubernetes:autoscaling/v1:HorizontalPodAutoscaler",
    "kubernetes:keda.sh/v1alpha1:ScaledObject",
)


def autoscaler_of(step: Step, plan: Plan) -> Step | None:
    """The autoscaler that sets the number of replicas of a Kubernetes workload from now on."""
    return next(_autoscalers(step, plan, _is_after), None)


def _is_after(step: Step) -> Mapping[str, Any] | None:
    return step.after


def _is_before(step: Step) -> Mapping[str, Any] | None:
    return step.before


def _autoscalers(step: Step, plan: Plan, side: Callable[[Step], Mapping[str, Any] | None]) -> Iterator[Step]:
    """Those that are there on one side. KServe's makes a Deployment of a name that follows from its own."""
    kind = step.type.rpartition(":")[2]
    suffix = _MADE_BY.get(kind, "")
    for other in chain.from_iterable(plan.by_type.get(token, ()) for token in _WORKLOAD_SCALERS):
        inputs = side(other)
        if inputs is None:
            continue
        target = at(inputs, "spec.scaleTargetRef", {})
        names = [at(each, "metadata.name") for each in (step.after, step.before, step.outputs_before)]
        same_place = at(inputs, "metadata.namespace") == at(side(step), "metadata.namespace")
        if (
            isinstance(target, Mapping)
            and same_place
            and target.get("kind", "Deployment") == ("Deployment" if suffix else kind)
            and target.get("name") in [f"{given}{suffix}" for given in names if known(given)]
        ):
            yield other


def _workload(step: Step, plan: Plan) -> Iterator[Effect]:
    if step.op is not Op.UPDATE:
        return
    before, after = at(step.before, "spec.replicas"), at(step.after, "spec.replicas")
    scaler = autoscaler_of(step, plan)
    if scaler is None and before is None:
        scaler = next(_autoscalers(step, plan, _is_before), None)
    if (before, after) == (None, None) or scaler is None:
        return
    if after is None:
        said = f"leaves {code('spec.replicas')} to {name(scaler)} now: it may fall to 1 replica for a moment"
    else:
        said = f"is set to {value(after)} replicas, whatever {name(scaler)} had scaled it to"
    yield _reset(step, f"{name(step)} {said}.", "spec.replicas")


def _second_scaler(step: Step, plan: Plan) -> Iterator[Effect]:
    """KEDA's webhook takes no ScaledObject for what another autoscaler still has.

    Source: KEDA, "Admission Webhooks", prevention rules. The engine deletes after it has made.
    """
    if step.op is not Op.CREATE:
        return
    target = at(step.after, "spec.scaleTargetRef.name")
    for other in plan.by_type.get(_WORKLOAD_SCALERS[0], ()):
        if (
            other.op is Op.DELETE
            and at(other.before, "spec.scaleTargetRef.name") == target
            and at(other.before, "metadata.namespace") == at(step.after, "metadata.namespace")
        ):
            yield Effect(
                kind=Kind.REFUSED,
                severity=Severity.DANGER,
                sentence=f"KEDA's webhook refuses {name(step)} while {name(other)} is there, and the engine "
                "deletes that only afterwards: the update stops there. Go by a fixed number of replicas.",
                urn=step.urn,
                calls=Calls.SAFE,
            )


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
    yield _reset(
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
            yield _reset(
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
        yield _reset(
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
            yield _reset(
                step,
                f"{name(step)} is set to {size} instances, whatever {name(other)} had scaled it to.",
                "sku.capacity",
            )


def _reset(step: Step, sentence: str, path: str) -> Effect:
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
    "kubernetes:apps/v1:Deployment": (_workload,),
    "kubernetes:apps/v1:StatefulSet": (_workload,),
    "kubernetes:keda.sh/v1alpha1:ScaledObject": (_second_scaler,),
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
