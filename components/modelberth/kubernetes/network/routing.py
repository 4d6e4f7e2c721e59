"""How requests come from outside to the revisions: an HTTPRoute at a Gateway, or an Ingress.

Only predictions, descriptions of the model and health go through (`paths.toml`). gRPC is served inside the
cluster alone.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from modelberth.errors import Problem, shown
from modelberth.kubernetes.crds import api_version
from modelberth.kubernetes.encryption import certificate_secret, speaks_tls
from modelberth.kubernetes.network import envoy
from modelberth.kubernetes.pods.engines import honours
from modelberth.kubernetes.pods.ray import service_name
from modelberth.spec.kubernetes import ClusterService, GatewayRoute, IngressRoute
from modelberth.spec.quantities import Duration
from modelberth.spec.rollout import Canary, Shadow

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Manifest, Plan, Revision
    from modelberth.spec import EndpointSpec, KubernetesTarget
    from modelberth.spec.runtime import Engine

__all__ = [
    "TABLE",
    "address",
    "backend_name",
    "health_path",
    "honoured_in_front",
    "problems",
    "routes",
    "shares_paths",
]

TABLE: Final = Path(__file__).with_name("paths.toml")

_PORT: Final = 80
# So that the server's own 504 comes first, which is JSON.
_GRACE_MILLISECONDS: Final = 1000


@dataclass(frozen=True, slots=True)
class _Paths:
    exact: tuple[str, ...]
    prefix: tuple[str, ...]
    health: str | None
    """None: the engine's own."""


def routes(plan: Plan) -> dict[str, Manifest]:
    """Return the route with Envoy Gateway's policies for it; nothing for a Service, which needs none."""
    match plan.target.route:
        case GatewayRoute() as route:
            return {"route": _http_route(plan, route), **envoy.policies(plan, route)}
        case IngressRoute() as route:
            return {"route": _ingress(plan, route)}
    return {}


def address(plan: Plan) -> str:
    """Return the address that callers use: of the host, or of the Service inside the cluster."""
    if isinstance(plan.target.route, ClusterService):
        scheme = "https" if speaks_tls(plan.target) else "http"
        name, port = _backend(plan, plan.main)
        host = f"{name}.{plan.namespace}.svc.cluster.local"
        return f"{scheme}://{host}" if port == _PORT else f"{scheme}://{host}:{port}"
    return f"https://{plan.spec.security.tls.domain}"


def health_path(plan: Plan) -> str:
    """Return the path that answers 200 only while predictions are served: the engine's, or Ray Serve's."""
    return _paths(plan).health or plan.container(plan.main).ready.path


def backend_name(plan: Plan, revision: Revision) -> str:
    """Return the name of the Service that a route leads to for a revision beside which there is another."""
    return service_name(plan, revision) if plan.target.engine == "ray" else plan.revision_name(revision)


def shares_paths(engine: Engine, other: Engine) -> bool:
    """Tell whether requests for two engines' servers begin alike, so that one host cannot lead to both."""
    beginnings = [
        {path.split("/")[1] for path in (*_engines()[one].exact, *_engines()[one].prefix)}
        for one in (engine, other)
    ]
    return not beginnings[0].isdisjoint(beginnings[1])


def honoured_in_front(target: KubernetesTarget) -> frozenset[str]:
    """Return the fields of the spec that the route keeps, whether the engine's server does or not."""
    if not isinstance(target.route, GatewayRoute):
        return frozenset()
    return frozenset({"limits.timeout", "limits.max_body"} if target.route.envoy else {"limits.timeout"})


def problems(spec: EndpointSpec, target: KubernetesTarget) -> Iterator[Problem]:
    """Name what the route cannot do."""
    route, rollout = target.route, spec.rollout
    if not isinstance(route, GatewayRoute):
        hint = "An HTTPRoute weighs and copies requests: set target.route to {kind: gateway, gateway: NAME}."
        if isinstance(rollout, Canary | Shadow) and rollout.previous is not None:
            yield Problem(
                "rollout.strategy",
                shown(rollout.strategy),
                f"rolling, recreate or blue_green with target.route {route.kind}",
                hint,
            )
        if spec.variants:
            given = ", ".join(spec.variants)
            yield Problem("variants", given, f"none with target.route {route.kind}", hint)
    if not isinstance(route, ClusterService) and spec.security.tls.domain is None:
        yield Problem(
            "security.tls.domain",
            "nothing",
            f"a host name with target.route {route.kind}",
            "Without one the endpoint would take the requests of every host that comes in there.",
        )
    if spec.limits.requests_per_second is not None and not (isinstance(route, GatewayRoute) and route.envoy):
        yield Problem(
            "limits.requests_per_second",
            f"{spec.limits.requests_per_second:g}",
            "nothing unless target.route is an Envoy Gateway",
            "Neither a Service nor the Gateway API limits a rate. limits.concurrency is kept everywhere.",
        )


