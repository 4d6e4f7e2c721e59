"""What comes and goes with a part of an endpoint, while the endpoint stays.

A revision that is no longer needed, the budget and the autoscaler of its replicas, a ConfigMap that no pod
reads: none of them is missed by a caller.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from modelberth.preview.plan import Marker, Op, Plan, Step

from .cluster import Cluster, gpus_of_pod, instance_of, is_ours, place_of, pod_of
from .effect import Calls, Effect, Kind, Severity
from .kubernetes_scaling import autoscaler_of
from .rule import Rule, at, found
from .wording import code, listed, name, value

__all__ = ["missed", "read", "starts", "with_its_pods"]

_ROUTERS: Final = {
    "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute": (
        "spec.rules[].backendRefs[].name",
        "spec.rules[].filters[].requestMirror.backendRef.name",
    ),
    "kubernetes:networking.k8s.io/v1:Ingress": ("spec.rules[].http.paths[].backend.service.name",),
}
_SERVICE: Final = "kubernetes:core/v1:Service"
_NAMED_BY: Final = (
    "volumes[].configMap.name",
    "volumes[].projected.sources[].configMap.name",
    "containers[].envFrom[].configMapRef.name",
    "containers[].env[].valueFrom.configMapKeyRef.name",
)
_WORKLOADS: Final = (
    "kubernetes:apps/v1:Deployment",
    "kubernetes:apps/v1:StatefulSet",
    "kubernetes:apps/v1:DaemonSet",
    "kubernetes:batch/v1:Job",
    "kubernetes:batch/v1:CronJob",
    "kubernetes:serving.kserve.io/v1beta1:InferenceService",
    "kubernetes:serving.kserve.io/v1alpha2:LLMInferenceService",
    "kubernetes:ray.io/v1:RayService",
)


def missed(rule: Rule) -> Rule:
    """The rule, unless what goes is a revision of ours that nothing leads to any more."""

    def told(step: Step, plan: Plan) -> Iterator[Effect]:
        if step.op is Op.DELETE and not step.retain and _is_retired(step, plan):
            again = "" if step.type == _SERVICE else ", and a way back to it starts it anew"
            yield _gone(step, f"{name(step)} is removed: no call goes to it any more{again}.")
        else:
            yield from rule(step, plan)

    return told


def with_its_pods(rule: Rule) -> Rule:
    """The rule, unless the pods that the object is about come, or go, with it."""

    def told(step: Step, plan: Plan) -> Iterator[Effect]:
        workloads = _of(step, plan)
        ops = {workload.op for workload in workloads}
        if step.op is Op.DELETE and not step.retain and ops == {Op.DELETE}:
            yield _gone(step, f"{name(step)} goes with {listed([name(one) for one in workloads])}.")
        elif step.op is Op.DELETE and (heir := _heir(step, workloads, plan)) is not None:
            yield _gone(step, f"{name(step)} gives way to {name(heir)}.")
        elif step.op is Op.CREATE and ops == {Op.CREATE}:
            yield Effect(
                kind=Kind.CREATED,
                severity=Severity.CHANGE,
                sentence=f"{name(step)} comes with {listed([name(one) for one in workloads])}.",
                urn=step.urn,
                calls=Calls.SAFE,
            )
        else:
            yield from rule(step, plan)

    return told


def _heir(step: Step, workloads: tuple[Step, ...], plan: Plan) -> Step | None:
    """Another autoscaler that has the same replicas from now on."""
    if at(step.before, "spec.scaleTargetRef") is None:
        return None
    return next((heir for one in workloads if (heir := autoscaler_of(one, plan)) is not None), None)


def read(rule: Rule) -> Rule:
    """The rule, unless no pod misses the ConfigMap: one of ours that none reads, or with a successor."""

    def told(step: Step, plan: Plan) -> Iterator[Effect]:
        inputs = step.before or {}
        if step.op is Op.UPDATE and is_ours(inputs) and not _is_read(step, plan):
            yield from _rewritten(step)
            return
        if step.op not in {Op.DELETE, Op.REPLACE} or not is_ours(inputs):
            yield from rule(step, plan)
            return
        if _is_read(step, plan):
            yield from _renamed(step) if step.op is Op.REPLACE and not step.delete_first else rule(step, plan)
            return
        done = "removed" if step.op is Op.DELETE else "replaced"
        what = [code(path) for path in step.replacing_paths]
        why = f", since {listed(what)} {'changes' if len(what) == 1 else 'change'}" if what else ""
        yield Effect(
            kind=Kind.REMOVED if step.op is Op.DELETE else Kind.REPLACED,
            severity=Severity.CHANGE,
            sentence=f"{name(step)} is {done}{why}; no pod of the endpoint reads it.",
            urn=step.urn,
            paths=step.replacing_paths,
            calls=Calls.SAFE,
        )

    return told


def _rewritten(step: Step) -> Iterator[Effect]:
    if content := step.changed("data", "binaryData"):
        yield Effect(
            kind=Kind.IN_PLACE,
            severity=Severity.CHANGE,
            sentence=f"{name(step)} is written anew; no pod of the endpoint reads it.",
            urn=step.urn,
            paths=tuple(difference.path for difference in content),
            calls=Calls.SAFE,
        )


def _renamed(step: Step) -> Iterator[Effect]:
    """Ours are named after what is in them, and go when no pod names them any more."""
    yield Effect(
        kind=Kind.REPLACED,
        severity=Severity.CHANGE,
        sentence=f"{name(step)} is made anew under another name; pods that are there keep the one before.",
        urn=step.urn,
        paths=step.replacing_paths,
        calls=Calls.SAFE,
    )


def starts(step: Step, plan: Plan) -> Iterator[Effect]:
    """Pods of a new revision of ours, beside those that serve."""
    inputs = step.after
    if step.op is not Op.CREATE or not is_ours(inputs) or not _is_there(inputs, plan, "before"):
        return
    replicas, labels = _replicas(step, plan), at(inputs, "metadata.labels", {})
    gpus = gpus_of_pod(pod_of(step, inputs), plan)
    version = labels.get("app.kubernetes.io/version") if isinstance(labels, Mapping) else None
    of = f" of version {value(version)}" if version else ""
    each = f" with {gpus} GPU{'s' if gpus > 1 else ''} each" if gpus else ""
    yield Effect(
        kind=Kind.CREATED,
        severity=Severity.CHANGE,
        sentence=f"{name(step)} starts {replicas}{of}{each} beside what serves now.",
        urn=step.urn,
        calls=Calls.SAFE,
    )


def _replicas(step: Step, plan: Plan) -> str:
    scaler = autoscaler_of(step, plan)
    stated = at(step.after, "spec.replicas", at(step.after, "spec.predictor.minReplicas", 1))
    count = stated
    if scaler is not None:
        count = at(scaler.after, "spec.minReplicas", at(scaler.after, "spec.minReplicaCount", stated))
    return f"{count} replica{'' if count == 1 else 's'}"


def _gone(step: Step, sentence: str) -> Effect:
    return Effect(
        kind=Kind.REMOVED,
        severity=Severity.CHANGE,
        sentence=sentence,
        urn=step.urn,
        calls=Calls.SAFE,
    )


def _is_retired(step: Step, plan: Plan) -> bool:
    before = step.before or {}
    if not is_ours(before) or not _is_there(before, plan, "after"):
        return False
    cluster = Cluster(plan, "after")
    if step.type == _SERVICE:
        named = {
            given
            for kind, paths in _ROUTERS.items()
            for _, inputs in cluster.of_type(kind)
            for path in paths
            for _, given in found(inputs, path)
        }
        return at(before, "metadata.name") not in named
    labels = at(before, "spec.template.metadata.labels", at(before, "spec.predictor.labels", {}))
    return not any(
        _selects(at(inputs, "spec.selector"), labels)
        for _, inputs in cluster.of_type(_SERVICE)
        if place_of(inputs) == place_of(before)
    )


def _is_there(inputs: Mapping[str, Any] | None, plan: Plan, side: Any) -> bool:
    """Whether a Service of the same endpoint is there on that side."""
    return any(
        instance_of(other) == instance_of(inputs) and place_of(other) == place_of(inputs)
        for _, other in Cluster(plan, side).of_type(_SERVICE)
    )


def _of(step: Step, plan: Plan) -> tuple[Step, ...]:
    """Workloads that a budget, or an autoscaler, is about."""
    side: Any = "after" if step.after is not None else "before"
    cluster, inputs = Cluster(plan, side), step.inputs
    if selector := at(inputs, "spec.selector.matchLabels"):
        return cluster.selected(selector, place_of(inputs))
    target = at(inputs, "spec.scaleTargetRef.name")
    if target is None or isinstance(target, Marker):
        return ()
    kind = f"kubernetes:apps/v1:{at(inputs, 'spec.scaleTargetRef.kind', 'Deployment')}"
    return tuple(
        other
        for other, its in cluster.of_type(kind)
        if at(its, "metadata.name") == target and place_of(its) == place_of(inputs)
    )


def _is_read(step: Step, plan: Plan) -> bool:
    wanted = at(step.before, "metadata.name")
    return any(
        given == wanted and place_of(inputs) == place_of(step.before)
        for side in ("before", "after")
        for workload, inputs in Cluster(plan, side).of_type(*_WORKLOADS)
        for path in _NAMED_BY
        for _, given in found(pod_of(workload, inputs), path)
    )


def _selects(selector: Any, labels: Any) -> bool:
    if not isinstance(selector, Mapping) or not isinstance(labels, Mapping):
        return False
    return bool(selector) and all(labels.get(key) == given for key, given in selector.items())
