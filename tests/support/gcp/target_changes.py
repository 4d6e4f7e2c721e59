"""One change for each field of a target in Google Cloud, and those of the spec that differ there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from support import gcp_cloud_run, gcp_gke, gcp_vertex
from support.clouds.change import Change, Config, inside, merged, one
from support.gcp.spec_changes import WORDS
from support.gcp_blocks import KEY, PLACE
from support.gcp_watched import BILLING, LOGGING

__all__ = ["CLOUD_RUN", "GKE", "VERTEX"]

_MAIL: Final = {"monitoring": {"alerts": {"notify": ["mailto:oncall@example.com"]}}}
_BILLED: Final = {"target": {"billing_account": BILLING}, "budget": {"monthly_usd": 100}}
_LOGS: Final = {"target": {"logging_account": LOGGING}}


def _watched() -> list[tuple[str, Change]]:
    """What every kind has that is billed and logs."""
    other = "012345-6789AB-CDEF02"
    agent = "cmek-p123456789012@gcp-sa-logging.iam.gserviceaccount.com"
    return [
        ("budget", Change(_BILLED)),
        one("budget.monthly_usd", 200, _BILLED),
        one("budget.alert_percent", 50, merged(_BILLED, _MAIL)),
        one("target.billing_account", other, _BILLED),
        ("target.logging_account", Change(_LOGS)),
        one("target.logging_account", agent, _LOGS),
    ]


def _generations() -> list[tuple[str, Change]]:
    """A model in Cloud Storage by its generation, as that of the Hub is by its commit."""
    old, new = {"revision": "1700000000000000"}, "1700000000000001"
    canary = merged(WORDS.canary, {"rollout": {"previous": old}})
    others = {
        "scaling": {"max": 2},
        "variants": {"cheap": {"model": {**WORDS.previous, **old}, "weight": 30}},
    }
    moved = {"variants": {"cheap": {"model": {"revision": new}}}}
    return [
        one("model.revision", new, {"model": old}),
        one("rollout.previous.revision", new, canary),
        ("variants.*.model.revision", Change(moved, others)),
    ]


_MIRRORS: Final = {"s3://models": "gs://models-eu"}
_ELSEWHERE: Final = {"model": {"uri": "s3://models/iris/3.onnx"}, "target": {"model_mirrors": _MIRRORS}}
_VPC: Final = {"target": gcp_cloud_run.VPC}
_BALANCED: Final = {
    "target": gcp_cloud_run.BALANCED,
    "security": {"tls": {"domain": "iris.example.com"}},
}
_CAPTURED: Final = {
    "target": {"capture": "gs://samples/iris", "billing": "instances"},
    "monitoring": {"capture": {"percent": 5.0}},
}
_HASHED: Final = merged(
    _CAPTURED,
    {
        "target": {"capture_hash_key": "projects/shop-prod/secrets/iris-hash"},
        "monitoring": {"capture": {"hash_fields": ["customer"]}},
    },
)

_PUBLIC: Final = {"security": {"network": {"public": True}}}

CLOUD_RUN: Final[Mapping[str, Change]] = dict(
    [
        *_watched(),
        *_generations()[:2],
        one("security.auth.kind", "none", _PUBLIC),
        one("target.model_mirrors", {"s3://models": "gs://models-us"}, _ELSEWHERE),
        one("target.image", gcp_cloud_run.OTHER_IMAGE),
        one("target.previous_revision", "shop-dev-iris-4e5f6a7b", WORDS.canary),
        one("target.restart", 1),
        one("target.model_access", "mount"),
        one("target.billing", "instances"),
        ("target.ingress", Change(_BALANCED)),
        one("target.vpc", gcp_cloud_run.VPC["vpc"]),
        one("target.vpc.network", "other", _VPC),
        one("target.vpc.subnetwork", "other-europe-west4", _VPC),
        one("target.vpc.tags", ["servers"], _VPC),
        one("target.vpc.egress", "private", _VPC),
        one("target.zonal_redundancy", True, WORDS.gpu),
        one("target.binary_authorization", "none"),
        one("target.capture", "gs://samples/rose", _CAPTURED),
        one("target.capture_hash_key", "projects/shop-prod/secrets/other", _HASHED),
        ("monitoring.capture", Change(_CAPTURED)),
        one("monitoring.capture.percent", 10.0, _CAPTURED),
        one("monitoring.capture.drop_fields", ["name"], _CAPTURED),
        ("monitoring.capture.hash_fields", Change(_HASHED, _CAPTURED)),
        one("security.tls.domain", "rose.example.com", _BALANCED),
        one("resources.cpu", 4),
        one("resources.memory", "8Gi"),
        one("resources.gpu", {"kind": "l4"}, merged(WORDS.gpu, {"resources": {"gpu": None}})),
        one("resources.gpu.kind", "rtx-pro-6000", WORDS.gpu),
    ]
)


_PRIVATE: Final = {"access": {"kind": "private_service_connect", "projects": ["shop-prod"]}}
_SAMPLED: Final = {
    "target": {"capture": "bq://shop-prod.samples.iris"},
    "monitoring": {"capture": {"percent": 5.0}},
}
_IN_IMAGE: Final = {
    "model": {**gcp_vertex.IN_IMAGE, "version": "3"},
    "rollout": {"strategy": "canary", "previous": {"uri": "models/old.onnx", "sha256": "b" * 64}},
    "target": {"previous_image": gcp_vertex.OTHER_IMAGE},
}

_BY_CPU: Final = {"scaling": {"min": 2, "max": 20, "metric": "cpu", "target": 60}}
_BY_GPU: Final = merged(gcp_vertex.GPU, {"scaling": {"min": 2, "max": 20, "metric": "cpu"}})

VERTEX: Final[Mapping[str, Change]] = dict(
    [
        *_watched(),
        *_generations(),
        one("scaling.min", 3, _BY_CPU),
        one("scaling.max", 30, _BY_CPU),
        one("scaling.target", 70, _BY_CPU),
        one("scaling.metric", "gpu", _BY_GPU),
        one("limits.concurrency", 128),
        one("target.model_mirrors", {"s3://models": "gs://models-us"}, _ELSEWHERE),
        one("target.machine_type", "n2-standard-8"),
        one("target.image", gcp_vertex.OTHER_IMAGE),
        one("target.previous_image", WORDS.other_image, _IN_IMAGE),
        ("target.access", Change({"target": {"access": {"kind": "shared"}}}, _PUBLIC)),
        one("target.access.projects", ["shop-prod", "shop-web"], {"target": _PRIVATE}),
        one("target.capture", "bq://shop-prod.samples.rose", _SAMPLED),
        ("monitoring.capture", Change(_SAMPLED)),
        one("monitoring.capture.percent", 10.0, _SAMPLED),
        one("resources.memory", "32Gi"),
        one("resources.gpu", {"kind": "l4"}, merged(gcp_vertex.GPU, {"resources": {"gpu": None}})),
        one("resources.gpu.kind", "a100-40gb", gcp_vertex.GPU),
        one("resources.gpu.count", 4, gcp_vertex.GPU),
    ]
)

_NEW: Final = {"target": {"cluster": {**gcp_gke.NEW, "name": None}}}
_STANDARD: Final = {"target": {"cluster": {**gcp_gke.STANDARD, "name": None}}}
_OTHER_NODES: Final = f"gpu-nodes@{PLACE.project}.iam.gserviceaccount.com"


_QUEUED: Final = {"scaling": {"min": 1, "max": 4, "metric": "queue_depth", "target": 8}}
_IN_TURNS: Final = {"kind": "time_sharing", "pods": 4}
_CUT: Final = {"kind": "mig", "partition": "1g.10gb"}


def _gpus(pool: Config) -> Config:
    return {**gcp_gke.GPU, "target": {**gcp_gke.WATCHED, "gpu_pool": pool}}


_SHARED: Final = merged(_gpus({**gcp_gke.POOL, "max": 4, "sharing": _IN_TURNS}), _QUEUED)
_PARTITIONED: Final = merged(
    _gpus({**gcp_gke.POOL, "max": 4, "sharing": _CUT}),
    {**_QUEUED, "resources": {"gpu": {"kind": "a100-80gb"}}},
)

GKE: Final[Mapping[str, Change]] = dict(
    [
        (
            "target.gpu_pool.sharing",
            Change({"target": {"gpu_pool": {"sharing": _IN_TURNS}}}, _gpus(gcp_gke.POOL)),
        ),
        one("target.gpu_pool.sharing.pods", 8, _SHARED),
        one("target.gpu_pool.sharing.partition", "2g.20gb", _PARTITIONED),
        *inside("cluster", _NEW, network="other", subnetwork="other-europe-west4"),
        *inside("cluster", _NEW, pod_range="pods", service_range="services"),
        one("target.model_mirrors", {"s3://models": "gs://models-us"}, _ELSEWHERE),
        *inside("cluster", _NEW, channel="STABLE", public_access=["198.51.100.0/24"]),
        *inside("cluster", _NEW, maintenance="22:30", deletion_protection=False),
        ("target.cluster.capacity", Change({"target": {"cluster": gcp_gke.STANDARD}}, _NEW)),
        *inside("cluster.capacity", _STANDARD, machine_type="e2-standard-8", min=2, max=6, disk="200Gi"),
        *inside("cluster.capacity", _STANDARD, zones=["europe-west4-a", "europe-west4-b"]),
        one("target.gpu_pool", gcp_gke.POOL, {**gcp_gke.GPU, "target": gcp_gke.WATCHED}),
        *inside("gpu_pool", _gpus(gcp_gke.POOL), machine_type="g2-standard-8", min=1, max=4, spot=True),
        *inside("gpu_pool", _gpus(gcp_gke.POOL), zones=["europe-west4-b"], driver="latest", disk="200Gi"),
        one("target.gpu_pool.service_account", _OTHER_NODES, _gpus(gcp_gke.POOL)),
        one("target.gpu_pool.machine_types", ["g2-standard-8"], _gpus(gcp_gke.CLASS)),
        one("security.key", KEY, _NEW),
    ]
)
