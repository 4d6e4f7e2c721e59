"""Whether a cluster has room for an endpoint: the quotas of its namespace, and nodes with its GPUs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from importlib import import_module
from typing import Any, Final

from modelberth.errors import Problem, shown
from modelberth.kubernetes.api.connection import RefusedError
from modelberth.provider.kubernetes.inquiry import INSTANCE, Entry, Inquiry

__all__ = ["devices", "quota"]

Amounts = Mapping[str, Decimal]

_SHORT: Final = {
    "cpu": "requests.cpu",
    "memory": "requests.memory",
    "ephemeral-storage": "requests.ephemeral-storage",
}
"""Names of a quota that mean requests."""
_SCALING_GROUPS: Final = ("karpenter.sh", "eks.amazonaws.com")
_SCALING_STATUS: Final = "/api/v1/namespaces/kube-system/configmaps/cluster-autoscaler-status"
_NONE: Final = Decimal(0)
_ENDED: Final = frozenset({"Succeeded", "Failed"})


def quota(inquiry: Inquiry, entries: Sequence[Entry]) -> list[Problem]:
    """What the endpoint asks for is left in each quota of the namespace; what it uses already is its own."""
    if not inquiry.has_namespace or not entries:
        return []
    base = f"/api/v1/namespaces/{inquiry.namespace}"
    quotas = [one for one in inquiry.server.items(f"{base}/resourcequotas") if _is_for_all(one)]
    if not quotas:
        return []
    pods = inquiry.server.items(f"{base}/pods", labelSelector=f"{INSTANCE}={inquiry.instance}")
    running = [pod for pod in pods if inquiry.instance and pod.get("status", {}).get("phase") not in _ENDED]
    own = _sum(_asked_by(pod) for pod in running)
    return [problem for one in quotas for entry in entries for problem in _beyond(one, entry, own)]


def devices(inquiry: Inquiry, entry: Entry) -> Iterator[Problem]:
    """Nodes that can hold the endpoint's pods with what each asks of an extended resource, such as GPUs.

    What other pods hold of it is not counted: they may be gone by then. Where something adds nodes on demand,
    a pod that fits no node is what makes it add one.
    """
    resource, per_pod, pods = str(entry["resource"]), int(entry["perPod"]), int(entry["pods"])
    selector = entry.get("nodeSelector") or {}
    nodes = inquiry.server.items("/api/v1/nodes")
    fitting = [
        node
        for node in nodes
        if not node["spec"].get("unschedulable") and selector.items() <= _labels(node).items()
    ]
    room = sum(_allocatable(node, resource) // per_pod for node in fitting)
    if room >= pods or _adds_nodes(inquiry):
        return
    names = sorted(
        {str(name) for node in nodes for name in node["status"].get("allocatable", {}) if "/" in name}
    )
    have = [
        f"{_name(node)} {_allocatable(node, resource)}" for node in fitting if _allocatable(node, resource)
    ]
    selected = ", ".join(f"{key}={value}" for key, value in sorted(selector.items()))
    among = f" among the {len(fitting)} schedulable nodes with {selected}" if selected else ""
    if have:
        found = f"{resource} on {', '.join(have)}{among}: room for {room} of {pods} pods"
    else:
        offered = f"they offer: {', '.join(names) or 'nothing of the kind'}"
        found = f"no {resource} on any of {len(nodes)} nodes{among}; {offered}"
    yield Problem(
        str(entry["path"]),
        shown(entry.get("given", per_pod)),
        f"what nodes of the cluster have: {per_pod} of {resource} for each of {pods} "
        f"pod{'s' if pods != 1 else ''}",
        f"{inquiry.server.where} has {found}. A device plugin on the nodes offers them.",
    )


def _beyond(found: Mapping[str, Any], entry: Entry, own: Amounts) -> Iterator[Problem]:
    resource = str(entry["resource"])
    hard, used = (
        {_SHORT.get(name, name): value for name, value in (found.get("status", {}).get(part) or {}).items()}
        for part in ("hard", "used")
    )
    if resource not in hard:
        return
    asked, most = _amount(str(entry["amount"])), _amount(hard[resource])
    others = max(_amount(used.get(resource, "0")) - own.get(resource, _NONE), _NONE)
    if others + asked <= most:
        return
    yield Problem(
        str(entry["path"]),
        shown(entry.get("given", entry["amount"])),
        f"what quota {_name(found)} of namespace {found['metadata']['namespace']} leaves",
        f"{resource}: the endpoint asks for {_written(asked)}, others use {_written(others)}, and "
        f"{hard[resource]} is the most. Ask for less, or let an administrator raise the quota.",
    )


def _is_for_all(found: Mapping[str, Any]) -> bool:
    return not found["spec"].get("scopes") and not found["spec"].get("scopeSelector")


def _asked_by(pod: Mapping[str, Any]) -> Amounts:
    """What a quota counts for a pod: its containers together, or the largest that runs before them."""
    before = pod["spec"].get("initContainers") or ()
    sidecars = [one for one in before if one.get("restartPolicy") == "Always"]
    first = [_resources(one) for one in before if one not in sidecars]
    together = _sum(_resources(one) for one in [*pod["spec"]["containers"], *sidecars])
    names = {*together, *(name for one in first for name in one)}
    largest = {name: max(one.get(name, _NONE) for one in [together, *first]) for name in names}
    return {"pods": Decimal(1), **largest}


def _resources(container: Mapping[str, Any]) -> Amounts:
    resources = container.get("resources") or {}
    return {
        f"{part}.{name}": _amount(value)
        for part in ("requests", "limits")
        for name, value in (resources.get(part) or {}).items()
    }


def _sum(parts: Iterable[Amounts]) -> Amounts:
    total: dict[str, Decimal] = {}
    for part in parts:
        for name, amount in part.items():
            total[name] = total.get(name, _NONE) + amount
    return total


def _adds_nodes(inquiry: Inquiry) -> bool:
    """Whether an autoscaler of nodes is there; one that may not be seen is taken to be."""
    if any(group in _SCALING_GROUPS for group in inquiry.server.groups()):
        return True
    try:
        return inquiry.get(_SCALING_STATUS) is not None
    except RefusedError:
        return True


def _allocatable(node: Mapping[str, Any], resource: str) -> int:
    return int(_amount(node["status"].get("allocatable", {}).get(resource, "0")))


def _labels(found: Mapping[str, Any]) -> Mapping[str, str]:
    return found["metadata"].get("labels") or {}


def _name(found: Mapping[str, Any]) -> str:
    return str(found["metadata"]["name"])


def _amount(text: str) -> Decimal:
    amount: Decimal = import_module("kubernetes.utils.quantity").parse_quantity(text)
    return amount


def _written(amount: Decimal) -> str:
    """An amount as a quantity of the API, in the largest binary unit that keeps it whole."""
    for unit, size in (("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10)):
        if amount >= size and amount % size == 0:
            return f"{int(amount / size)}{unit}"
    return f"{amount.normalize():f}"
