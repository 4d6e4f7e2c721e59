"""Endpoints in SageMaker as the tests of every room make them; between them every mode there is."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from pulumi.runtime import mocks

from modelberth.aws.plan import Plan
from modelberth.aws.sagemaker.endpoint import SageMakerEndpoint, SageMakerEndpointArgs
from modelberth.spec.sagemaker import SageMakerTarget
from support.aws_blocks import PLACE
from support.recording import RecordingMonitor, Registered, run
from support.sagemaker_rooms import SageMakerRecorder

__all__ = [
    "ASYNC",
    "CANARY",
    "COMPONENTS",
    "GPU",
    "IMAGE",
    "IN_IMAGE",
    "MODES",
    "OTHER_IMAGE",
    "PREVIOUS",
    "REMOTE",
    "ROLE",
    "SERVERLESS",
    "VPC",
    "Mode",
    "configuration",
    "endpoint",
    "made",
    "mode",
    "one",
    "plan",
    "registered",
]

IMAGE: Final = f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/models/iris@sha256:{'1' * 64}"
OTHER_IMAGE: Final = f"210987654321.dkr.ecr.eu-central-1.amazonaws.com/models/old@sha256:{'2' * 64}"
REMOTE: Final = {"uri": "s3://models/iris/3.onnx", "sha256": "a" * 64, "version": "3"}
PREVIOUS: Final = {"uri": "s3://models/iris/2.onnx", "sha256": "b" * 64, "version": "2"}
IN_IMAGE: Final = {"uri": "models/iris.onnx", "sha256": "a" * 64}
ROLE: Final = "arn:aws:iam::123456789012:role/teams/shop"
USER: Final = "arn:aws:iam::123456789012:user/alice"
KEY: Final = f"arn:aws:kms:eu-central-1:123456789012:key/{'1' * 8}-1111-1111-1111-{'1' * 12}"
CANARY: Final = {"strategy": "canary", "previous": PREVIOUS}
VPC: Final = {
    "subnets": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
    "security_groups": ["sg-0123456789abcdef0"],
}
SERVERLESS: Final = {"mode": {"kind": "serverless"}}
ASYNC: Final = {
    "mode": {"kind": "async", "input": "s3://shop-requests/iris", "output": "s3://shop-answers/iris/"}
}
COMPONENTS: Final = {"mode": {"kind": "real_time", "inference_components": {}}}
GPU: Final = {
    "runtime": {"engine": "custom", "image": IMAGE},
    "model": {**REMOTE, "uri": "s3://models/iris/3", "format": "safetensors"},
    "resources": {"cpu": "3", "memory": "12Gi", "gpu": {"kind": "a10g"}},
}


@dataclass(frozen=True)
class Mode:
    """A config, and what the program gives beside it."""

    config: Mapping[str, Any]
    image: str | None = None

    @property
    def args(self) -> SageMakerEndpointArgs:
        """The arguments of the component."""
        read = SageMakerEndpointArgs.parse(self.config)
        return SageMakerEndpointArgs(read.spec, read.target, image=self.image)


def mode(target: Mapping[str, Any] | None = None, *, image: str | None = None, **spec: Any) -> Mode:
    """`iris`, with fields of its spec and target as a person writes them."""
    place = {"kind": "sagemaker", "account": PLACE.account, "region": PLACE.region}
    given = {} if image is not None or "image" in spec.get("runtime", {}) else {"image": IMAGE}
    return Mode(
        {"name": "iris", "model": REMOTE, **spec, "target": {**place, **given, **(target or {})}}, image
    )


def plan(target: Mapping[str, Any] | None = None, **spec: Any) -> Plan[SageMakerTarget]:
    """The plan of `iris` in the stack `dev` of the project `shop`."""
    args = mode(target, **spec).args
    return Plan.of(args.spec, args.target, "shop", "dev")


class EndpointRecorder(SageMakerRecorder):
    """Gives what AWS would make of an endpoint."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        made = {
            "aws:sns/topic:Topic": {"arn": PLACE.arn("sns", f"{args.inputs.get('name')}")},
            "aws:iam/policy:Policy": {"arn": PLACE.arn("iam", f"policy/{args.inputs.get('name')}")},
        }
        number, outputs = super().new_resource(args)
        return number, {**outputs, **made.get(args.typ, {})}


