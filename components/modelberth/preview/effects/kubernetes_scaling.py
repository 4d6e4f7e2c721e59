"""The number of replicas of a Kubernetes workload that an autoscaler sets, takes over or gives back.

Sources: a workload that states `spec.replicas` is set back with each apply, and one that no longer states it
may fall to 1 (Kubernetes, HorizontalPodAutoscaler, "Migrating Deployments and StatefulSets to horizontal
autoscaling"). A component of Modelberth ignores changes of the number while an autoscaler of its own sets it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any, Final

from modelberth.preview.plan import Op, Plan, Step

from .autoscaling import reset
from .cluster import is_ours, place_of
from .effect import Calls, Effect, Kind, Severity
from .rule import Rules, at, known
from .wording import code, name, value

__all__ = ["RULES", "autoscaler_of"]

_MADE_BY: Final = {"InferenceService": "-predictor", "LLMInferenceService": "-kserve"}
_BESIDE_KEDA: Final = "validations.keda.sh/hpa-ownership"
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
    scaler, once_more = autoscaler_of(step, plan), ""
    if scaler is not None and is_ours(step.after) and is_ours(scaler.after):
        return
    if scaler is None and (before is None or is_ours(step.after)):
        scaler = next(_autoscalers(step, plan, _is_before), None)
        # The engine deletes at the end.
        once_more = "; until that goes, it may do so once more, and the next update sets the number again"
    if (before, after) == (None, None) or scaler is None:
        return
    if after is None:
        said = f"leaves {code('spec.replicas')} to {name(scaler)} now: it may fall to 1 replica for a moment"
    else:
        said = f"is set to {value(after)} replicas, whatever {name(scaler)} had scaled it to{once_more}"
    yield reset(step, f"{name(step)} {said}.", "spec.replicas")


def _second_scaler(step: Step, plan: Plan) -> Iterator[Effect]:
    """KEDA's webhook takes no ScaledObject for what another autoscaler still has, unless that allows it.

    Source: KEDA, "Admission Webhooks", prevention rules and validation enforcement. The engine deletes after
    it has made.
    """
    if step.op is not Op.CREATE:
        return
    target = at(step.after, "spec.scaleTargetRef.name")
    for other in plan.by_type.get(_WORKLOAD_SCALERS[0], ()):
        if (
            other.op is Op.DELETE
            and at(other.before, "spec.scaleTargetRef.name") == target
            and at(other.before, "metadata.namespace") == at(step.after, "metadata.namespace")
            and at(other.before, "metadata.annotations", {}).get(_BESIDE_KEDA) != "false"
        ):
            yield Effect(
                kind=Kind.REFUSED,
                severity=Severity.DANGER,
                sentence=f"KEDA's webhook refuses {name(step)} while {name(other)} is there, and the engine "
                "deletes that only afterwards: the update stops there. Go by a fixed number of replicas.",
                urn=step.urn,
                calls=Calls.SAFE,
            )


def _from_zero(step: Step, plan: Plan) -> Iterator[Effect]:
    """Kubernetes' own autoscaler leaves a workload alone that has no replica.

    Source: Kubernetes, HorizontalPodAutoscaler, "Implicit maintenance-mode deactivation".
    """
    target = at(step.after, "spec.scaleTargetRef", {})
    if step.op is not Op.CREATE or not isinstance(target, Mapping):
        return
    for workload in plan.by_type.get(f"kubernetes:apps/v1:{target.get('kind', 'Deployment')}", ()):
        if (
            workload.after is not None
            and at(workload.after, "metadata.name") == target.get("name")
            and place_of(workload.after) == place_of(step.after)
            and at(workload.outputs_before, "spec.replicas") == 0
            and (is_ours(workload.after) or at(workload.after, "spec.replicas", 0) == 0)
        ):
            yield Effect(
                kind=Kind.IN_PLACE,
                severity=Severity.DANGER,
                sentence=f"{name(workload)} has no replica, and stays so: {name(step)} scales nothing that "
                "is at zero. Go by a fixed number of replicas.",
                urn=step.urn,
                calls=Calls.MAY_FAIL,
            )


RULES: Rules = {
    "kubernetes:apps/v1:Deployment": (_workload,),
    "kubernetes:apps/v1:StatefulSet": (_workload,),
    "kubernetes:keda.sh/v1alpha1:ScaledObject": (_second_scaler,),
    "kubernetes:autoscaling/v2:HorizontalPodAutoscaler": (_from_zero,),
}
