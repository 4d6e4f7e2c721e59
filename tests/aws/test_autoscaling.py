"""`AwsAutoscaling` by itself: what it refuses."""

import pulumi
import pytest

from modelberth.aws.autoscaling import AwsAutoscaling, AwsAutoscalingArgs
from modelberth.aws.scaled import CloudWatchMetric, Scaled, Tracking, Waking
from support.aws_blocks import PLACE, AwsRecorder, aws
from support.recording import run

__all__ = ["aws"]


METRIC = CloudWatchMetric("AWS/SageMaker", "HasBacklogWithoutCapacity", {"EndpointName": "e"}, "Average")
WAKE = Waking("wake", METRIC, 1, 300, "wakes")
LOAD = Tracking("load", "SageMakerVariantInvocationsPerInstance", 5, 300)


@pytest.mark.parametrize(
    ("least", "most", "policies", "told"),
    [
        (0, 2, [LOAD], "policies: given no Waking"),
        (3, 2, [LOAD], "scaled.least: given 3, allowed: 0 to 2"),
        (-1, 2, [LOAD, WAKE], "scaled.least: given -1"),
        (1, 2, [LOAD, LOAD], "policies: given load, load"),
    ],
)
def test_a_zero_without_a_way_out_and_other_nonsense(
    aws: AwsRecorder, least: int, most: int, policies: list[Tracking | Waking], told: str
) -> None:
    scaled = Scaled(
        "sagemaker", "endpoint/e/variant/model", "sagemaker:variant:DesiredInstanceCount", least, most
    )
    args = AwsAutoscalingArgs(PLACE, "shop-dev-e", scaled, policies)
    with pytest.raises(pulumi.RunError, match=told.replace("(", r"\(")):
        run(aws, lambda: AwsAutoscaling("scaling", args))
    assert aws.of("Target") == []
    whole = AwsAutoscalingArgs(
        PLACE, "shop-dev-e", Scaled(scaled.service, scaled.resource, scaled.dimension, 0, 2), [LOAD, WAKE]
    )
    assert [*whole.problems()] == []
