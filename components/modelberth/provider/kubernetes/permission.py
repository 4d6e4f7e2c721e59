"""Whether the namespace can be worked in, and whether the user may do there what the endpoint needs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from modelberth.errors import Problem, shown
from modelberth.kubernetes.api.api_server import ApiServer, Kind, MissingKindError
from modelberth.kubernetes.api.connection import RefusedError
from modelberth.provider.kubernetes.inquiry import INSTANCE, Entry, Inquiry, in_parallel

__all__ = ["namespace", "permissions"]

_MANAGER: Final = "app.kubernetes.io/managed-by"
_ACCESS: Final = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_SELF: Final = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


def namespace(inquiry: Inquiry, inputs: Mapping[str, Any]) -> Iterator[Problem]:
    """The namespace is there and stays, or it is to be made and nobody has it yet."""
    name, found = inquiry.namespace, inquiry.namespace_object
    given = shown(name)
    if not inquiry.has_namespace:
        if inputs.get("namespaceExpected", True):
            yield Problem(
                "target.namespace",
                given,
                "an existing namespace",
                f"{inquiry.server.where} has none of that name. Make it: kubectl create namespace {name}, "
                "or let the stack make it: target.create_namespace: true.",
            )
        return
    if found is None:
        return
    if found.get("status", {}).get("phase") == "Terminating" or found["metadata"].get("deletionTimestamp"):
        conditions = found.get("status", {}).get("conditions") or ()
        waits = "; ".join(
            str(one["message"])
            for one in conditions
            if one.get("status") == "True" and one["type"].endswith("Remaining")
        )
        yield Problem(
            "target.namespace",
            given,
            "a namespace that is not being deleted",
            f"It is since {found['metadata'].get('deletionTimestamp')}"
            f"{f', and waits: {waits}' if waits else ''}. "
            f"Wait until it is gone (kubectl wait --for=delete namespace/{name}), or choose another.",
        )
    elif inputs.get("makesNamespace") and not _is_own(inquiry, found):
        yield Problem(
            "target.create_namespace",
            "true",
            f"false for namespace {name}",
            "It exists already and is not this endpoint's: destroying the stack would delete it with all "
            "that is in it.",
        )


def permissions(inquiry: Inquiry, entries: Sequence[Entry]) -> list[Problem]:
    """What the endpoint needs and the user may not, as one problem with the rules to add."""
    wanted = [
        (kind, str(verb)) for entry in entries for kind in _known(inquiry, entry) for verb in entry["verbs"]
    ]
    if not wanted or _may(inquiry, "*", "*", "*", inquiry.namespace):
        return []

    def is_allowed(one: tuple[Kind, str]) -> bool:
        kind, verb = one
        scope = inquiry.namespace if kind.namespaced else ""
        return _may(inquiry, _group(kind), kind.plural, verb, scope)

    missing: dict[Kind, list[str]] = {}
    for (kind, verb), allowed in zip(wanted, in_parallel(is_allowed, wanted), strict=True):
        if not allowed:
            missing.setdefault(kind, []).append(verb)
    who = _who(inquiry.server) if missing else ""
    return [
        _forbidden(
            inquiry, who, {kind: verbs for kind, verbs in missing.items() if kind.namespaced == scoped}
        )
        for scoped in (True, False)
        if any(kind.namespaced == scoped for kind in missing)
    ]


def _forbidden(inquiry: Inquiry, who: str, missing: Mapping[Kind, Sequence[str]]) -> Problem:
    is_scoped = next(iter(missing)).namespaced
    said = "; ".join(f"{', '.join(verbs)} {kind.plural}" for kind, verbs in missing.items())
    rules: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for kind, verbs in missing.items():
        rules.setdefault((_group(kind), tuple(verbs)), []).append(kind.plural)
    added = json.dumps(
        [
            {"apiGroups": [group], "resources": resources, "verbs": [*verbs]}
            for (group, verbs), resources in rules.items()
        ]
    )
    role = f"a Role in {inquiry.namespace}" if is_scoped else "a ClusterRole"
    return Problem(
        "target.namespace",
        shown(inquiry.namespace),
        f"a namespace for which {who} may do what the endpoint needs",
        f"Forbidden in {inquiry.server.where}: {said}. Let an administrator bind the user to {role} with "
        f"these rules: {added}",
    )


def _known(inquiry: Inquiry, entry: Entry) -> Iterator[Kind]:
    """The entry's kind; one that the cluster does not have is told by another question."""
    try:
        yield inquiry.kind(entry)
    except MissingKindError:
        return


def _may(inquiry: Inquiry, group: str, resource: str, verb: str, scope: str) -> bool:
    attributes = {"group": group, "resource": resource, "verb": verb, "namespace": scope}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = inquiry.server.request("POST", _ACCESS, body=review)
    return bool(answer["status"]["allowed"])


def _who(server: ApiServer) -> str:
    """The user as the cluster knows him; older ones than 1.28 do not tell."""
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    try:
        return str(server.request("POST", _SELF, body=review)["status"]["userInfo"]["username"])
    except RefusedError:
        return "this user"


def _group(kind: Kind) -> str:
    return kind.api_version.rpartition("/")[0]


def _is_own(inquiry: Inquiry, found: Mapping[str, Any]) -> bool:
    labels = found["metadata"].get("labels") or {}
    return labels.get(_MANAGER) == "modelberth" and labels.get(INSTANCE) == inquiry.instance
