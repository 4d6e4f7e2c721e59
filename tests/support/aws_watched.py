"""Endpoints in AWS as the tests of their watching make them."""

from typing import Any, Final

from modelberth.aws.monitoring.alarm import Watched
from modelberth.aws.monitoring.signals import signals_of
from modelberth.aws.plan import Plan
from modelberth.spec import EndpointSpec, parse
from modelberth.spec.aws import LambdaTarget

ACCOUNT: Final = "123456789012"
REGION: Final = "eu-central-1"
TARGET: Final = LambdaTarget(account=ACCOUNT, region=REGION)
KEY: Final = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
TOPIC: Final = f"arn:aws:sns:{REGION}:{ACCOUNT}:pager"
LOG_GROUP: Final = "/aws/lambda/shop-prod-iris"
WHERE: Final = {
    "function": "shop-prod-iris",
    "alias": "shop-prod-iris:live",
    "api": "a1b2c3d4e5",
    "stage": "$default",
}
KINDS: Final = ("lambda", "lambda-function-url", "lambda-http-api")

_MODEL: Final = {"uri": "s3://models/iris/3.onnx", "sha256": "a" * 64, "version": "3"}
_PREVIOUS: Final = {"uri": "s3://models/iris/2.onnx", "sha256": "b" * 64, "version": "2"}

PROMISED: Final[dict[str, Any]] = {
    "labels": {"team": "plants"},
    "scaling": {"min": 2, "max": 10},
    "rollout": {
        "strategy": "canary",
        "previous": _PREVIOUS,
        "guard": {"max_error_percent": 1, "max_latency_p99": "400ms"},
    },
    "budget": {"monthly_usd": 50},
    "monitoring": {
        "slo": {"availability": 99.5, "latency_p99": "300ms"},
        "alerts": {"notify": ["mailto:iris@example.com", "https://hooks.example.com/iris"]},
    },
}
"""All that can be asked for."""


def spec(**fields: Any) -> EndpointSpec:
    """The spec of `iris`, with fields as a person writes them."""
    return parse(EndpointSpec, {"name": "iris", "model": _MODEL, **fields})


def plan(**fields: Any) -> Plan[LambdaTarget]:
    """The plan of `iris` in the stack `prod` of the project `shop`."""
    return Plan.of(spec(**fields), TARGET, "shop", "prod")


def watched(kind: str = "lambda-http-api", *, version: bool = False, **fields: Any) -> Watched:
    """The endpoint as a kind hands it over; `version` is that of a canary's new model."""
    made = plan(**fields)
    scaling = made.spec.scaling
    where = {**WHERE, **({"version": "7"} if version else {})}
    return Watched(made, signals_of(kind, where), scaling.max, scaling.min, LOG_GROUP)
