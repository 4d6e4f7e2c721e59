"""Whether requests will come to an endpoint: its Gateway takes its route, and nobody has its host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from modelberth.errors import Problem, shown
from modelberth.kubernetes.api.api_server import Kind, MissingKindError, listed
from modelberth.provider.kubernetes.inquiry import Entry, Inquiry

__all__ = ["gateways", "hosts"]

_GATEWAY_API: Final = "gateway.networking.k8s.io/v1"
_INGRESS_CLASS: Final = "kubernetes.io/ingress.class"
_PATH: Final = "/"


def gateways(inquiry: Inquiry, entry: Entry) -> Iterator[Problem]:
    """A Gateway with a listener that takes an HTTPRoute of this namespace for the host."""
    try:
        kind = inquiry.server.kind(_GATEWAY_API, "Gateway")
    except MissingKindError:
        return  # told for the kind of the route
    namespace, name = str(entry.get("namespace") or inquiry.namespace), str(entry["name"])
    if namespace == inquiry.namespace and not inquiry.has_namespace:
        return
    path, given = f"{entry['path']}.gateway", shown(name)
    gateway = inquiry.get(kind.path(namespace, name))
    if gateway is None:
        others = [f"{one['metadata']['namespace']}/{_name(one)}" for one in inquiry.all(kind)]
        yield Problem(
            path,
            given,
            f"the name of an existing Gateway in namespace {namespace}",
            f"{inquiry.server.where} has: {listed(others)}. {entry['path']}.namespace names its namespace.",
        )
        return
    listeners, section = gateway["spec"]["listeners"], entry.get("section")
    if section is not None:
        listeners = [one for one in listeners if one["name"] == section]
        if not listeners:
            has = listed(one["name"] for one in gateway["spec"]["listeners"])
            allowed = f"a listener of Gateway {namespace}/{name}: {has}"
            yield Problem(f"{entry['path']}.section", shown(section), allowed)
            return
    objections = {one["name"]: _objection(inquiry, namespace, one, entry) for one in listeners}
    if all(objections.values()):
        told = "; ".join(f"listener {listener} {why}" for listener, why in objections.items())
        yield Problem(path, given, "a Gateway that takes this route", f"Of {namespace}/{name} {told}.")


def hosts(inquiry: Inquiry, entry: Entry) -> Iterator[Problem]:
    """A host of which no other route or Ingress at the same entrance has one of the paths, or any."""
    for kind in _kinds(inquiry):
        for found in inquiry.all(kind):
            own = found["metadata"]["namespace"] == inquiry.namespace and _name(found) == entry["route"]
            if own or found["metadata"].get("deletionTimestamp"):
                continue
            claimed = _of_route(found, entry) if kind.kind == "HTTPRoute" else _of_ingress(found, entry)
            who = f"{kind.kind} {found['metadata']['namespace']}/{_name(found)}"
            if taken := claimed & {*(entry.get("paths") or claimed)}:
                yield Problem(
                    str(entry["path"]),
                    shown(entry["host"]),
                    "a host that no other route has",
                    f"{who} has {listed(taken)} of it, and "
                    "the older of two routes gets the requests. Choose another host, or delete that one.",
                )


def _objection(inquiry: Inquiry, namespace: str, listener: Mapping[str, Any], entry: Entry) -> str:
    """Why a listener does not take the route; empty where it does."""
    allowed = listener.get("allowedRoutes") or {}
    kinds = [one["kind"] for one in allowed.get("kinds") or ()]
    if kinds and "HTTPRoute" not in kinds:
        return f"takes {', '.join(kinds)} alone"
    if not kinds and listener["protocol"] not in {"HTTP", "HTTPS"}:
        return f"speaks {listener['protocol']}, not HTTP"
    pattern, host = listener.get("hostname"), entry.get("host")
    if pattern and host and not _fits(pattern, str(host)):
        return f"is for {pattern} alone"
    origin = allowed.get("namespaces") or {}
    match origin.get("from", "Same"):
        case "Same" if namespace != inquiry.namespace:
            return f"takes routes of namespace {namespace} alone (allowedRoutes.namespaces.from: Same)"
        case "None":
            return "takes no routes at all (allowedRoutes.namespaces.from: None)"
        case "Selector" if inquiry.namespace_object is not None and not _selects(
            origin.get("selector") or {}, inquiry.namespace_object["metadata"].get("labels") or {}
        ):
            return f"takes routes of namespaces with certain labels, which {inquiry.namespace} does not have"
    return ""


def _kinds(inquiry: Inquiry) -> Iterator[Kind]:
    for api_version, kind in ((_GATEWAY_API, "HTTPRoute"), ("networking.k8s.io/v1", "Ingress")):
        try:
            yield inquiry.server.kind(api_version, kind)
        except MissingKindError:
            continue


def _of_route(found: Mapping[str, Any], entry: Entry) -> set[str]:
    """Paths that an HTTPRoute at the same Gateway has of the host."""
    spec, gateway = found["spec"], entry.get("gateway")
    if gateway is None or entry["host"] not in (spec.get("hostnames") or ()):
        return set()
    parents = {
        (one.get("namespace") or found["metadata"]["namespace"], one["name"])
        for one in spec.get("parentRefs") or ()
    }
    if (gateway["namespace"], gateway["name"]) not in parents:
        return set()
    rules = spec.get("rules") or ()
    matches: list[Mapping[str, Any]] = [one for rule in rules for one in rule.get("matches") or [{}]]
    return {(one.get("path") or {}).get("value", _PATH) for one in matches}


def _of_ingress(found: Mapping[str, Any], entry: Entry) -> set[str]:
    """Paths that an Ingress of the same class has of the host."""
    spec, gateway = found["spec"], entry.get("gateway")
    of_class = spec.get("ingressClassName") or (found["metadata"].get("annotations") or {}).get(
        _INGRESS_CLASS
    )
    if gateway is not None or of_class != entry.get("ingressClass"):
        return set()
    rules = [rule for rule in spec.get("rules") or () if rule.get("host") == entry["host"]]
    return {path.get("path", _PATH) for rule in rules for path in (rule.get("http") or {}).get("paths", ())}


def _fits(pattern: str, host: str) -> bool:
    """A wildcard stands for one label or more."""
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern


def _selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    if not (selector.get("matchLabels") or {}).items() <= labels.items():
        return False
    return all(_holds(one, labels) for one in selector.get("matchExpressions") or ())


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


def _name(found: Mapping[str, Any]) -> str:
    return str(found["metadata"]["name"])
