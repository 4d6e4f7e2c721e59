"""One change for each field of what pods are made of, in a cluster of Google Kubernetes Engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from support import gcp_cloud_run, gcp_gke
from support.clouds.change import Change, Config, at, merged, one

__all__ = ["PODS"]


def _inside(path: str, before: Config, **fields: object) -> list[tuple[str, Change]]:
    return [one(f"{path}.{name}", value, before) for name, value in fields.items()]


_OWN: Final = {
    "runtime": {"engine": "custom", "image": gcp_cloud_run.OTHER_IMAGE},
    "model": {"format": "custom"},
}
_GPU: Final = {**gcp_gke.GPU, "target": gcp_gke.WATCHED}
_PREVIOUS: Final = {"uri": "gs://models/iris/2.onnx", "sha256": "b" * 64, "version": "2"}
_GATEWAY: Final = {
    "target": {"route": {"kind": "gateway", "gateway": "public"}},
    "security": {"tls": {"domain": "iris.example.com"}},
}
_ENVOY: Final = merged(_GATEWAY, {"target": {"route": {"envoy": True}}})
_INGRESS: Final = {
    "target": {"route": {"kind": "ingress", "ingress_class": "nginx"}},
    "security": {"tls": {"domain": "iris.example.com", "certificate": "iris-tls"}},
}
_CANARY: Final = merged(_GATEWAY, {"rollout": {"strategy": "canary", "previous": _PREVIOUS, "step": 1}})
_SHADOW: Final = merged(_GATEWAY, {"rollout": {"strategy": "shadow", "previous": _PREVIOUS}})
_BLUE: Final = {"rollout": {"strategy": "blue_green", "previous": _PREVIOUS}}
_OTHERS: Final = merged(_GATEWAY, {"variants": {"cheap": {"model": _PREVIOUS, "weight": 30}}})
_TOKENS: Final = {
    "security": {"auth": {"kind": "jwt", "issuer": "https://login.example.com", "audience": "iris"}}
}
_KEYS: Final = {"security": {"auth": {"kind": "api_key"}}}
_SERVED: Final = {
    "target": {"route": {"kind": "service", "tls": True}, "certificates": {"issuer": "internal"}},
}
_KEDA: Final = {
    "target": {"scaler": {"kind": "keda", "prometheus": "http://prometheus.monitoring:9090"}},
    "scaling": {"min": 1, "max": 4},
}
_TO_ZERO: Final = merged(_KEDA, {"scaling": {"min": 0}, "target": {"scaler": {"waking": "waiting > 0"}}})
_CPU: Final = {"scaling": {"min": 2, "max": 6, "metric": "cpu", "target": 60}}
_DOWNLOAD: Final = {"target": {"delivery": {"kind": "download"}}}
_CACHE: Final = {"target": {"delivery": {"kind": "cache"}}}
_SAMPLED: Final = {
    "target": {"capture": {"uri": "gs://samples/iris"}},
    "monitoring": {"capture": {"percent": 5.0}},
}
_HASHED: Final = merged(
    _SAMPLED,
    {
        "target": {"capture": {"hash_key": "iris-hash"}},
        "monitoring": {"capture": {"hash_fields": ["customer"]}},
    },
)
_OLD: Final = {"revision": "1700000000000000"}
_NEW: Final = {"revision": "1700000000000001"}
_HEADER: Final = merged(_CANARY, {"rollout": {"header": {"name": "x-new", "value": "yes"}}})
_GUARD: Final = {"rollout": {"guard": {"max_error_percent": 1, "max_latency_p99": "400ms"}}}
_FORMS: Final = merged(_OWN, {"variants": {"cheap": {"model": {"format": "custom"}}}})
_DRIFT: Final = merged(_SAMPLED, {"monitoring": {"drift": {"reference": gcp_gke.MODEL["uri"]}}})
_TRACED: Final = {"target": {"otlp": "http://collector.monitoring:4318"}, "monitoring": {"tracing": {}}}
_OPERATOR: Final = {"target": {"prometheus": {"operator": True}}}
_PROMISED: Final = {"monitoring": {"slo": {"availability": 99.5, "latency_p99": "300ms"}}}
_REFERRED: Final = merged(_KEYS, {"security": {"auth": {"secret": "iris-keys"}}})
_SECRETS: Final = {"target": {"external_secrets": {"store": "vault"}}, **_REFERRED}

PODS: Final[Mapping[str, Change]] = dict(
    [
        *_inside("runtime", _OWN, image=gcp_cloud_run.IMAGE, args=["--quiet"]),
        ("runtime.engine", Change(_OWN)),
        one("resources.gpu", {"kind": "l4"}, merged(_GPU, {"resources": {"gpu": None}})),
        *_inside("resources.gpu", _GPU, kind="t4", count=2),
        *_inside("scaling", _CPU, min=3, max=8, target=70, metric="concurrency", cooldown="10m"),
        one("scaling.idle_to_zero_after", "30m", _TO_ZERO),
        *_inside("rollout", {"rollout": {"strategy": "rolling"}}, max_surge="50%", max_unavailable=1),
        ("rollout.strategy", Change(_BLUE)),
        (
            "rollout.previous",
            Change(
                {"rollout": {"previous": _PREVIOUS}}, merged(_GATEWAY, {"rollout": {"strategy": "canary"}})
            ),
        ),
        *_inside("rollout", _CANARY, step=2, steps=[{"percent": 20}, {"percent": 60}]),
        (
            "rollout.previous.revision",
            Change({"rollout": {"previous": _NEW}}, merged(_CANARY, {"rollout": {"previous": _OLD}})),
        ),
        one(
            "rollout.previous.format",
            "onnx",
            merged(merged(_OWN, _CANARY), {"rollout": {"previous": {"format": "custom"}}}),
        ),
        *_inside("rollout.guard", merged(_CANARY, _GUARD), max_error_percent=2, max_latency_p99="500ms"),
        *_inside("rollout.previous", _CANARY, uri="gs://models/iris/1.onnx", sha256="d" * 64, version="1"),
        *_inside("rollout", _SHADOW, percent=50, promoted=True),
        one("rollout.active", "previous", _BLUE),
        one("rollout.header", {"name": "x-new", "value": "yes"}, _CANARY),
        *_inside("rollout.header", _HEADER, name="x-beta", value="on"),
        ("variants", Change({"variants": _OTHERS["variants"]}, _GATEWAY)),
        *(
            (f"variants.*.{path}", Change({"variants": {"cheap": at(path, value)}}, _OTHERS))
            for path, value in (
                ("model.uri", "gs://models/iris/1.onnx"),
                ("model.sha256", "d" * 64),
                ("model.version", "1"),
                ("weight", 40),
                ("shadow", True),
            )
        ),
        (
            "variants.*.model.revision",
            Change(
                {"variants": {"cheap": {"model": _NEW}}},
                merged(_OTHERS, {"variants": {"cheap": {"model": _OLD}}}),
            ),
        ),
        (
            "variants.*.model.format",
            Change({"variants": {"cheap": {"model": {"format": "onnx"}}}}, merged(_OTHERS, _FORMS)),
        ),
        one("security.network.egress", ["10.0.0.0/8"]),
        one("security.network.public", True, _INGRESS),
        one("monitoring.alerts.notify", ["mailto:oncall@example.com"], _OPERATOR),
        ("security.auth.kind", Change(_TOKENS)),
        *_inside("security.auth", _KEYS, header="x-caller", secret="iris-keys"),
        *_inside("security.auth", _TOKENS, issuer="https://sign-in.example.com", audience="rose"),
        one("security.tls.min_version", "1.3", _SERVED),
        one("security.tls.domain", "rose.example.com", _GATEWAY),
        one("security.tls.certificate", "rose-tls", _INGRESS),
        one("limits.requests_per_second", 50, _ENVOY),
        one("monitoring.metrics", False),
        ("monitoring.tracing", Change(_TRACED)),
        one("monitoring.tracing.percent", 50, _TRACED),
        ("monitoring.capture", Change(_SAMPLED)),
        *_inside("monitoring.capture", _SAMPLED, percent=10.0, drop_fields=["name"]),
        ("monitoring.capture.hash_fields", Change(_HASHED, _SAMPLED)),
        ("monitoring.drift", Change(_DRIFT, _SAMPLED)),
        one("monitoring.drift.reference", "gs://models/iris/train.parquet", _DRIFT),
        *_inside("monitoring.drift", _DRIFT, every="2h", threshold_percent=50),
        *_inside("monitoring.slo", _PROMISED, availability=99.9, latency_p99="200ms", window_days=7),
        *_inside("target", {}, namespace="models", create_namespace=True, engine="kserve"),
        *_inside(
            "target", {}, image=gcp_cloud_run.OTHER_IMAGE, priority_class="high", placement_timeout="20m"
        ),
        *_inside("target", {}, node_selector={"pool": "models"}, spread_over=["kubernetes.io/hostname"]),
        *_inside("target", {}, drain_delay_seconds=10, key_rotation="second"),
        *_inside("target", {}, service_account_annotations={"example.com/team": "plants"}),
        *_inside("target", {}, secret_provider_classes=["vault"]),
        one("target.runtime_class", "nvidia", _GPU),
        one("target.previous_image", gcp_cloud_run.OTHER_IMAGE, _BLUE),
        *_inside(
            "target.registry",
            {},
            pull_secret="registry",
            mirrors={"europe-west4-docker.pkg.dev": "mirror.example.com"},
        ),
        ("target.delivery", Change(_CACHE)),
        ("target.delivery.kind", Change(_CACHE, _DOWNLOAD)),
        *_inside("target.delivery", _DOWNLOAD, size="20Gi", credentials="store"),
        *_inside(
            "target.delivery",
            merged(_DOWNLOAD, {"model": {"uri": "s3://models/iris/3.onnx"}}),
            endpoint="https://s3.example.com",
            region="eu-central-1",
        ),
        one(
            "target.delivery.private_hosts",
            ["10.0.0.0/8"],
            merged(_DOWNLOAD, {"model": {"uri": "https://models.example.com/iris.onnx"}}),
        ),
        *_inside("target.delivery", _CACHE, claim="models", storage_class="files"),
        ("target.gpu.kind", Change({"target": {"gpu": {"kind": "time_sliced"}}}, _GPU)),
        one(
            "target.gpu.profile",
            "3g.40gb",
            merged(
                _GPU,
                {
                    "resources": {"gpu": {"kind": "a100-80gb"}},
                    "target": {"gpu": {"kind": "mig", "profile": "1g.10gb"}},
                },
            ),
        ),
        one(
            "target.gpu.device_class",
            "mig.nvidia.com",
            merged(_GPU, {"target": {"gpu": {"kind": "device_claim"}}}),
        ),
        ("target.scaler.kind", Change(_KEDA, {"scaling": {"min": 1, "max": 4}})),
        *_inside(
            "target.scaler", _KEDA, prometheus="http://thanos.monitoring:9090", authentication="prometheus"
        ),
        one("target.scaler.waking", "waiting > 1", _TO_ZERO),
        ("target.route.kind", Change(_GATEWAY)),
        ("target.route.tls", Change(_SERVED, {"target": {"route": {"kind": "service"}}})),
        *_inside("target.route", _SERVED, client_ca="callers"),
        one("target.route.callers", ["shop"], {"target": {"route": {"kind": "service"}}}),
        *_inside(
            "target.route", _GATEWAY, gateway="other", namespace="gateways", section="https", envoy=True
        ),
        one("target.route.proxies", ["proxies"], _GATEWAY),
        one("target.route.jwks", "https://login.example.com/keys", merged(_ENVOY, _TOKENS)),
        *_inside("target.route", _INGRESS, ingress_class="traefik", annotations={"example.com/size": "8m"}),
        (
            "target.certificates",
            Change(
                {
                    "target": {"certificates": {"issuer": "internal"}},
                    "security": {"tls": {"certificate": None}},
                },
                _INGRESS,
            ),
        ),
        *_inside("target.certificates", _SERVED, issuer="other", kind="Issuer"),
        ("target.external_secrets", Change(_SECRETS, _REFERRED)),
        *_inside("target.external_secrets", _SECRETS, store="other", kind="SecretStore"),
        one("target.prometheus.operator", True),
        one("target.prometheus.labels", {"release": "kube"}, _OPERATOR),
        *_inside("target.prometheus", {}, namespace="monitoring", grafana=False),
        one("target.otlp", "http://other.monitoring:4318", _TRACED),
        ("target.capture", Change(_SAMPLED)),
        one("target.capture.uri", "gs://samples/rose", _SAMPLED),
        one("target.capture.hash_key", "rose-hash", _HASHED),
    ]
)
