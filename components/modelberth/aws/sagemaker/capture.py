"""The sample of requests and predictions: SageMaker itself takes it, outside of the container."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from modelberth.errors import Problem, shown
from modelberth.spec.sagemaker import Serverless

if TYPE_CHECKING:
    import pulumi

    from modelberth.spec import EndpointSpec
    from modelberth.spec.sagemaker import SageMakerTarget

__all__ = ["data_capture", "problems"]


def data_capture(
    spec: EndpointSpec, target: SageMakerTarget, key: pulumi.Input[str]
) -> dict[str, Any] | None:
    """Return the configuration's part; None: nothing is captured.

    Args:
        spec: of the endpoint
        target: names the prefix in S3
        key: ARN of what encrypts the sample

    """
    wanted = spec.monitoring.capture
    if wanted is None or target.capture is None:
        return None
    return {
        "enable_capture": True,
        "initial_sampling_percentage": round(wanted.percent),
        "destination_s3_uri": target.capture,
        "kms_key_id": key,
        "capture_options": [{"capture_mode": "Input"}, {"capture_mode": "Output"}],
        # Of these the sample holds the text; bodies of other types are written as base64.
        "capture_content_type_header": {
            "json_content_types": ["application/json"],
            "csv_content_types": ["text/csv"],
        },
    }


def problems(spec: EndpointSpec, target: SageMakerTarget) -> Iterator[Problem]:
    """Yield samples that SageMaker cannot take, or has no place for."""
    wanted = spec.monitoring.capture
    if wanted is None:
        if target.capture is not None:
            yield Problem("target.capture", shown(target.capture), "nothing without monitoring.capture")
        return
    if isinstance(target.mode, Serverless):
        hint = "SageMaker captures nothing of a serverless endpoint."
        yield Problem("monitoring.capture", "a mapping", "nothing with target.mode serverless", hint)
        return
    if target.capture is None:
        yield Problem("target.capture", "nothing", "a prefix in S3, s3://BUCKET/PREFIX, for the sample")
    if wanted.percent != round(wanted.percent):
        # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DataCaptureConfig.html
        allowed = "a whole number of percent, 1 to 100, on target `sagemaker`"
        yield Problem("monitoring.capture.percent", f"{wanted.percent:g}", allowed)