def made(which: Mode) -> tuple[EndpointRecorder, SageMakerEndpoint]:
    """Register an endpoint; what came of it."""
    recorder = EndpointRecorder()
    mocks.set_mocks(recorder, project="shop", stack="dev", preview=False, monitor=RecordingMonitor(recorder))
    endpoint: SageMakerEndpoint = run(recorder, lambda: SageMakerEndpoint("iris", which.args))
    return recorder, endpoint


_TWO: Final = {"scaling": {"min": 2, "max": 10}}
_SHADOW: Final = {"strategy": "shadow", "percent": 20, "previous": PREVIOUS}
_BLUE_GREEN: Final = {"strategy": "blue_green", "previous": PREVIOUS}
_OTHERS: Final = {"cheap": {"model": PREVIOUS, "weight": 30}}
_WATCHED: Final = {
    "logs": {"retention_days": 365},
    "slo": {"availability": 99.9, "latency_p99": "300ms"},
    "alerts": {"notify": ["mailto:oncall@example.com"]},
}

MODES: Final[Mapping[str, Mode]] = {
    "minimal": mode(),
    "two of them": mode(scaling={"min": 2, "max": 2}),
    "autoscaled": mode(**_TWO),
    "gpu": mode(**GPU),
    "gpu, scaled by itself": mode(**GPU, scaling={"min": 2, "max": 4, "metric": "gpu"}),
    "instance by name": mode({"mode": {"kind": "real_time", "instance_type": "ml.m8g.large"}}),
    "vpc": mode({"vpc": VPC}),
    "fetched by the server": mode(model={**REMOTE, "uri": "https://example.com/iris.onnx"}),
    "in the image": mode(model=IN_IMAGE),
    "built by the program": mode(image=IMAGE),
    "captured": mode({"capture": "s3://samples/iris"}, monitoring={"capture": {"percent": 5.0}}),
    "own identity and key": mode(security={"identity": "arn:aws:iam::123456789012:role/iris", "key": KEY}),
    "invoked by role and user": mode(security={"invokers": [ROLE, USER]}),
    "guarded canary": mode(rollout={"strategy": "canary"}, **_TWO),
    "guarded, equal steps": mode(
        rollout={"strategy": "canary", "steps": [{"percent": 25}, {"percent": 50}, {"percent": 75}]}, **_TWO
    ),
    "guarded, at once": mode(rollout={"strategy": "blue_green", "bake": "30m"}),
    "unguarded": mode(rollout={"strategy": "blue_green", "bake": "0s"}),
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
    "shadow": mode(rollout=_SHADOW),
    "shadow, promoted": mode(rollout={**_SHADOW, "promoted": True}),
    "variants": mode(variants=_OTHERS, **_TWO),
    "variant in the shadow": mode(variants={"next": {"model": PREVIOUS, "weight": 10, "shadow": True}}),
    "serverless": mode(SERVERLESS, scaling={"min": 0, "max": 20}),
    "serverless, warm": mode(SERVERLESS, scaling={"min": 2, "max": 20}, resources={"memory": "2Gi"}),
    "async": mode(ASYNC),
    "async, to zero": mode(
        ASYNC, scaling={"min": 0, "max": 4}, limits={"max_body": "500M", "timeout": "30m"}
    ),
    "async, topics given": mode(
        {
            "mode": {
                **ASYNC["mode"],
                "success_topic": "arn:aws:sns:eu-central-1:123456789012:done",
                "error_topic": "arn:aws:sns:eu-central-1:123456789012:failed",
            }
        }
    ),
    "components": mode(COMPONENTS, scaling={"min": 1, "max": 3}),
    "components, to zero": mode({**COMPONENTS, "vpc": VPC}, scaling={"min": 0, "max": 3}),
    "everything": mode(
        {"vpc": VPC, "capture": "s3://samples/iris"},
        **_TWO,
        security={"invokers": [ROLE], "network": {"egress": []}},
        labels={"team": "plants"},
        budget={"monthly_usd": 1000},
        monitoring={**_WATCHED, "capture": {"percent": 10.0}},
        protect=True,
    ),
}


@cache
def registered(which: str) -> tuple[EndpointRecorder, SageMakerEndpoint]:
    """What a mode registers: looked at by several tests, and changed by none."""
    return made(MODES[which])


def one(which: str, kind: str) -> Registered:
    (found,) = registered(which)[0].of(kind)
    return found


def configuration(which: str) -> dict[str, Any]:
    """The configuration of an endpoint of models."""
    return one(which, "EndpointConfiguration").inputs


def endpoint(which: str) -> dict[str, Any]:
    """The endpoint itself."""
    return one(which, "Endpoint").inputs
