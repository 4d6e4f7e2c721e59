"""Whom a NetworkPolicy lets in to its pods, and where it lets them out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from modelberth.preview.plan import Marker, Op, Plan, Step

from .effect import Calls, Effect, Kind, Severity
from .networks import ANY_NAMESPACE, ANYBODY, NAMESPACE, Peer, lets_in
from .rule import Rules, at, entries, found
from .wording import listed, name, value

__all__ = ["RULES"]

_Inputs = Mapping[str, Any]

_NAME: Final = "kubernetes.io/metadata.name"
"""Label that the cluster itself gives each namespace."""


def _ingress(inputs: _Inputs) -> list[Peer]:
    return _policy(inputs, "ingress", "from")


def _lets_out(step: Step, _plan: Plan) -> Iterator[Effect]:
    """Where the pods that a policy selects may connect to."""
    if step.before is None or step.after is None or step.op not in {Op.UPDATE, Op.REPLACE}:
        return
    paths = tuple(difference.path for difference in step.changed("spec.egress"))
    before, after = (_policy(side, "egress", "to") for side in (step.before, step.after))
    if not paths or any(difference.after is Marker.UNKNOWN for difference in step.differences):
        return
    if new := _beyond_all(after, before):
        yield Effect(
            kind=Kind.PERMISSIONS_WIDENED,
            severity=Severity.CHANGE,
            sentence=f"{name(step)} lets its pods connect to {listed([str(peer) for peer in new])} as well.",
            urn=step.urn,
            paths=paths,
            calls=Calls.SAFE,
        )
    if gone := _beyond_all(before, after):
        yield Effect(
            kind=Kind.PERMISSIONS_NARROWED,
            severity=Severity.DANGER,
            sentence=f"{name(step)} no longer lets its pods connect to "
            f"{listed([str(peer) for peer in gone])}: what needs that fails from then on.",
            urn=step.urn,
            paths=paths,
            calls=Calls.UNKNOWN,
        )


def _beyond_all(peers: Iterable[Peer], others: Sequence[Peer]) -> list[Peer]:
    return [peer for peer in dict.fromkeys(peers) if not any(other.covers(peer) for other in others)]


def _policy(inputs: _Inputs, way: str, side: str) -> list[Peer]:
    peers: list[Peer] = []
    for _, rule in found(inputs, f"spec.{way}[]"):
        ports = ", ".join(f"port {port}" for _, port in found(rule, "ports[].port"))
        sources = entries(at(rule, side))
        peers += [Peer(one, ports) for source in sources for one in _ends(source)] or [Peer(ANYBODY, ports)]
    return peers


def _ends(source: Any) -> Iterator[str]:
    """Words for the other end of a rule; a range with exceptions is no range, and compared by its words."""
    if isinstance(cidr := at(source, "ipBlock.cidr"), str):
        without = [str(one) for one in entries(at(source, "ipBlock.except"))]
        yield f"{cidr} without {listed(without)}" if without else cidr
        return
    pods = (
        f"pods with {_selected(at(source, 'podSelector'))}" if at(source, "podSelector") is not None else ""
    )
    for space in _namespaces(at(source, "namespaceSelector")):
        yield " in ".join(filter(None, [pods, space])) or json.dumps(source, sort_keys=True, default=str)


def _namespaces(selector: Any) -> list[str]:
    """Each by its name where the selector lists names."""
    if selector is None:
        return [""]
    if not selector:
        return [ANY_NAMESPACE]
    expressions = entries(at(selector, "matchExpressions"))
    if len(expressions) == 1 and set(selector) == {"matchExpressions"}:
        (only,) = expressions
        if at(only, "key") == _NAME and at(only, "operator") == "In":
            return [f"{NAMESPACE}{value(one)}" for one in entries(at(only, "values"))]
    labels = at(selector, "matchLabels")
    if isinstance(labels, Mapping) and set(selector) == {"matchLabels"} and set(labels) == {_NAME}:
        return [f"{NAMESPACE}{value(labels[_NAME])}"]
    return [f"namespaces with {_selected(selector)}"]


def _selected(selector: Any) -> str:
    if not isinstance(selector, Mapping) or not selector:
        return "any label"
    labels = selector.get("matchLabels")
    if isinstance(labels, Mapping) and set(selector) == {"matchLabels"}:
        return listed([f"{key}={value(given)}" for key, given in sorted(labels.items())], 4)
    return json.dumps(selector, sort_keys=True, default=str)


RULES: Rules = {
    "kubernetes:networking.k8s.io/v1:NetworkPolicy": (lets_in(_ingress, "spec.ingress"), _lets_out),
}
