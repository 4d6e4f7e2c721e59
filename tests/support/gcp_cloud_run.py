"""Endpoints in Cloud Run as the tests of every room make them; between them every mode there is."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from pulumi.runtime import mocks

from modelberth.gcp.cloud_run.endpoint import CloudRunEndpoint, CloudRunEndpointArgs
from modelberth.gcp.plan import Plan
from modelberth.spec.cloud_run import CloudRunTarget
from support.gcp_blocks import KEY, PLACE, GcpRecorder
from support.recording import RecordingMonitor, Registered, run

__all__ = [
    "BALANCED",
    "CALLER",
    "CANARY",
    "GROUP",
    "IMAGE",
    "L4",
    "MODES",
    "OPEN",
    "OTHER_IMAGE",
    "PREVIOUS",
    "PREVIOUS_REVISION",
    "REMOTE",
    "VPC",
    "Mode",
    "after",
    "container",
    "environment",
    "made",
    "mode",
    "one",
    "plan",
    "registered",
    "service",
    "template",
]

IMAGE: Final = f"europe-west4-docker.pkg.dev/shop-prod/models/server@sha256:{'1' * 64}"
OTHER_IMAGE: Final = f"europe-west4-docker.pkg.dev/shop-prod/models/other@sha256:{'2' * 64}"
REMOTE: Final = {"uri": "gs://models/iris/3.onnx", "sha256": "a" * 64, "version": "3"}
PREVIOUS: Final = {"uri": "gs://models/iris/2.onnx", "sha256": "b" * 64, "version": "2"}
FOLDER: Final = {"uri": "gs://models/iris/3", "sha256": "a" * 64, "version": "3"}
PREVIOUS_REVISION: Final = "shop-dev-iris-0a1b2c3d"
CALLER: Final = "serviceAccount:shop@shop-prod.iam.gserviceaccount.com"
GROUP: Final = "group:plants@example.com"
CANARY: Final = {"strategy": "canary", "previous": PREVIOUS}
SWITCH: Final = {"strategy": "blue_green", "previous": PREVIOUS}
COME_FROM: Final = {"previous_revision": PREVIOUS_REVISION}
PUBLIC: Final = {"network": {"public": True}}
OPEN: Final = {**PUBLIC, "auth": {"kind": "none"}}
BALANCED: Final = {"ingress": "load_balancer"}
VPC: Final = {"vpc": {"network": "shop", "subnetwork": "shop-europe-west4", "tags": ["models"]}}
L4: Final = {"gpu": {"kind": "l4"}}
_MOUNT: Final = {"model_access": "mount"}
BILLED: Final = {"billing_account": "01ABCD-23EF45-6789AB"}
_ALERTS: Final = {"alerts": {"notify": ["mailto:oncall@example.com"]}}


@dataclass(frozen=True)
class Mode:
    """A config, and what the program gives beside it."""

    config: Mapping[str, Any]
    image: str | None = None

    @property
    def args(self) -> CloudRunEndpointArgs:
        """The arguments of the component."""
        read = CloudRunEndpointArgs.parse(self.config)
        return CloudRunEndpointArgs(read.spec, read.target, image=self.image)


def mode(target: Mapping[str, Any] | None = None, *, image: str | None = None, **spec: Any) -> Mode:
    """`iris`, with fields of its spec and target as a person writes them."""
    place = {
        "kind": "cloud_run",
        "project": PLACE.project,
        "project_number": PLACE.number,
        "region": PLACE.region,
    }
    given = {} if image is not None or "image" in spec.get("runtime", {}) else {"image": IMAGE}
    config = {"name": "iris", "model": REMOTE, **spec, "target": {**place, **given, **(target or {})}}
    return Mode(config, image)


def plan(target: Mapping[str, Any] | None = None, **spec: Any) -> Plan[CloudRunTarget]:
    """The plan of `iris` in the stack `dev` of the project `shop`."""
    args = mode(target, **spec).args
    return Plan.of(args.spec, args.target, "shop", "dev")


class CloudRunRecorder(GcpRecorder):
    """Gives what Google would make of a service."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        id_, outputs = super().new_resource(args)
        if args.typ == "gcp:cloudrunv2/service:Service":
            name = args.inputs["name"]
            outputs = {**outputs, "uri": f"https://{name}-123456789012.{PLACE.region}.run.app"}
        return id_, outputs


def made(which: Mode, *, preview: bool = False) -> tuple[CloudRunRecorder, CloudRunEndpoint]:
    """Register an endpoint; what came of it."""
    recorder = CloudRunRecorder()
    monitor = RecordingMonitor(recorder)
    mocks.set_mocks(recorder, project="shop", stack="dev", preview=preview, monitor=monitor)
    endpoint: CloudRunEndpoint = run(recorder, lambda: CloudRunEndpoint("iris", which.args))
    return recorder, endpoint


def _engine(
    name: str, form: str, target: Mapping[str, Any] | None = None, image: str = OTHER_IMAGE, **spec: Any
) -> Mode:
    runtime = {"engine": name, "image": image, **spec.pop("runtime", {})}
    model = {**FOLDER, "format": form, **spec.pop("model", {})}
    return mode({**_MOUNT, **(target or {})}, runtime=runtime, model=model, **spec)


