"""Whole endpoints in a cluster, each with all rooms: between them every mode of a KubernetesEndpoint."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from modelberth.spec import EndpointDeployment, KubernetesTarget, parse
from support.delivery_modes import ARTIFACT, IN_CLAIM, PIN, STORE
from support.endpoint_plans import IMAGE, PREVIOUS, PREVIOUS_IMAGE, REMOTE, canary
from support.engine_modes import ANEW, OLDER, QUARTERS, RAY_IMAGE, WEIGHTS
from support.gpu_plans import KEDA
from support.route_modes import API_KEY, ENVOY, INGRESS, ISSUER, JWT, SHADOW, SMALL
from support.workload_modes import FORMATS, GPU

__all__ = ["CHANGES", "MODES", "Mode"]

_HOST: Final = "iris.example.com"
_GATEWAY: Final = {"kind": "gateway", "gateway": "public", "namespace": "gateways"}
_OPERATOR: Final = {"operator": True, "namespace": "monitoring"}
_ALERTS: Final = {"slo": {"availability": 99.5}, "alerts": {"notify": ["mailto:oncall@example.com"]}}
_MONITORING: Final = {"prometheus": {"namespace": "monitoring"}}


@dataclass(frozen=True)
class Mode:
    """A config, and how many objects of the cluster come of it; a generated key is one more."""

    config: Mapping[str, Any]
    objects: int

    @property
    def deployment(self) -> EndpointDeployment:
        """The config, read."""
        return parse(EndpointDeployment, self.config)

    @property
    def target(self) -> KubernetesTarget:
        """Its target."""
        target = self.deployment.target
        assert isinstance(target, KubernetesTarget)
        return target


def _mode(objects: int, target: Mapping[str, Any] | None = None, **spec: Any) -> Mode:
    config = {"name": "iris", "model": REMOTE, **spec}
    return Mode({**config, "target": {"kind": "kubernetes", "image": IMAGE, **(target or {})}}, objects)


def _routed(objects: int, target: Mapping[str, Any] | None = None, **spec: Any) -> Mode:
    security = {"tls": {"domain": _HOST}, **spec.pop("security", {})}
    return _mode(objects, {"route": _GATEWAY, **(target or {})}, security=security, **spec)


def _engine(objects: int, name: str, target: Mapping[str, Any] | None = None, **spec: Any) -> Mode:
    """An engine whose server asks nobody who he is, so an Envoy Gateway does."""
    route = {"route": {**ENVOY, "jwks": "https://login.example.com/keys"}, **_MONITORING, **(target or {})}
    security = {"tls": {"domain": _HOST}, "auth": JWT}
    model = {**REMOTE, "uri": "s3://models/iris", "format": FORMATS[name]}
    runtime = {"engine": name, "image": IMAGE}
    return _mode(objects, route, **{"model": model, "runtime": runtime, "security": security, **spec})


def _gpu(objects: int, access: Mapping[str, Any], kind: str = "h100") -> Mode:
    resources = {"gpu": {"kind": kind}, "memory": "8Gi"}
    return _engine(objects, "triton", {"gpu": access}, model=REMOTE, resources=resources)


def _ray(objects: int, target: Mapping[str, Any] | None = None, **spec: Any) -> Mode:
    runtime = {"engine": "vllm", "image": RAY_IMAGE}
    more = {"runtime": runtime, "model": WEIGHTS, "resources": GPU, "rollout": ANEW, **spec}
    return _engine(objects, "vllm", {"engine": "ray", **(target or {})}, **more)


# Deployment, Service, ServiceAccount, NetworkPolicy, PodDisruptionBudget, dashboard, ConfigMap of rules: 7.
MODES: Final[Mapping[str, Mode]] = {
    "service": _mode(7),
    "namespace": _mode(8, {"create_namespace": True}),
    "identity of one's own": _mode(6, security={"identity": "iris"}),
    "no metrics": _mode(6, monitoring={"metrics": False}),
    "operator": _mode(9, {"prometheus": _OPERATOR}, monitoring=_ALERTS),
    "no dashboard": _mode(6, {"prometheus": {"grafana": False}}),
    "pull secret and mirror": _mode(
        7, {"registry": {"pull_secret": "pull", "mirrors": {"registry.example.com": "mirror.internal:5000"}}}
    ),
    # Who may call, and by what way.
    "no authentication": _mode(7, security={"auth": {"kind": "none"}}),
    "api key": _mode(7, security={"auth": {"kind": "api_key"}}),
    "api keys of one's own": _mode(7, security={"auth": {"kind": "api_key", "secret": "iris-keys"}}),
    "tokens": _mode(7, security={"auth": JWT}),
    "TLS": _mode(8, {"route": {"kind": "service", "tls": True}, "certificates": ISSUER}),
    "mutual TLS": _mode(
        7,
        {"route": {"kind": "service", "tls": True, "client_ca": "callers-ca"}},
        security={"tls": {"domain": _HOST, "certificate": "iris-certificate"}},
    ),
    "secrets from a store": _mode(
        9,
        {"route": {"kind": "service", "tls": True}, "external_secrets": {"store": "vault"}},
        security={"auth": API_KEY, "tls": {"domain": _HOST, "certificate": "iris-certificate"}},
    ),
    "secrets of the CSI driver": _mode(
        7,
        {"route": {"kind": "service", "tls": True}, "secret_provider_classes": ["vault", "team.keys"]},
        security={
            "auth": {"kind": "api_key", "secret": "iris-keys"},
            "tls": {"domain": _HOST, "certificate": "iris-certificate"},
        },
    ),
    "gateway": _routed(8),
    "envoy": _routed(
        10,
        {"route": {**ENVOY, "jwks": "https://login.example.com/keys"}},
        security={"auth": JWT, "tls": {"domain": _HOST}},
        limits={"requests_per_second": 50},
    ),
    "ingress": _routed(9, {"route": INGRESS, "certificates": ISSUER}),
    # Rollouts: two of Deployment, Service and PodDisruptionBudget, and the Service of the endpoint.
    "recreate": _mode(7, rollout={"strategy": "recreate"}),
    "canary": _routed(12, rollout=canary(1)),
    "canary, back": _routed(12, rollout=canary(0)),
    "canary, whole": _routed(12, rollout=canary(3)),
    "canary of two images": _routed(
        12,
        {"delivery": {"kind": "image"}, "previous_image": PREVIOUS_IMAGE},
        rollout=canary(2),
    ),
    "blue-green": _mode(11, rollout={"strategy": "blue_green", "previous": PREVIOUS, "active": "previous"}),
    "shadow": _routed(12, rollout={"strategy": "shadow", "previous": PREVIOUS}),
    "variants": _routed(14, variants={"small": SMALL, "next": SHADOW}),
    # Ways of the model.
    "in the image": _mode(7, {"delivery": {"kind": "image"}}),
    "download": _mode(7, {"delivery": {"kind": "download", **STORE}}),
    "cache": _mode(8, {"delivery": {"kind": "cache", "storage_class": "nfs"}}, scaling={"min": 2, "max": 2}),
    "cache in a claim": _mode(7, {"delivery": {"kind": "cache", "claim": "shared"}}),
    "image volume": _mode(7, model={"uri": ARTIFACT, "sha256": PIN}),
    "claim": _mode(7, model=IN_CLAIM),
    # Replicas.
    "HPA by processor time": _mode(8, scaling={"min": 1, "max": 4, "metric": "cpu"}),
    "HPA by requests": _mode(8, scaling={"min": 1, "max": 4}),
    "KEDA": _mode(8, {"scaler": {**KEDA, "authentication": "prometheus"}}, scaling={"min": 1, "max": 4}),
    "KEDA to zero": _mode(
        8, {"scaler": {**KEDA, "waking": "sum(rate(waiting[1m]))"}}, scaling={"min": 0, "max": 4}
    ),
    "canary, autoscaled": _routed(14, rollout=canary(1), scaling={"min": 2, "max": 4}),
    # GPUs and engines: a route with Envoy Gateway's two policies.
    "GPU": _gpu(10, {"kind": "device_plugin"}),
    "GPU in turns": _gpu(10, {"kind": "time_sliced"}),
    "slice of a GPU": _gpu(10, {"kind": "mig", "profile": "1g.10gb"}),
    "GPU by claim": _gpu(11, {"kind": "device_claim"}),
    "tensorflow-serving": _engine(11, "tensorflow-serving"),
    "vllm": _engine(10, "vllm", resources=GPU),
    "custom": _mode(7, model={**REMOTE, "format": "custom"}, runtime={"engine": "custom", "image": IMAGE}),
    "KServe": _mode(7, {"engine": "kserve"}),
    "KServe, secrets of the CSI driver": _mode(7, {"engine": "kserve", "secret_provider_classes": ["vault"]}),
    "KServe, autoscaled": _mode(8, {"engine": "kserve"}, scaling={"min": 1, "max": 4}),
    "KServe, canary": _routed(12, {"engine": "kserve"}, rollout=canary(1)),
    "KServe, vllm": _engine(10, "vllm", {"engine": "kserve"}, model=WEIGHTS, resources=GPU, rollout=QUARTERS),
    "Ray": _ray(8),
    "Ray, secrets of the CSI driver": _ray(8, {"secret_provider_classes": ["vault"]}),
    "Ray, canary": _ray(13, rollout=canary(1, previous=OLDER), scaling={"min": 3, "max": 3}),
}

# Single fields by which a rollout goes on, is promoted or taken back.
CHANGES: Final = ("canary, back", "canary", "canary, whole")
