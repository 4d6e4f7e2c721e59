"""What the ResourceQuotas of a namespace leave for an endpoint: for its pods, its claims, its objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from modelberth.errors import Problem, shown
from modelberth.kubernetes.api.api_server import MissingKindError
from modelberth.provider.kubernetes.amounts import NONE, Amounts, amount_of, amounts_of, asked_by, written
from modelberth.provider.kubernetes.amounts import total as sum_of
from modelberth.provider.kubernetes.inquiry import INSTANCE, Entry, Inquiry

__all__ = ["claims", "counts", "default_class", "pods", "quotas"]

_SHORT: Final = {
    "cpu": "requests.cpu",
    "memory": "requests.memory",
    "ephemeral-storage": "requests.ephemeral-storage",
}
"""Names of a quota that mean requests."""
_ENDED: Final = frozenset({"Succeeded", "Failed"})
_DEFAULT: Final = "storageclass.kubernetes.io/is-default-class"
_OF_CLASS: Final = ".storageclass.storage.k8s.io/"
_ASK_LESS: Final = "Ask for less, or let an administrator raise the quota."
_ELSEWHERE: Final = "Let an administrator raise the quota, or choose another namespace."


def pods(inquiry: Inquiry, entries: Sequence[Entry]) -> list[Problem]:
    """What the pods ask for together is left in each quota; what the endpoint's pods have is its own."""
    found = quotas(inquiry)
    if not found:
        return []
    path = f"/api/v1/namespaces/{inquiry.namespace}/pods"
    there = inquiry.server.items(path, labelSelector=f"{INSTANCE}={inquiry.instance}")
    running = [pod for pod in there if inquiry.instance and pod.get("status", {}).get("phase") not in _ENDED]
    own = sum_of(_of_pod(pod) for pod in running)
    return [problem for one in found for entry in entries for problem in _beyond(one, entry, own)]


def claims(inquiry: Inquiry, entries: Sequence[Entry]) -> list[Problem]:
    """The storage of a claim that is to be made is left in each quota; one that is there needs no more."""
    found = quotas(inquiry)
    problems: list[Problem] = []
    for entry in entries:
        path = f"/api/v1/namespaces/{inquiry.namespace}/persistentvolumeclaims/{entry['name']}"
        if not found or inquiry.get(path) is not None:
            continue
        names = ["requests.storage"]
        if any(_OF_CLASS in name for one in found for name in _hard(one)):
            name = entry.get("storageClass") or default_class(inquiry)
            names += [f"{name}{_OF_CLASS}{what}" for what in ("requests.storage", "persistentvolumeclaims")]
        for name in names:
            is_count = name.endswith("/persistentvolumeclaims")
            ask = {
                "path": f"{entry['path']}.size",
                "given": entry["storage"],
                "resource": name,
                "amount": "1" if is_count else entry["storage"],
            }
            way_out = _ELSEWHERE if is_count else _ASK_LESS
            problems += [problem for one in found for problem in _beyond(one, ask, {}, way_out)]
    return problems


def counts(inquiry: Inquiry, entries: Sequence[Entry]) -> list[Problem]:
    """Quotas leave room for the objects that are to be made; those that are there by their names have it."""
    found = quotas(inquiry)
    problems: list[Problem] = []
    for entry in entries:
        try:
            kind = inquiry.kind(entry)
        except MissingKindError:
            continue  # told by another question
        group = kind.api_version.rpartition("/")[0]
        names = {f"count/{kind.plural}.{group}" if group else f"count/{kind.plural}"}
        # Older names, of some kinds of the core.
        names |= set() if group else {kind.plural}
        concerned = [(one, name) for one in found for name in sorted(names & _hard(one).keys())]
        if not concerned:
            continue
        missing = sum(inquiry.get(kind.path(inquiry.namespace, str(name))) is None for name in entry["names"])
        for one, name in concerned:
            ask = {"path": "target.namespace", "given": inquiry.namespace, "resource": name}
            problems += _beyond(one, {**ask, "amount": str(missing)}, {}, _ELSEWHERE)
    return problems


def quotas(inquiry: Inquiry) -> Sequence[Mapping[str, Any]]:
    """Return the quotas of the namespace that hold for everything in it."""
    if not inquiry.has_namespace:
        return []
    found = inquiry.server.items(f"/api/v1/namespaces/{inquiry.namespace}/resourcequotas")
    return [one for one in found if not one["spec"].get("scopes") and not one["spec"].get("scopeSelector")]


def default_class(inquiry: Inquiry) -> str | None:
    """Return the StorageClass of a claim that names none: of several defaults the newest."""
    found = [
        (str(one["metadata"].get("creationTimestamp", "")), str(one["metadata"]["name"]))
        for one in inquiry.server.items("/apis/storage.k8s.io/v1/storageclasses")
        if (one["metadata"].get("annotations") or {}).get(_DEFAULT) == "true"
    ]
    return max(found)[1] if found else None


def _beyond(
    found: Mapping[str, Any], entry: Entry, own: Amounts, way_out: str = _ASK_LESS
) -> Iterator[Problem]:
    asked = amount_of(str(entry["amount"]))
    for name, hard in _hard(found).items():
        resource = _SHORT.get(name, name)
        if resource != entry["resource"] or not asked:
            continue
        used = amount_of(str((found["status"].get("used") or {}).get(name, "0")))
        others = max(used - own.get(resource, NONE), NONE)
        if others + asked <= amount_of(str(hard)):
            continue
        yield Problem(
            str(entry["path"]),
            shown(entry.get("given", entry["amount"])),
            f"what quota {found['metadata']['name']} of namespace {found['metadata']['namespace']} leaves",
            f"{resource}: the endpoint asks for {written(asked)}, others use {written(others)}, and "
            f"{hard} is the most. {way_out}",
        )


def _hard(found: Mapping[str, Any]) -> Mapping[str, Any]:
    return found.get("status", {}).get("hard") or {}


def _of_pod(pod: Mapping[str, Any]) -> Amounts:
    """What a quota counts for a pod."""
    before = pod["spec"].get("initContainers") or ()
    sidecars = [one for one in before if one.get("restartPolicy") == "Always"]
    together = [_resources(one) for one in [*pod["spec"]["containers"], *sidecars]]
    first = [_resources(one) for one in before if one not in sidecars]
    return {"pods": Decimal(1), **asked_by(together, first)}


def _resources(container: Mapping[str, Any]) -> Amounts:
    resources = container.get("resources") or {}
    return {
        f"{part}.{name}": amount
        for part in ("requests", "limits")
        for name, amount in amounts_of(resources.get(part)).items()
    }
