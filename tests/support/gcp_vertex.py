"""Endpoints in Vertex AI as the tests of every room make them; between them every mode there is."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from pulumi.runtime import mocks

from modelberth.gcp.plan import Plan
from modelberth.gcp.vertex.endpoint import VertexEndpoint, VertexEndpointArgs
from modelberth.spec.vertex import VertexTarget
from support.gcp_blocks import ACCOUNT, IMAGE, KEY, PLACE, GcpRecorder
from support.recording import RecordingMonitor, Registered, run

__all__ = [
    "CANARY",
    "CONFIGS",
    "FOLDER",
    "GPU",
    "IN_IMAGE",
    "MODES",
    "OTHER_IMAGE",
    "PREVIOUS",
    "REMOTE",
    "Mode",
    "VertexRecorder",
    "endpoint",
    "made",
    "mode",
    "one",
    "plan",
    "recording",
    "registered",
    "shares",
]

OTHER_IMAGE: Final = f"europe-west4-docker.pkg.dev/shop-prod/models/old@sha256:{'e' * 64}"
REMOTE: Final = {"uri": "gs://models/iris/3.onnx", "sha256": "a" * 64, "version": "3"}
PREVIOUS: Final = {"uri": "gs://models/iris/2.onnx", "sha256": "b" * 64, "version": "2"}
FOLDER: Final = {"uri": "gs://models/iris/3/", "sha256": "a" * 64, "version": "3"}
IN_IMAGE: Final = {"uri": "models/iris.onnx", "sha256": "a" * 64}
CANARY: Final = {"strategy": "canary", "previous": PREVIOUS}
PUBLIC: Final = {"network": {"public": True}}
GPU: Final = {
    "runtime": {"engine": "custom", "image": IMAGE},
    "model": {**REMOTE, "uri": "gs://models/iris/3", "format": "safetensors"},
    "resources": {"cpu": "3", "memory": "12Gi", "gpu": {"kind": "l4"}},
}


@dataclass(frozen=True)
class Mode:
    """A config, and what the program gives beside it."""

    config: Mapping[str, Any]
    image: str | None = None

    @property
    def args(self) -> VertexEndpointArgs:
        """The arguments of the component."""
        read = VertexEndpointArgs.parse(self.config)
        return VertexEndpointArgs(read.spec, read.target, image=self.image)


def mode(target: Mapping[str, Any] | None = None, *, image: str | None = None, **spec: Any) -> Mode:
    """`iris`, with fields of its spec and target as a person writes them."""
    place = {
        "kind": "vertex",
        "project": PLACE.project,
        "project_number": PLACE.number,
        "region": PLACE.region,
    }
    given = {} if image is not None or "image" in spec.get("runtime", {}) else {"image": IMAGE}
    return Mode(
        {"name": "iris", "model": REMOTE, **spec, "target": {**place, **given, **(target or {})}}, image
    )


def plan(target: Mapping[str, Any] | None = None, **spec: Any) -> Plan[VertexTarget]:
    """The plan of `iris` in the stack `dev` of the project `shop`."""
    args = mode(target, **spec).args
    return Plan.of(args.spec, args.target, "shop", "dev")


class VertexRecorder(GcpRecorder):
    """Gives what Google would make of an endpoint."""

    def __init__(self) -> None:
        super().__init__()
        self.versions = 0

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        number, outputs = super().new_resource(args)
        given = args.inputs
        match args.typ:
            case "modelberth:vertex:Model":
                self.versions += 1
                name = f"projects/{given['project']}/locations/{given['region']}/models/{given['modelId']}"
                version = {"versionId": str(self.versions), "versionName": f"{name}@{self.versions}"}
                return version["versionName"], {**outputs, "modelName": name, **version}
            case "modelberth:vertex:DeployedModel":
                ids = [str(10**9 + place) for place, _ in enumerate(given["shares"])]
                return number, {**outputs, "deployedModelIds": ids, "traffic": {}}
            case "gcp:projects/iAMCustomRole:IAMCustomRole":
                name = f"projects/{given['project']}/roles/{given['roleId']}"
                return name, {**outputs, "name": name}
            case _:
                return number, outputs


def recording() -> VertexRecorder:
    """A recorder that the next program registers with."""
    recorder = VertexRecorder()
    mocks.set_mocks(recorder, project="shop", stack="dev", preview=False, monitor=RecordingMonitor(recorder))
    return recorder


def made(which: Mode) -> tuple[VertexRecorder, VertexEndpoint]:
    """Register an endpoint; what came of it."""
    recorder = recording()
    endpoint: VertexEndpoint = run(recorder, lambda: VertexEndpoint("iris", which.args))
    return recorder, endpoint


_TWO: Final = {"scaling": {"min": 2, "max": 10, "metric": "cpu"}}
_BLUE_GREEN: Final = {"strategy": "blue_green", "previous": PREVIOUS}
_OTHERS: Final = {"cheap": {"model": PREVIOUS, "weight": 30}}
_SAMPLE: Final = "bq://shop-prod.samples.iris"
_BILLED: Final = {"billing_account": "01ABCD-23EF45-6789AB"}
_WATCHED: Final = {
    "logs": {"retention_days": 365},
    "slo": {"availability": 99.9, "latency_p99": "300ms"},
    "alerts": {"notify": ["mailto:oncall@example.com"]},
}

MODES: Final[Mapping[str, Mode]] = {
    "minimal": mode(),
    "public": mode(security=PUBLIC),
    "dedicated": mode({"access": {"kind": "dedicated"}}, security=PUBLIC),
    "shared": mode({"access": {"kind": "shared"}}, security=PUBLIC),
    "private": mode({"access": {"kind": "private_service_connect", "projects": ["shop-web", "shop-prod"]}}),
    "two of them": mode(scaling={"min": 2, "max": 2}),
    "autoscaled": mode(**_TWO),
    "autoscaled by itself": mode(scaling={"max": 4}),
    "gpu": mode(**GPU),
    "gpu, scaled by itself": mode(**GPU, scaling={"min": 2, "max": 4, "metric": "gpu"}),
    "gpu, attached": mode(
        {"machine_type": "n1-standard-8"}, **{**GPU, "resources": {"gpu": {"kind": "t4", "count": 2}}}
    ),
    "machine by name": mode({"machine_type": "c3-highcpu-8"}),
    "folder": mode(model=FOLDER),
    "a generation": mode(model={"uri": REMOTE["uri"], "revision": "1700000000000000"}),
    "fetched by the server": mode(model={**REMOTE, "uri": "https://example.com/iris.onnx"}, security=PUBLIC),
    "in the image": mode(model=IN_IMAGE),
    "built by the program": mode(image=IMAGE),
    "mirrored": mode(
        {"model_mirrors": {"s3://models": "gs://models-eu"}},
        model={**REMOTE, "uri": "s3://models/iris/3.onnx"},
    ),
    "captured": mode({"capture": _SAMPLE}, monitoring={"capture": {"percent": 5.0}}),
    "own identity and key": mode(security={"identity": ACCOUNT, "key": KEY}),
    "invoked": mode(security={"invokers": ["user:alice@example.com", f"serviceAccount:{ACCOUNT}"]}),
    "canary, back": mode(rollout={**CANARY, "step": 0}, **_TWO),
    "canary": mode(rollout={**CANARY, "step": 1}, **_TWO),
    "canary, further": mode(rollout={**CANARY, "step": 2}, **_TWO),
    "canary, whole": mode(rollout={**CANARY, "step": 3}, **_TWO),
    "canary of images": mode(
        {"previous_image": OTHER_IMAGE},
        model=IN_IMAGE,
        rollout={"strategy": "canary", "previous": {"uri": "models/old.onnx", "sha256": "b" * 64}},
    ),
    "blue-green": mode(rollout=_BLUE_GREEN),
    "blue-green, back": mode(rollout={**_BLUE_GREEN, "active": "previous"}),
    "variants": mode(variants=_OTHERS, **_TWO),
    "everything": mode(
        {
            "capture": _SAMPLE,
            **_BILLED,
            "logging_account": "cmek-p123456789012@gcp-sa-logging.iam.gserviceaccount.com",
            "access": {"kind": "private_service_connect", "projects": ["shop-prod", "shop-web"]},
        },
        **_TWO,
        security={"invokers": ["group:shop@example.com"]},
        rollout=CANARY,
        labels={"team": "plants"},
        budget={"monthly_usd": 1000},
        monitoring={**_WATCHED, "capture": {"percent": 10.0}},
        protect=True,
    ),
    "prod": mode(
        _BILLED,
        security={"invokers": [f"serviceAccount:{ACCOUNT}"]},
        labels={"team": "plants"},
        scaling={"min": 2, "max": 10},
        budget={"monthly_usd": 1000},
        monitoring={**_WATCHED},
        protect=True,
    ),
}

CONFIGS: Final[Mapping[str, Mapping[str, Any]]] = {name: one.config for name, one in MODES.items()}
"""What a person writes for each mode; `built by the program` needs an image beside it."""


@cache
def registered(which: str) -> tuple[VertexRecorder, VertexEndpoint]:
    """What a mode registers: looked at by several tests, and changed by none."""
    return made(MODES[which])


def one(which: str, kind: str) -> Registered:
    """The one resource of a type that a mode registers."""
    (found,) = registered(which)[0].of(kind)
    return found


def endpoint(which: str) -> dict[str, Any]:
    """The endpoint itself."""
    return one(which, "AiEndpoint").inputs


def shares(which: str) -> list[dict[str, Any]]:
    """What runs on the endpoint."""
    found: list[dict[str, Any]] = one(which, "DeployedModel").inputs["shares"]
    return found
