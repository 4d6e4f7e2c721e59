"""Plans of endpoints in SageMaker, for the tests of what scales and watches them."""

from collections.abc import Mapping
from typing import Any, Final

import pytest
from pulumi.runtime import mocks

from modelberth.aws.plan import Plan
from modelberth.spec import EndpointSpec, parse
from modelberth.spec.sagemaker import SageMakerTarget
from support.aws_blocks import PLACE, AwsRecorder
from support.recording import RecordingMonitor

REAL_TIME: Final[dict[str, Any]] = {"kind": "real_time", "instance_type": "ml.m7i.xlarge"}
GPUS: Final[dict[str, Any]] = {"kind": "real_time", "instance_type": "ml.g5.12xlarge"}
COMPONENTS: Final[dict[str, Any]] = {**REAL_TIME, "inference_components": {}}
SERVERLESS: Final[dict[str, Any]] = {"kind": "serverless"}
QUEUE: Final[dict[str, Any]] = {
    "kind": "async",
    "instance_type": "ml.m7i.xlarge",
    "input": "s3://shop-requests/iris",
    "output": "s3://shop-answers/iris",
}
PREVIOUS: Final = {"uri": "s3://models/iris/2.onnx", "sha256": "b" * 64, "version": "2"}
CANARY: Final = {"strategy": "canary", "previous": PREVIOUS}
A_GPU: Final = {"gpu": {"kind": "a10g", "count": 1}}
SCALED: Final = {"min": 1, "max": 4}
TO_ZERO: Final = {"min": 0, "max": 4}


def plan(mode: Mapping[str, Any] = REAL_TIME, **spec: Any) -> Plan[SageMakerTarget]:
    """The plan of `iris` in the stack `dev` of the project `shop`."""
    model = {"uri": "s3://models/iris/3.onnx", "sha256": "a" * 64, "version": "3"}
    target = parse(SageMakerTarget, {"account": "123456789012", "region": "eu-central-1", "mode": dict(mode)})
    return Plan.of(parse(EndpointSpec, {"name": "iris", "model": model, **spec}), target, "shop", "dev")


class SageMakerRecorder(AwsRecorder):
    """Gives the ARNs of policies, which alarms call."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        number, outputs = super().new_resource(args)
        if args.typ == "aws:appautoscaling/policy:Policy":
            outputs["arn"] = PLACE.arn("autoscaling", f"scalingPolicy:{args.name}")
        return number, outputs


def recorder() -> SageMakerRecorder:
    """A recorder that the next program registers with."""
    made = SageMakerRecorder()
    mocks.set_mocks(made, project="shop", stack="dev", preview=False, monitor=RecordingMonitor(made))
    return made


@pytest.fixture
def aws() -> SageMakerRecorder:
    """The recorder of a test."""
    return recorder()
