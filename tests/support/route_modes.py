"""Endpoints that between them take every way from callers to the pods, and out of them."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from modelberth.kubernetes.authentication import credentials
from modelberth.kubernetes.encryption import certificates
from modelberth.kubernetes.network.policies import network_policies
from modelberth.kubernetes.network.routing import routes
from modelberth.kubernetes.plan import Manifest, Plan
from support.endpoint_plans import PREVIOUS, canary, plan
from support.workload_modes import of_engine

ROOMS: Final[tuple[Callable[[Plan], dict[str, Manifest]], ...]] = (
    network_policies,
    routes,
    credentials,
    certificates,
)
DOMAIN: Final = {"tls": {"domain": "iris.example.com"}}
GATEWAY: Final = {"kind": "gateway", "gateway": "public", "namespace": "gateways", "section": "https"}
ENVOY: Final = {**GATEWAY, "envoy": True}
INGRESS: Final = {"kind": "ingress", "ingress_class": "nginx"}
ISSUER: Final = {"issuer": "internal"}
STORE: Final = {"external_secrets": {"store": "vault"}}
JWT: Final = {"kind": "jwt", "issuer": "https://login.example.com", "audience": "iris"}
API_KEY: Final = {"kind": "api_key", "secret": "team/iris-key", "header": "x-team-key"}
SHADOW: Final = {
    "model": {"version": "4", "uri": "s3://models/iris/4.onnx", "sha256": "d" * 64},
    "weight": 20,
    "shadow": True,
}
SMALL: Final = {"model": {**SHADOW["model"], "version": "small"}, "weight": 30}


def routed(route: Mapping[str, Any], target: Mapping[str, Any] | None = None, **spec: Any) -> Plan:
    """The plan of an endpoint with a host of its own, reached by a route."""
    spec = {**spec, "security": {**DOMAIN, **spec.get("security", {})}}
    return plan({"route": {**route}, **(target or {})}, **spec)


def modes() -> Mapping[str, Plan]:
    """Each plan by its name; none has a problem."""
    header = {"name": "x-canary", "value": "always"}
    certificate = {"tls": {**DOMAIN["tls"], "certificate": "iris-certificate"}}
    jwks = "https://login.example.com/keys"
    return {
        "service": plan(),
        "service, closed": plan(
            {"delivery": {"kind": "image"}, "route": {"kind": "service", "callers": ["shop", "10.1.0.0/16"]}},
            security={"network": {"egress": []}},
        ),
        "service, TLS": plan({"route": {"kind": "service", "tls": True}, "certificates": ISSUER}),
        "service, mTLS": plan(
            {"route": {"kind": "service", "tls": True, "client_ca": "callers-ca"}},
            security={"tls": {**certificate["tls"], "min_version": "1.3"}},
        ),
        "service, secrets from a store": plan(
            {"route": {"kind": "service", "tls": True}, **STORE},
            security={"auth": API_KEY, **certificate},
        ),
        "service, blue-green": plan(
            {"route": {"kind": "service", "tls": True}, "certificates": ISSUER},
            rollout={"strategy": "blue_green", "previous": PREVIOUS, "active": "previous"},
        ),
        "gateway": routed(GATEWAY),
        "gateway, canary": routed(GATEWAY, rollout=canary(1, header=header)),
        "gateway, rolled back": routed(GATEWAY, rollout=canary(0)),
        "gateway, shadow": routed(
            GATEWAY, rollout={"strategy": "shadow", "previous": PREVIOUS, "percent": 25}
        ),
        "gateway, variants": routed(GATEWAY, variants={"small": SMALL, "next": SHADOW}),
        "gateway, blue-green": routed(GATEWAY, rollout={"strategy": "blue_green", "previous": PREVIOUS}),
        "envoy": routed(
            {**ENVOY, "jwks": jwks},
            security={"auth": JWT},
            limits={"requests_per_second": 0.5, "timeout": "1h"},
        ),
        "envoy, tensorflow-serving": of_engine(
            "tensorflow-serving",
            target={"route": ENVOY, **STORE, "prometheus": {"namespace": "monitoring"}},
            security={**DOMAIN, "auth": API_KEY},
            limits={"requests_per_second": 100, "max_body": "10Mi"},
        ),
        "envoy, vllm": of_engine(
            "vllm",
            target={"route": {**ENVOY, "jwks": jwks}, "prometheus": {"namespace": "monitoring"}},
            security={**DOMAIN, "auth": JWT},
        ),
        "envoy, triton": of_engine(
            "triton", target={"route": ENVOY}, security={**DOMAIN, "auth": {"kind": "none"}}
        ),
        "ingress": routed(INGRESS, {"certificates": {"issuer": "acme", "kind": "Issuer"}}),
        "ingress, public": routed(
            {**INGRESS, "annotations": {"nginx.ingress.kubernetes.io/proxy-body-size": "2m"}},
            security={"network": {"public": True}, **certificate},
        ),
        "kserve": routed(GATEWAY, {"engine": "kserve"}),
        "ray": of_engine(
            "vllm", target={"engine": "ray", "route": GATEWAY}, security={**DOMAIN, "auth": {"kind": "none"}}
        ),
        "everything out": plan(
            {
                "otlp": "http://collector.monitoring:4318",
                "capture": {"uri": "gs://captured/iris"},
                "service_account_annotations": {"iam.gke.io/gcp-service-account": "iris@models.iam"},
                "prometheus": {"namespace": "monitoring"},
            },
            model={"uri": "gs://models/iris.onnx", "sha256": "a" * 64},
            security={"auth": JWT, "network": {"egress": ["0.0.0.0/0", "features.store.svc", "fd00::/8"]}},
            monitoring={"tracing": {}, "capture": {}},
        ),
    }


def manifests(made: Plan) -> dict[str, Manifest]:
    """Every object of these rooms by its role, none of which two of them have."""
    found = [room(made) for room in ROOMS]
    joined = {role: manifest for one in found for role, manifest in one.items()}
    assert len(joined) == sum(len(one) for one in found)
    return joined
