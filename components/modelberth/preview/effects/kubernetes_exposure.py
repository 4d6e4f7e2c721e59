"""Where the inputs of resources of Kubernetes let everybody in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from modelberth.preview.plan import Op, Plan, Step

from .cluster import Cluster, place_of
from .effect import Effect
from .exposure import FROM_OUTSIDE, INTERNET, Opening, guards, is_everywhere, opens
from .rule import Rules, at, entries, found

__all__ = ["RULES"]

_Inputs = Mapping[str, Any]


def _service(inputs: _Inputs) -> Iterator[Opening]:
    kind = at(inputs, "spec.type")
    ranges = entries(at(inputs, "spec.loadBalancerSourceRanges"))
    if kind == "NodePort":
        yield Opening("spec.type", "every node of the cluster opens a port for it")
    elif (
        kind == "LoadBalancer"
        and not _is_internal(inputs)
        and (not ranges or any(map(is_everywhere, ranges)))
    ):
        yield Opening("spec.type", INTERNET, closed=FROM_OUTSIDE)


def _is_internal(inputs: _Inputs) -> bool:
    """Whether an annotation of one of the clouds asks for a load balancer inside of the network."""
    annotations = at(inputs, "metadata.annotations", {})
    if not isinstance(annotations, Mapping):
        return False
    return any(
        "load-balancer" in key
        and str(given).lower() in {"internal", "true"}
        and ("internal" in key or "scheme" in key or "type" in key)
        for key, given in annotations.items()
    )


def _network_policy(inputs: _Inputs) -> Iterator[Opening]:
    if not inputs:
        yield Opening("", "every pod of the cluster may reach the pods that it selected")
    for place, rule in found(inputs, "spec.ingress[]"):
        if isinstance(rule, Mapping) and not entries(rule.get("from")):
            yield Opening(place, "everybody may reach the pods that it selects", by_default=True)


_guarded: Final = guards(_network_policy)


def _policy(step: Step, plan: Plan) -> Iterator[Effect]:
    """A policy that goes together with its pods, or that another one stands in for, opens nothing."""
    if step.op is not Op.DELETE or not (_its_pods_go(step, plan) or _has_a_successor(step, plan)):
        yield from _guarded(step, plan)


def _its_pods_go(policy: Step, plan: Plan) -> bool:
    wanted = at(policy.before, "spec.podSelector.matchLabels", {})
    pods = Cluster(plan, "before").selected(wanted, place_of(policy.before))
    return bool(pods) and all(step.op is Op.DELETE and not step.retain for step in pods)


def _has_a_successor(policy: Step, plan: Plan) -> bool:
    selector = at(policy.before, "spec.podSelector", {})
    return any(
        other.after is not None
        and place_of(other.after) == place_of(policy.before)
        and at(other.after, "spec.podSelector", {}) in ({}, selector)
        for other in plan.by_type.get(policy.type, ())
    )


RULES: Rules = {
    "kubernetes:core/v1:Service": (opens(_service),),
    "kubernetes:networking.k8s.io/v1:NetworkPolicy": (_policy,),
}
