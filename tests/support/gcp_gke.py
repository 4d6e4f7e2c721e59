"""Endpoints in Google Kubernetes Engine as the tests of every room make them: every mode there is."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from pulumi.runtime import mocks
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.rpc import deserialize_properties

from modelberth.endpoint import ModelEndpoint, ModelEndpointArgs
from modelberth.spec import EndpointSpec, GkeTarget
from support.gcp_blocks import KEY, PLACE, GcpRecorder
from support.recording import RecordingMonitor, Registered, run

__all__ = [
    "ADDRESS",
    "CLASS",
    "DNS_NAME",
    "EXISTING",
    "GPU",
    "IMAGE",
    "MODES",
    "NEW",
    "POOL",
    "STANDARD",
    "WATCHED",
    "GkeMonitor",
    "GkeRecorder",
    "config",
    "made",
    "of",
    "read",
    "registered",
]

IMAGE: Final = f"europe-west4-docker.pkg.dev/shop-prod/models/server@sha256:{'1' * 64}"
OTHER_IMAGE: Final = f"us-docker.pkg.dev/shop-build/tools/triton@sha256:{'2' * 64}"
DNS_NAME: Final = "gke-0a1b2c3d-123456789012.europe-west4.gke.goog"
ADDRESS: Final = "10.0.0.2"
MODEL: Final = {"uri": "gs://models/iris/3.onnx", "sha256": "a" * 64, "version": "3"}
ELSEWHERE: Final = {"uri": "https://example.com/iris.onnx", "sha256": "a" * 64, "version": "3"}
EXISTING: Final = {"kind": "existing", "name": "shared"}
NEW: Final = {"kind": "new", "network": "shop", "subnetwork": "shop-europe-west4"}
STANDARD: Final = {**NEW, "capacity": {"kind": "standard"}}
SHARED_VPC: Final = {
    "kind": "new",
    "network": "projects/shop-network/global/networks/shop",
    "subnetwork": "projects/shop-network/regions/europe-west4/subnetworks/models",
    "pod_range": "pods",
    "service_range": "services",
}
GPU: Final[Mapping[str, Any]] = {
    "resources": {"gpu": {"kind": "l4"}},
    "runtime": {"engine": "triton", "image": OTHER_IMAGE},
    "security": {"auth": {"kind": "none"}},
}
"""An endpoint with GPUs; what asks nobody who he is needs the namespace of Prometheus."""
WATCHED: Final = {"prometheus": {"namespace": "monitoring"}}
POOL: Final[Mapping[str, Any]] = {"kind": "node_pool"}
CLASS: Final[Mapping[str, Any]] = {"kind": "compute_class", "spot": True}
NODES: Final = "gpu-nodes@shop-prod.iam.gserviceaccount.com"


def config(
    cluster: Mapping[str, Any] = EXISTING, target: Mapping[str, Any] | None = None, **spec: Any
) -> Any:
    """`iris`, with fields of its spec and target as a person writes them."""
    place = {
        "kind": "gke",
        "project": PLACE.project,
        "project_number": PLACE.number,
        "region": PLACE.region,
        "image": IMAGE,
    }
    return {"name": "iris", "model": MODEL, **spec, "target": {**place, "cluster": cluster, **(target or {})}}


def with_gpus(cluster: Mapping[str, Any], pool: Mapping[str, Any] | None, **spec: Any) -> Any:
    """An endpoint with GPUs on nodes of a pool."""
    target = {**WATCHED, **({} if pool is None else {"gpu_pool": pool})}
    return config(cluster, target, **{**GPU, **spec})


def read(given: Any) -> tuple[EndpointSpec, GkeTarget]:
    """A config as the endpoint has it."""
    args = ModelEndpointArgs.parse(given)
    assert isinstance(args.target, GkeTarget)
    return args.spec, args.target


class GkeRecorder(GcpRecorder):
    """Gives what Google would make of a cluster, and what it tells of one that is there."""

    def __init__(self, *, dns: bool = True) -> None:
        super().__init__()
        self.reads: list[Registered] = []
        self._dns = dns

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        number, outputs = super().new_resource(args)
        if args.typ != "gcp:container/cluster:Cluster":
            return number, outputs
        dns = {"allowExternalTraffic": self._dns, "endpoint": DNS_NAME}
        told = {
            "endpoint": ADDRESS,
            "masterAuth": {"clusterCaCertificate": "Q0E="},
            "controlPlaneEndpointsConfig": {"dnsEndpointConfig": dns},
        }
        return f"projects/shop-prod/locations/europe-west4/clusters/{outputs['name']}", {**outputs, **told}


class GkeMonitor(RecordingMonitor):
    """Remembers what was looked up as well."""

    def __init__(self, recorder: GkeRecorder) -> None:
        super().__init__(recorder)
        self._gke = recorder

    def ReadResource(self, request: resource_pb2.ReadResourceRequest) -> Any:  # noqa: N802
        inputs = {**deserialize_properties(request.properties), "id": request.id}
        before = tuple(request.dependencies)
        self._gke.reads.append(
            Registered(request.type, request.name, request.parent, inputs, False, {}, "", before, {}, (), ())
        )
        return super().ReadResource(request)


def made(given: Any, *, preview: bool = False, dns: bool = True) -> tuple[GkeRecorder, ModelEndpoint]:
    """Register an endpoint; what came of it."""
    recorder = GkeRecorder(dns=dns)
    mocks.set_mocks(recorder, project="shop", stack="dev", preview=preview, monitor=GkeMonitor(recorder))
    args = ModelEndpointArgs.parse(given)
    endpoint: ModelEndpoint = run(recorder, lambda: ModelEndpoint("iris", args))
    return recorder, endpoint


MODES: Final[Mapping[str, Any]] = {
    "existing": config(),
    "existing, zonal": config({**EXISTING, "location": "europe-west4-a"}),
    "existing, own identity": config(security={"identity": PLACE.service_account("iris-own")}),
    "existing, model from elsewhere": config(model=ELSEWHERE),
    "existing, gpus that are there": with_gpus(EXISTING, None),
    "existing, gpus of a pool": with_gpus(EXISTING, POOL),
    "existing, gpus of a pool, own account and key": with_gpus(
        EXISTING, {**POOL, "service_account": NODES}, security={**GPU["security"], "key": KEY}
    ),
    "existing, gpus of a class": with_gpus(EXISTING, {**CLASS, "service_account": NODES}),
    "autopilot": config(NEW),
    "autopilot, gpus": with_gpus(NEW, None),
    "autopilot, gpus of a class": with_gpus(
        NEW, {**CLASS, "machine_types": ["g2-standard-8", "g2-standard-12"]}
    ),
    "standard": config(STANDARD),
    "standard, gpus": with_gpus(STANDARD, POOL),
    "standard, spare gpus": with_gpus(
        STANDARD,
        {**POOL, "spot": True, "max": 4, "zones": ["europe-west4-b"], "driver": "latest"},
        resources={"gpu": {"kind": "t4", "count": 2}},
        scaling={"min": 1, "max": 4, "metric": "queue_depth", "target": 8},
    ),
    "standard, gpus in turns": with_gpus(
        STANDARD,
        {**POOL, "sharing": {"kind": "time_sharing", "pods": 4}},
        scaling={"min": 1, "max": 4, "metric": "queue_depth", "target": 8},
    ),
    "standard, partitions of gpus": with_gpus(
        STANDARD,
        {**POOL, "sharing": {"kind": "mig", "partition": "1g.10gb"}},
        resources={"gpu": {"kind": "a100-80gb"}},
        scaling={"min": 1, "max": 7, "metric": "queue_depth", "target": 8},
    ),
    "shared network": config(SHARED_VPC),
    "canary": config(
        rollout={
            "strategy": "canary",
            "previous": {"uri": "gs://models/iris/2.onnx", "sha256": "b" * 64, "version": "2"},
        },
        target={"route": {"kind": "gateway", "gateway": "public"}},
        security={"tls": {"domain": "iris.example.com"}},
    ),
    "everything": config(
        {
            **STANDARD,
            "channel": "STABLE",
            "public_access": ["198.51.100.0/24"],
            "maintenance": "22:30",
            "capacity": {"kind": "standard", "zones": ["europe-west4-a", "europe-west4-b"], "max": 5},
        },
        {"namespace": "models", "create_namespace": True, "capture": {"uri": "gs://samples/iris"}},
        labels={"team": "plants"},
        scaling={"min": 2, "max": 6, "metric": "cpu", "target": 60},
        security={"key": KEY},
        monitoring={"capture": {"percent": 5}},
        protect=True,
    ),
}


@cache
def registered(which: str) -> tuple[GkeRecorder, ModelEndpoint]:
    """What a mode registers: looked at by several tests, and changed by none."""
    return made(MODES[which])


def of(which: str, kind: str) -> list[Registered]:
    """The resources of a type, by its last part such as `Cluster`."""
    return registered(which)[0].of(kind)
