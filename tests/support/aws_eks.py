"""Endpoints in Amazon EKS as the tests of every room make them; between them every mode there is."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from pulumi.runtime import mocks
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.rpc import deserialize_properties

from modelberth.endpoint import ModelEndpoint, ModelEndpointArgs
from modelberth.spec import EksTarget, EndpointSpec
from support.aws_blocks import PLACE, AwsRecorder
from support.recording import RecordingMonitor, Registered, run

__all__ = [
    "ADMINISTRATOR",
    "ENDPOINT",
    "EXISTING",
    "GPU",
    "IMAGE",
    "MANAGED",
    "MODES",
    "NEW",
    "OWN",
    "POOL",
    "SUBNETS",
    "WATCHED",
    "EksMonitor",
    "EksRecorder",
    "config",
    "made",
    "of",
    "read",
    "registered",
]

IMAGE: Final = f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/models/server@sha256:{'1' * 64}"
ENDPOINT: Final = "https://ABC.gr7.eu-central-1.eks.amazonaws.com"
ADMINISTRATOR: Final = "arn:aws:iam::123456789012:role/ci/deploy"
SUBNETS: Final = ("subnet-0123456789abcdef0", "subnet-0123456789abcdef1")
GROUP: Final = "sg-0123456789abcdef0"
MODEL: Final = {"uri": "s3://models/iris/3.onnx", "sha256": "a" * 64, "version": "3"}
EXISTING: Final = {"kind": "existing", "name": "shared"}
NEW: Final = {"kind": "new", "subnets": [*SUBNETS], "administrators": [ADMINISTRATOR]}
MANAGED: Final = {**NEW, "capacity": {"kind": "managed_nodes"}}
GPU: Final[Mapping[str, Any]] = {
    "resources": {"gpu": {"kind": "l4"}},
    "runtime": {"engine": "triton", "image": f"nvcr.io/nvidia/tritonserver@sha256:{'2' * 64}"},
    "security": {"auth": {"kind": "none"}},
}
"""An endpoint with GPUs; what asks nobody who he is needs the namespace of Prometheus."""
WATCHED: Final = {"prometheus": {"namespace": "monitoring"}}
POOL: Final[Mapping[str, Any]] = {"kind": "karpenter", "gpus": 4, "spot": True, "on_demand_gpus": 1}
GROUP_POOL: Final = {"kind": "node_group", "instance_types": ["g6.xlarge"]}
OWN: Final = {**POOL, "own": {"role": "karpenter-nodes", "ami": "al2023@v20261101"}}


def config(
    cluster: Mapping[str, Any] = EXISTING, target: Mapping[str, Any] | None = None, **spec: Any
) -> Any:
    """`iris`, with fields of its spec and target as a person writes them."""
    place = {"kind": "eks", "account": PLACE.account, "region": PLACE.region, "image": IMAGE}
    return {"name": "iris", "model": MODEL, **spec, "target": {**place, "cluster": cluster, **(target or {})}}


def read(given: Any) -> tuple[EndpointSpec, EksTarget]:
    """A config as the endpoint has it."""
    args = ModelEndpointArgs.parse(given)
    assert isinstance(args.target, EksTarget)
    return args.spec, args.target


class EksRecorder(AwsRecorder):
    """Gives what AWS would make of a cluster, and what it tells of one that is there."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[Registered] = []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        number, outputs = super().new_resource(args)
        if args.typ == "aws:eks/cluster:Cluster":
            network = outputs.get("vpcConfig") or {"subnetIds": [*SUBNETS]}
            told = {
                "endpoint": ENDPOINT,
                "certificateAuthority": {"data": "Q0E="},
                "vpcConfig": {**network, "clusterSecurityGroupId": GROUP},
                "computeConfig": {"nodeRoleArn": "arn:aws:iam::123456789012:role/auto/nodes"},
            }
            return str(outputs.get("name", args.name)), {**outputs, **told}
        if args.typ == "aws:ec2/launchTemplate:LaunchTemplate":
            return "lt-1", {**outputs, "latestVersion": 3}
        return number, outputs


class EksMonitor(RecordingMonitor):
    """Remembers what was looked up as well."""

    def __init__(self, recorder: EksRecorder) -> None:
        super().__init__(recorder)
        self._eks = recorder

    def ReadResource(self, request: resource_pb2.ReadResourceRequest) -> Any:  # noqa: N802
        inputs = {**deserialize_properties(request.properties), "id": request.id}
        self._eks.reads.append(
            Registered(request.type, request.name, request.parent, inputs, False, {}, "", (), {}, (), ())
        )
        return super().ReadResource(request)


def made(given: Any, *, preview: bool = False) -> tuple[EksRecorder, ModelEndpoint]:
    """Register an endpoint; what came of it."""
    recorder = EksRecorder()
    mocks.set_mocks(recorder, project="shop", stack="dev", preview=preview, monitor=EksMonitor(recorder))
    args = ModelEndpointArgs.parse(given)
    endpoint: ModelEndpoint = run(recorder, lambda: ModelEndpoint("iris", args))
    return recorder, endpoint


MODES: Final[Mapping[str, Any]] = {
    "existing": config(),
    "existing, own identity and key": config(
        security={
            "identity": "arn:aws:iam::123456789012:role/iris",
            "key": f"arn:aws:kms:eu-central-1:123456789012:key/{'1' * 8}-1111-1111-1111-{'1' * 12}",
        }
    ),
    "existing, model from elsewhere": config(
        model={"uri": "https://example.com/iris.onnx", "sha256": "a" * 64, "version": "3"}
    ),
    "existing, gpus of Auto Mode": config(target={"gpu_pool": POOL, **WATCHED}, **GPU),
    "existing, gpus of its own Karpenter": config(target={"gpu_pool": OWN, **WATCHED}, **GPU),
    "existing, gpus of a group": config(target={"gpu_pool": GROUP_POOL, **WATCHED}, **GPU),
    "auto mode": config(NEW),
    "auto mode, gpus": config(NEW, {"gpu_pool": POOL, **WATCHED}, **GPU),
    "managed nodes": config(MANAGED),
    "managed nodes, gpus": config(MANAGED, {"gpu_pool": GROUP_POOL, **WATCHED}, **GPU),
    "everything": config(
        {**NEW, "public_access": ["198.51.100.0/24"], "log_retention_days": 400},
        {"namespace": "models", "create_namespace": True},
        labels={"team": "plants"},
        scaling={"min": 2, "max": 6, "metric": "cpu", "target": 60},
        protect=True,
    ),
}


@cache
def registered(which: str) -> tuple[EksRecorder, ModelEndpoint]:
    """What a mode registers: looked at by several tests, and changed by none."""
    return made(MODES[which])


def of(which: str, kind: str) -> list[Registered]:
    """The resources of a type, by its last part such as `Cluster`."""
    return registered(which)[0].of(kind)
