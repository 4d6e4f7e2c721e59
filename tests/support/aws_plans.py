"""Endpoints in AWS Lambda as the tests of every room make them; between them every mode there is."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from pulumi.runtime import mocks

from modelberth.aws.lambda_.endpoint import LambdaEndpoint, LambdaEndpointArgs
from modelberth.aws.plan import Plan
from modelberth.aws.prediction_pipeline import AwsPredictionPipelineArgs
from modelberth.spec.aws import LambdaTarget
from support.aws_blocks import PLACE, AwsRecorder
from support.recording import RecordingMonitor, Registered, run

__all__ = [
    "CANARY",
    "IMAGE",
    "MODES",
    "OPEN",
    "PIPELINE",
    "PREVIOUS",
    "PROD",
    "PUBLIC",
    "REMOTE",
    "TOKENS",
    "Mode",
    "made",
    "mode",
    "one",
    "plan",
    "registered",
]

IMAGE: Final = f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/models/iris@sha256:{'1' * 64}"
REMOTE: Final = {"uri": "s3://models/iris/3.onnx", "sha256": "a" * 64, "version": "3"}
PREVIOUS: Final = {"uri": "s3://models/iris/2.onnx", "sha256": "b" * 64, "version": "2"}
ROLE: Final = "arn:aws:iam::123456789012:role/shop"
PUBLIC: Final = {"network": {"public": True}}
OPEN: Final = {**PUBLIC, "auth": {"kind": "none"}}
TOKENS: Final = {
    **PUBLIC,
    "auth": {"kind": "jwt", "issuer": "https://login.example.com", "audience": "iris"},
}
CERTIFICATE: Final = "arn:aws:acm:eu-central-1:123456789012:certificate/1"
CANARY: Final = {"strategy": "canary", "previous": PREVIOUS}
VPC: Final = {
    "subnets": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
    "security_groups": ["sg-0123456789abcdef0"],
}


PROD: Final[Mapping[str, Any]] = {
    "labels": {"team": "plants"},
    "scaling": {"min": 2, "max": 20},
    "budget": {"monthly_usd": 200},
    "monitoring": {
        "logs": {"retention_days": 365},
        "slo": {"availability": 99.9, "latency_p99": "300ms"},
        "alerts": {"notify": ["mailto:oncall@example.com", "https://hooks.example.com/iris"]},
    },
    "protect": True,
}
"""Fields of an endpoint that people count on, whatever its kind."""


@dataclass(frozen=True)
class Mode:
    """A config, and what the program gives beside it."""

    config: Mapping[str, Any]
    image: str | None = None

    @property
    def args(self) -> LambdaEndpointArgs:
        """The arguments of the component."""
        read = LambdaEndpointArgs.parse(self.config)
        return LambdaEndpointArgs(read.spec, read.target, image=self.image)


def mode(
    target: Mapping[str, Any] | None = None,
    *,
    image: str | None = None,
    previous_version: str | None = None,
    **spec: Any,
) -> Mode:
    """`iris`, with fields of its spec and target as a person writes them."""
    place = {"kind": "lambda", "account": PLACE.account, "region": PLACE.region}
    given = {} if image is not None else {"image": IMAGE}
    if previous_version is not None:
        given["previous_version"] = previous_version
    config = {"name": "iris", "model": REMOTE, **spec, "target": {**place, **given, **(target or {})}}
    return Mode(config, image)


def plan(target: Mapping[str, Any] | None = None, **spec: Any) -> Plan[LambdaTarget]:
    """The plan of `iris` in the stack `dev` of the project `shop`."""
    args = mode(target, **spec).args
    return Plan.of(args.spec, args.target, "shop", "dev")


class LambdaRecorder(AwsRecorder):
    """Gives what AWS would make of a function and of the ways to it."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        made = {
            "aws:lambda/function:Function": {"version": "8"},
            "aws:lambda/alias:Alias": {
                "arn": PLACE.arn("lambda", f"function:{args.inputs.get('functionName')}:live"),
                "invokeArn": "arn:aws:apigateway:invoke/live",
            },
            "aws:lambda/functionUrl:FunctionUrl": {"functionUrl": "https://abc.lambda-url.on.aws/"},
            "aws:apigatewayv2/api:Api": {"apiEndpoint": "https://api.example.com"},
            "aws:sqs/queue:Queue": {
                "arn": PLACE.arn("sqs", f"{args.inputs.get('name')}"),
                "url": "https://queue",
            },
            "aws:cloudwatch/logGroup:LogGroup": {
                "arn": PLACE.arn("logs", f"log-group:{args.inputs.get('name')}")
            },
        }
        number, outputs = super().new_resource(args)
        return number, {**outputs, **made.get(args.typ, {})}


