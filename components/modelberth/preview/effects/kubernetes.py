"""What changes of Kubernetes objects mean for the callers of an endpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from modelberth.preview.plan import Marker, Op, Plan, Step

from .cluster import gpus_of_pod
from .containers import by_name
from .effect import Calls, Effect, Kind, Severity
from .kubernetes_life import missed, read, starts, with_its_pods
from .lifecycle import behind, holds, needs_gpus, rolling, serves
from .protection import guarded
from .rollout import (
    rolls_deployment,
    rolls_language_model,
    rolls_predictor,
    rolls_ray_service,
    rolls_stateful_set,
    scales,
)
from .rule import Rule, Rules, at, found, known, texts
from .traffic import Shares, moves, shares_of
from .wording import changes, code, listed, name, value

__all__ = ["RULES"]

_NAMED: Final = ("metadata.name", "metadata.namespace")


def _canary_shares(inputs: Mapping[str, Any]) -> Shares:
    share = at(inputs, "spec.predictor.canaryTrafficPercent", 100)
    return (
        shares_of([("the newest revision", share), ("the revision before", 100 - share)])
        if isinstance(share, int)
        else {}
    )


def _predictor(step: Step, plan: Plan) -> Iterator[Effect]:
    """KServe starts a new revision of a changed predictor beside the old one, unless it is a Deployment."""
    if at(step.after, "spec.predictor.deploymentStrategy") is not None:
        yield from rolls_predictor(step, plan)
        return
    differences = [
        d for d in step.changed("spec.predictor") if d.path != "spec.predictor.canaryTrafficPercent"
    ]
    if step.op is not Op.UPDATE or not differences:
        return
    before, after = _gpus_always(step.before), _gpus_always(step.after)
    extra = min(before, after)  # beside those of the larger predictor, which stay or were there
    sentence = (
        f"{name(step)} starts a new predictor; the old one serves until it is ready"
        f"{needs_gpus(extra, after - before)} "
        f"({changes(by_name(step, differences))})."
    )
    yield rolling(step, sentence, differences, gpus=extra)


def _gpus_always(inputs: Mapping[str, Any] | None) -> int:
    """GPUs of the replicas that are always there."""
    containers = [
        container
        for path in ("spec.predictor.model", "spec.predictor.containers[]")
        for _, container in found(inputs, path)
    ]
    least = at(inputs, "spec.predictor.minReplicas", 1)
    return gpus_of_pod({"containers": containers}) * least if isinstance(least, int) else 0


def _ports(step: Step, _plan: Plan) -> Iterator[Effect]:
    """A port that callers use and that is no longer there."""
    before, after = (
        {port for _, port in found(side, "spec.ports[].port")} for side in (step.before, step.after)
    )
    gone = sorted(str(port) for port in before - after)
    if step.op is Op.UPDATE and gone:
        sentence = (
            f"Callers of {name(step)} must use another port than {', '.join(gone)} ({code('spec.ports')})."
        )
        yield Effect(
            kind=Kind.ADDRESS_CHANGED,
            severity=Severity.DANGER,
            sentence=sentence,
            urn=step.urn,
            paths=tuple(difference.path for difference in step.changed("spec.ports")),
            calls=Calls.MAY_FAIL,
        )


def _type(step: Step, _plan: Plan) -> Iterator[Effect]:
    """A Service that no longer has the address, or the pods, that its callers use."""
    before, after = at(step.before, "spec.type", "ClusterIP"), at(step.after, "spec.type", "ClusterIP")
    if step.op is not Op.UPDATE or before == after:
        return
    if after == "ExternalName":
        target = at(step.after, "spec.externalName")
        where = value(target) if known(target) else "another name"
        said = f"Calls to {name(step)} go to {where} instead of its pods"
    elif before == "LoadBalancer" or (before == "NodePort" and after == "ClusterIP"):
        said = f"{name(step)} has no address outside of the cluster any more: calls from there fail"
    else:
        return
    yield Effect(
        kind=Kind.ADDRESS_CHANGED,
        severity=Severity.DANGER,
        sentence=f"{said} ({code('spec.type')} {value(before)} → {value(after)}).",
        urn=step.urn,
        paths=("spec.type",),
        calls=Calls.MAY_FAIL,
    )


def _routes(read: Callable[[Mapping[str, Any]], Iterable[str]], where: str) -> Rule:
    """Rule for a router: an address that it answered and no longer does."""

    def rule(step: Step, _plan: Plan) -> Iterator[Effect]:
        if step.op is not Op.UPDATE or step.before is None or step.after is None:
            return
        after = set(read(step.after))
        gone = [one for one in dict.fromkeys(read(step.before)) if one not in after]
        if gone and not any(difference.after is Marker.UNKNOWN for difference in step.differences):
            yield Effect(
                kind=Kind.ADDRESS_CHANGED,
                severity=Severity.DANGER,
                sentence=f"{name(step)} no longer answers at {listed([value(one) for one in gone])}: calls "
                "there fail from then on.",
                urn=step.urn,
                paths=tuple(difference.path for difference in step.changed(where)),
                calls=Calls.MAY_FAIL,
            )

    return rule


def _ingress_addresses(inputs: Mapping[str, Any]) -> Iterator[str]:
    for _, rule in found(inputs, "spec.rules[]"):
        for path in [path for _, path in found(rule, "http.paths[].path")] or [""]:
            yield f"{at(rule, 'host', '*')}{path}"


def _route_addresses(inputs: Mapping[str, Any]) -> Iterator[str]:
    paths = [path for _, path in found(inputs, "spec.rules[].matches[].path.value")]
    for host in texts(at(inputs, "spec.hostnames")) or ["*"]:
        yield from (f"{host}{path}" for path in paths or [""])


_NAMES_IT: Final = behind("pods that still name it cannot start")
_SCALER: Final = behind("the number of replicas no longer follows the load")

RULES: Rules = {
    "kubernetes:apps/v1:Deployment": (missed(serves()), starts, rolls_deployment, scales),
    "kubernetes:apps/v1:StatefulSet": (serves(), rolls_stateful_set, scales),
    "kubernetes:apps/v1:DaemonSet": (serves(),),
    "kubernetes:core/v1:Service": (missed(serves(*_NAMED)), _ports, _type),
    "kubernetes:networking.k8s.io/v1:Ingress": (
        serves("spec.rules"),
        _routes(_ingress_addresses, "spec.rules"),
    ),
    "kubernetes:gateway.networking.k8s.io/v1:Gateway": (serves(generated=True),),
    "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute": (
        serves("spec.hostnames"),
        _routes(_route_addresses, "spec"),
    ),
    "kubernetes:serving.kserve.io/v1beta1:InferenceService": (
        missed(serves(*_NAMED)),
        starts,
        _predictor,
        moves(_canary_shares, "spec.predictor.canaryTrafficPercent"),
    ),
    "kubernetes:serving.kserve.io/v1alpha2:LLMInferenceService": (
        missed(serves(*_NAMED)),
        starts,
        rolls_language_model,
    ),
    "kubernetes:ray.io/v1:RayService": (missed(serves(*_NAMED)), starts, rolls_ray_service),
    "kubernetes:autoscaling/v2:HorizontalPodAutoscaler": (with_its_pods(_SCALER),),
    "kubernetes:keda.sh/v1alpha1:ScaledObject": (with_its_pods(_SCALER),),
    "kubernetes:policy/v1:PodDisruptionBudget": (
        with_its_pods(behind("maintenance of nodes may stop all replicas at once")),
    ),
    "kubernetes:core/v1:ServiceAccount": (behind("pods that still run as it lose their permissions"),),
    "kubernetes:core/v1:ConfigMap": (read(_NAMES_IT),),
    "kubernetes:core/v1:Secret": (_NAMES_IT,),
    "kubernetes:core/v1:Namespace": (holds("all objects in it"),),
    "kubernetes:core/v1:PersistentVolumeClaim": (holds("the files on its volume"),),
    "kubernetes:core/v1:PersistentVolume": (
        holds("the files on it"),
        guarded("spec.persistentVolumeReclaimPolicy", on="Retain", default="Delete", refuses=False),
    ),
}
