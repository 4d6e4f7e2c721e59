"""Whether a cluster has nodes with an endpoint's GPUs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from modelberth.errors import Problem, shown
from modelberth.kubernetes.api.connection import RefusedError
from modelberth.provider.kubernetes.amounts import amount_of
from modelberth.provider.kubernetes.inquiry import Entry, Inquiry

__all__ = ["devices"]

_SCALING_GROUPS: Final = ("karpenter.sh", "eks.amazonaws.com")
_SCALING_STATUS: Final = "/api/v1/namespaces/kube-system/configmaps/cluster-autoscaler-status"


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


def _adds_nodes(inquiry: Inquiry) -> bool:
    """Whether an autoscaler of nodes is there; one that may not be seen is taken to be."""
    if any(group in _SCALING_GROUPS for group in inquiry.server.groups()):
        return True
    try:
        return inquiry.get(_SCALING_STATUS) is not None
    except RefusedError:
        return True


def _allocatable(node: Mapping[str, Any], resource: str) -> int:
    return int(amount_of(node["status"].get("allocatable", {}).get(resource, "0")))


def _labels(found: Mapping[str, Any]) -> Mapping[str, str]:
    return found["metadata"].get("labels") or {}


def _name(found: Mapping[str, Any]) -> str:
    return str(found["metadata"]["name"])