def made(which: Mode) -> tuple[LambdaRecorder, LambdaEndpoint]:
    """Register an endpoint; what came of it."""
    recorder = LambdaRecorder()
    mocks.set_mocks(recorder, project="shop", stack="dev", preview=False, monitor=RecordingMonitor(recorder))
    endpoint: LambdaEndpoint = run(recorder, lambda: LambdaEndpoint("iris", which.args))
    return recorder, endpoint


_URL: Final = {"front": {"kind": "function_url"}}
_API: Final = {"front": {"kind": "http_api"}}
_COLD: Final = {"scaling": {"min": 0, "max": 10}}
_RUNTIME: Final = {"engine": "custom", "image": IMAGE, "args": ["--quiet"]}

MODES: Final[Mapping[str, Mode]] = {
    "minimal": mode(),
    "idle costs nothing": mode(scaling={"min": 0, "max": 10}),
    "autoscaled": mode(scaling={"min": 2, "max": 20, "target": 32}),
    "invoked by role and account": mode(security={"invokers": [ROLE, "210987654321"]}),
    "url": mode(security={**PUBLIC, "invokers": [ROLE]}),
    "url, open": mode(_URL, security=OPEN),
    "url, streaming": mode({"front": {"kind": "function_url", "streaming": True}}, security=PUBLIC),
    "url, streaming by an engine of one's own": mode(
        {"front": {"kind": "function_url", "streaming": True}},
        security=PUBLIC,
        runtime=_RUNTIME,
        model={**REMOTE, "format": "custom"},
    ),
    "api, tokens": mode(security=TOKENS, limits={"requests_per_second": 20}),
    "api, signatures": mode(_API, security=PUBLIC),
    "api, open": mode(_API, security=OPEN),
    "api, own name": mode(
        _API, security={**TOKENS, "tls": {"domain": "iris.example.com", "certificate": CERTIFICATE}}
    ),
    "vpc": mode({"vpc": VPC}),
    "x86": mode({"architecture": "x86_64", "ephemeral_storage": "2Gi"}),
    "in the image": mode(model={"uri": "models/iris.onnx", "sha256": "a" * 64}),
    "built by the program": mode(image=IMAGE),
    "own identity and key": mode(
        security={
            "identity": "arn:aws:iam::123456789012:role/iris",
            "key": f"arn:aws:kms:eu-central-1:123456789012:key/{'1' * 8}-1111-1111-1111-{'1' * 12}",
        }
    ),
    "canary, back": mode(rollout={**CANARY, "step": 0}, previous_version="7"),
    "canary": mode(rollout={**CANARY, "step": 1}, previous_version="7", **_COLD),
    "canary, further": mode(rollout={**CANARY, "step": 2}, previous_version="7", **_COLD),
    "canary, whole": mode(rollout={**CANARY, "step": 3}, previous_version="7"),
    "blue-green": mode(rollout={"strategy": "blue_green", "previous": PREVIOUS}, previous_version="7"),
    "blue-green, back": mode(
        rollout={"strategy": "blue_green", "previous": PREVIOUS, "active": "previous"}, previous_version="7"
    ),
    "everything": mode(
        {"vpc": VPC, **_API},
        security=TOKENS,
        scaling={"min": 2, "max": 20},
        limits={"requests_per_second": 50},
        labels={"team": "plants"},
        budget={"monthly_usd": 100},
        monitoring={
            "logs": {"retention_days": 365},
            "tracing": {},
            "slo": {"availability": 99.9, "latency_p99": "300ms"},
            "alerts": {"notify": ["mailto:oncall@example.com"]},
        },
        protect=True,
    ),
    "prod": mode(security={**PUBLIC, "invokers": [ROLE]}, **PROD),
}


PIPELINE: Final = AwsPredictionPipelineArgs(mode().args, "shop-dev-flowers", "shop-dev-answers")
"""Objects of one bucket are predicted on by `iris`, into another bucket."""


@cache
def registered(which: str) -> tuple[LambdaRecorder, LambdaEndpoint]:
    """What a mode registers: looked at by several tests, and changed by none."""
    return made(MODES[which])


def one(which: str, kind: str) -> Registered:
    (found,) = registered(which)[0].of(kind)
    return found