MODES: Final[Mapping[str, Mode]] = {
    "minimal": mode(),
    "idle costs nothing": mode(scaling={"min": 0, "max": 10}),
    "autoscaled": mode(scaling={"min": 2, "max": 20, "target": 32}),
    "autoscaled by processor time": mode(scaling={"min": 1, "max": 5, "metric": "cpu", "target": 80}),
    "paid by instances": mode({"billing": "instances"}),
    "called by members": mode(security={"invokers": [CALLER, GROUP]}),
    "public": mode(security={**PUBLIC, "invokers": [CALLER]}),
    "open": mode(security=OPEN),
    "behind a load balancer": mode(
        BALANCED, security={"invokers": [CALLER], "tls": {"domain": "iris.example.com"}}
    ),
    "private": mode(VPC, security={"invokers": [CALLER]}),
    "private, internet past the network": mode({"vpc": {**VPC["vpc"], "egress": "private"}}),
    "mounted": mode(_MOUNT),
    "mounted package": mode(_MOUNT, model=FOLDER),
    "in the image": mode(model={"uri": "models/iris.onnx", "sha256": "a" * 64}),
    "from the hub": mode(model={"uri": "hf://plants/iris", "revision": "c" * 40}),
    "from a mirror": mode(
        {"model_mirrors": {"s3://models": "gs://models-eu"}},
        model={"uri": "s3://models/iris/3.onnx", "sha256": "a" * 64, "version": "3"},
    ),
    "built by the program": mode(image=IMAGE),
    "own identity and key": mode(security={"identity": PLACE.service_account("iris-own"), "key": KEY}),
    "images by a policy": mode(
        {"binary_authorization": "projects/shop-prod/platforms/cloudRun/policies/signed"}
    ),
    "any image": mode({"binary_authorization": "none"}),
    "started anew": mode({"restart": 1}),
    "batches": mode(runtime={"batching": {"max_size": 64, "max_delay": "10ms"}, "threads": 2}),
    "samples": mode({"billing": "instances", "capture": "gs://samples/iris"}, monitoring={"capture": {}}),
    "canary, back": mode(COME_FROM, rollout={**CANARY, "step": 0}),
    "canary": mode(COME_FROM, rollout={**CANARY, "step": 1}),
    "canary, further": mode(COME_FROM, rollout={**CANARY, "step": 2}),
    "canary, whole": mode(COME_FROM, rollout={**CANARY, "step": 3}),
    "blue-green": mode(COME_FROM, rollout=SWITCH),
    "blue-green, back": mode(COME_FROM, rollout={**SWITCH, "active": "previous"}),
    "tensorflow-serving": _engine("tensorflow-serving", "savedmodel"),
    "triton": _engine("triton", "triton"),
    "custom": mode(model={**REMOTE, "format": "custom"}, runtime={"engine": "custom", "image": OTHER_IMAGE}),
    "vllm on a GPU": _engine("vllm", "safetensors", resources=L4, limits={"startup_timeout": "30m"}),
    "GPU in two zones": _engine(
        "triton",
        "triton",
        {"zonal_redundancy": True},
        resources={"gpu": {"kind": "rtx-pro-6000"}},
        scaling={"min": 0, "max": 2},
    ),
    "everything": mode(
        {
            **VPC,
            **BALANCED,
            **COME_FROM,
            **_MOUNT,
            **BILLED,
            "logging_account": "cmek-p123456789012@gcp-sa-logging.iam.gserviceaccount.com",
            "billing": "instances",
            "capture": "gs://samples/iris",
            "capture_hash_key": "projects/shop-prod/secrets/iris-hash",
        },
        security={"invokers": [CALLER, GROUP], "tls": {"domain": "iris.example.com"}},
        rollout={**CANARY, "step": 1},
        scaling={"min": 2, "max": 20},
        labels={"team": "plants"},
        budget={"monthly_usd": 100},
        monitoring={
            "logs": {"retention_days": 365},
            "slo": {"availability": 99.9, "latency_p99": "300ms"},
            "capture": {"percent": 5.0, "drop_fields": ["name"], "hash_fields": ["customer"]},
            **_ALERTS,
        },
        protect=True,
    ),
    "prod": mode(
        BILLED,
        security={**PUBLIC, "invokers": [CALLER]},
        labels={"team": "plants"},
        scaling={"min": 2, "max": 20},
        budget={"monthly_usd": 200},
        monitoring={"logs": {"retention_days": 365}, "slo": {"availability": 99.9}, **_ALERTS},
        protect=True,
    ),
}


@cache
def registered(which: str) -> tuple[CloudRunRecorder, CloudRunEndpoint]:
    """What a mode registers: looked at by several tests, and changed by none."""
    return made(MODES[which])


def one(which: str, kind: str) -> Registered:
    """The one resource of a type that a mode registers, by its last part such as `Service`."""
    (found,) = [each for each in registered(which)[0].of(kind) if each.type.startswith("gcp:cloudrunv2")]
    return found


def service(which: str) -> dict[str, Any]:
    """Inputs of the service that a mode registers."""
    return one(which, "Service").inputs


def template(which: str) -> dict[str, Any]:
    """Its template."""
    found: dict[str, Any] = service(which)["template"]
    return found


def container(which: str) -> dict[str, Any]:
    """Its one container."""
    (found,) = template(which)["containers"]
    made: dict[str, Any] = found
    return made


def environment(which: str) -> dict[str, str]:
    """Its variables."""
    return {each["name"]: each["value"] for each in container(which).get("envs", [])}


def after(which: str, name: str) -> set[str]:
    """Logical names of what comes before a resource that a mode registers."""
    urns = registered(which)[0].named(name).dependencies
    return {urn.rpartition("::")[2] for urn in urns}