def _http_route(plan: Plan, route: GatewayRoute) -> Manifest:
    parent = {"name": route.gateway, "namespace": route.namespace, "sectionName": route.section}
    return {
        "apiVersion": api_version("HTTPRoute"),
        "kind": "HTTPRoute",
        "metadata": plan.metadata(plan.name),
        "spec": {
            "parentRefs": [{key: value for key, value in parent.items() if value is not None}],
            "hostnames": [plan.spec.security.tls.domain],
            "rules": [*_rules(plan)],
        },
    }


def _rules(plan: Plan) -> Iterator[dict[str, Any]]:
    """The rule of the header first; of two rules with the same path the one with more headers is taken."""
    matches = [*_matches(plan)]
    common = {"timeouts": {"request": _gateway_duration(_timeout(plan))}}
    rollout = plan.spec.rollout
    if isinstance(rollout, Canary) and rollout.previous is not None and rollout.header is not None:
        header = {"type": "Exact", "name": rollout.header.name, "value": rollout.header.value}
        new = next(revision for revision in plan.revisions if not revision.is_previous)
        yield {
            "matches": [{**match, "headers": [header]} for match in matches],
            "backendRefs": [_weighted(plan, new, 1)],
            **common,
        }
    mirrors = [
        {
            "type": "RequestMirror",
            "requestMirror": {"backendRef": _reference(plan, revision), "percent": revision.mirrored},
        }
        for revision in plan.revisions
        if revision.mirrored
    ]
    answering = [one for one in plan.revisions if not one.mirrored]
    yield {
        "matches": matches,
        **({"filters": mirrors} if mirrors else {}),
        "backendRefs": [_weighted(plan, revision, revision.weight) for revision in answering],
        **common,
    }


def _ingress(plan: Plan, route: IngressRoute) -> Manifest:
    host = plan.spec.security.tls.domain
    name, port = _backend(plan, plan.main)
    backend = {"service": {"name": name, "port": {"number": port}}}
    more = {"ingressClassName": route.ingress_class} if route.ingress_class is not None else {}
    metadata = plan.metadata(plan.name, annotations=route.annotations)
    kinds = {"Exact": "Exact", "PathPrefix": "Prefix"}
    paths = [
        {"path": match["path"]["value"], "pathType": kinds[match["path"]["type"]], "backend": backend}
        for match in _matches(plan)
    ]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata,
        "spec": {
            **more,
            "tls": [{"hosts": [host], "secretName": certificate_secret(plan)}],
            "rules": [{"host": host, "http": {"paths": paths}}],
        },
    }


def _matches(plan: Plan) -> Iterator[dict[str, Any]]:
    paths = _paths(plan)
    filled = (
        path.format(name=plan.spec.name, version=revision.model.version)
        for path in paths.exact
        for revision in plan.revisions
    )
    for path in dict.fromkeys(filled):
        yield {"path": {"type": "Exact", "value": path}}
    for path in paths.prefix:
        yield {"path": {"type": "PathPrefix", "value": path}}


def _weighted(plan: Plan, revision: Revision, weight: int) -> dict[str, Any]:
    return {**_reference(plan, revision), "weight": weight}


def _reference(plan: Plan, revision: Revision) -> dict[str, Any]:
    name, port = _backend(plan, revision)
    return {"name": name, "port": port}


def _backend(plan: Plan, revision: Revision) -> tuple[str, int]:
    """Name and port of the Service: the endpoint's, of several revisions a revision's, or KubeRay's."""
    if plan.target.engine == "ray":
        return backend_name(plan, revision), plan.container(revision).ports["http"]
    return backend_name(plan, revision) if plan.is_split else plan.name, _PORT


def _timeout(plan: Plan) -> Duration:
    timeout = plan.spec.limits.timeout
    if not honours(plan.spec, "limits.timeout"):
        return timeout
    return Duration(timeout.milliseconds + _GRACE_MILLISECONDS)


def _gateway_duration(duration: Duration) -> str:
    """A duration as the Gateway API has it (GEP-2257), which knows no days and at most 5 digits."""
    seconds, milliseconds = divmod(duration.milliseconds, 1000)
    text = f"{seconds}s" if seconds else ""
    return text + (f"{milliseconds}ms" if milliseconds or not text else "")


def _paths(plan: Plan) -> _Paths:
    return _ray() if plan.target.engine == "ray" else _engines()[plan.spec.runtime.engine]


@cache
def _engines() -> Mapping[str, _Paths]:
    return {engine: _read(entry) for engine, entry in _table()["engines"].items()}


@cache
def _ray() -> _Paths:
    return _read(_table()["ray"])


def _table() -> dict[str, Any]:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def _read(entry: Mapping[str, Any]) -> _Paths:
    return _Paths(tuple(entry["exact"]), tuple(entry["prefix"]), entry.get("health"))
