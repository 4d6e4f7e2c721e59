"""What the pods of a workload may do to the node that they run on.

Source: Kubernetes, Pod Security Standards, what the profiles `baseline` and `restricted` do not allow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from modelberth.preview.plan import Plan, Step

from .effect import Calls, Effect, Kind, Severity
from .rule import Rules, at, entries, found
from .wording import code, listed, name

__all__ = ["RULES"]

_SWITCHES: Final = {
    "hostNetwork": "use the node's network",
    "hostPID": "see the node's processes",
    "hostIPC": "share memory with the node's processes",
}
_OF_CONTAINERS: Final = ("containers", "initContainers")


def _risks(pod: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is let happen, and the input that lets it."""
    for key, lets in _SWITCHES.items():
        if pod.get(key) is True:
            yield lets, key
    for _, path in found(pod, "volumes[].hostPath.path"):
        yield f"reach the node's folder {path}", "volumes"
    if at(pod, "securityContext.runAsUser") == 0 or at(pod, "securityContext.runAsNonRoot") is False:
        yield "run as root", "securityContext"
    for kind in _OF_CONTAINERS:
        for _, context in found(pod, f"{kind}[].securityContext"):
            yield from _of_container(context, f"{kind}[].securityContext")


def _of_container(context: Any, where: str) -> Iterator[tuple[str, str]]:
    if at(context, "privileged") is True:
        yield "do on the node whatever its root may", f"{where}.privileged"
    if at(context, "allowPrivilegeEscalation") is True:
        yield "gain more rights than they start with", f"{where}.allowPrivilegeEscalation"
    if at(context, "runAsUser") == 0 or at(context, "runAsNonRoot") is False:
        yield "run as root", where
    for capability in entries(at(context, "capabilities.add")):
        yield f"use the capability {capability}", f"{where}.capabilities"


def _gains(step: Step, _plan: Plan) -> Iterator[Effect]:
    place = "spec" if step.type.endswith(":Pod") else "spec.template.spec"
    after = at(step.after, place)
    if not isinstance(after, Mapping):
        return
    before = at(step.before, place, {})
    had = set(_risks(before)) if isinstance(before, Mapping) else set()
    new = [risk for risk in dict.fromkeys(_risks(after)) if risk not in had]
    if new:
        paths = list(dict.fromkeys(f"{place}.{path}" for _, path in new))
        lets = listed(list(dict.fromkeys(lets for lets, _ in new)), 5)
        yield Effect(
            kind=Kind.PERMISSIONS_WIDENED,
            severity=Severity.DANGER,
            sentence=f"Pods of {name(step)} may {lets} ({listed([code(path) for path in paths])}).",
            urn=step.urn,
            paths=tuple(path for path in paths if "[]" not in path),
            calls=Calls.SAFE,
        )


RULES: Rules = {
    f"kubernetes:{token}": (_gains,)
    for token in (
        "apps/v1:Deployment",
        "apps/v1:StatefulSet",
        "apps/v1:DaemonSet",
        "batch/v1:Job",
        "core/v1:Pod",
    )
}
