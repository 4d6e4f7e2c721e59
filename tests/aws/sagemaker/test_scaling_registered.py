"""What scales an endpoint as it is registered, and what an update leaves of it."""

from typing import Any

import pulumi
import pytest
from pulumi_aws_native import sagemaker

from modelberth.aws.autoscaling import AwsAutoscaling
from modelberth.aws.sagemaker import scaling
from modelberth.aws.sagemaker.endpoint import SageMakerEndpoint
from modelberth.preview.standins.imitation import replacements
from support.aws.graph import captured, updated
from support.aws_blocks import PLACE, AwsRecorder
from support.aws_sagemaker import Mode
from support.aws_sagemaker import mode as endpoint_mode
from support.clouds.changes import Update
from support.recording import run
from support.sagemaker_rooms import (
    QUEUE,
    REAL_TIME,
    SCALED,
    SERVERLESS,
    TO_ZERO,
    aws,
    plan,
    recorder,
)

__all__ = ["aws"]


def registered(
    aws: AwsRecorder, mode: dict[str, Any] = REAL_TIME, variants: tuple[str, ...] = ("model",), **spec: Any
) -> dict[str, AwsAutoscaling]:
    def program() -> dict[str, AwsAutoscaling]:
        endpoint = sagemaker.Endpoint("iris-endpoint", endpoint_config_name="shop-dev-iris-config")
        opts = pulumi.ResourceOptions()
        return scaling.register("iris-scaling", plan(mode, **spec), endpoint, variants, opts)

    found: dict[str, AwsAutoscaling] = run(aws, program)
    return found


def test_a_fixed_number_is_nobodys(aws: AwsRecorder) -> None:
    assert registered(aws) == {}
    assert registered(aws, SERVERLESS, scaling={"min": 0, "max": 20}) == {}
    assert aws.of("Target") == []


def test_each_variant_is_scaled_between_its_bounds(aws: AwsRecorder) -> None:
    registered(aws, variants=("model", "previous"), scaling={"min": 2, "max": 6, "cooldown": "2m"})
    assert {one.inputs["resourceId"] for one in aws.of("Target")} == {
        "endpoint/shop-dev-iris/variant/model",
        "endpoint/shop-dev-iris/variant/previous",
    }
    for target in aws.of("Target"):
        assert target.inputs["scalableDimension"] == "sagemaker:variant:DesiredInstanceCount"
        assert target.inputs["serviceNamespace"] == "sagemaker"
        assert (target.inputs["minCapacity"], target.inputs["maxCapacity"]) == (2, 6)
        assert target.inputs["region"] == "eu-central-1"
        assert target.inputs["tags"]["modelberth:endpoint"] == "iris"
    names = [one.inputs["name"] for one in aws.of("Policy")]
    assert sorted(names) == ["shop-dev-iris-model-load", "shop-dev-iris-previous-load"]
    for policy in aws.of("Policy"):
        tracking = policy.inputs["targetTrackingScalingPolicyConfiguration"]
        assert (tracking["scaleInCooldown"], tracking["scaleOutCooldown"]) == (120, 300)
        assert policy.inputs["policyType"] == "TargetTrackingScaling"


def test_a_target_comes_after_the_endpoint_and_is_never_made_anew_with_it(aws: AwsRecorder) -> None:
    """The count is the target's: it is lost where a target is replaced."""
    registered(aws, scaling=SCALED)
    (target,) = aws.of("Target")
    assert [urn.rpartition("::")[2] for urn in target.dependencies] == ["iris-endpoint"]
    # All that would make another one of it follows from the endpoint's name and the variant's.
    row = replacements.of(target.type)
    assert row is not None
    assert row.paths == ("region", "resourceId", "scalableDimension", "serviceNamespace")
    first = {key: target.inputs[key] for key in row.paths}
    later = recorder()
    changed = {"uri": "s3://models/iris/4.onnx", "sha256": "c" * 64, "version": "4"}
    larger = {**REAL_TIME, "instance_type": "ml.m7i.2xlarge"}
    registered(later, larger, model=changed, scaling={"min": 2, "max": 9})
    (again,) = later.of("Target")
    assert {key: again.inputs[key] for key in row.paths} == first
    assert (again.inputs["minCapacity"], again.inputs["maxCapacity"]) == (2, 9)


def test_an_empty_queue_has_no_instance_and_a_request_starts_one(aws: AwsRecorder) -> None:
    registered(aws, QUEUE, scaling=TO_ZERO)
    (target,) = aws.of("Target")
    assert (target.inputs["minCapacity"], target.inputs["maxCapacity"]) == (0, 4)
    stepped = aws.named("iris-scaling-model-wake").inputs
    assert stepped["policyType"] == "StepScaling"
    steps = stepped["stepScalingPolicyConfiguration"]
    assert (steps["adjustmentType"], steps["cooldown"]) == ("ChangeInCapacity", 900)
    (step,) = steps["stepAdjustments"]
    assert (step["scalingAdjustment"], step["metricIntervalLowerBound"]) == (1, "0")
    (alarm,) = aws.of("MetricAlarm")
    assert alarm.inputs["metricName"] == "HasBacklogWithoutCapacity"
    assert (alarm.inputs["threshold"], alarm.inputs["comparisonOperator"]) == (
        1,
        "GreaterThanOrEqualToThreshold",
    )
    assert alarm.inputs["treatMissingData"] == "notBreaching"
    assert alarm.inputs["alarmActions"] == [PLACE.arn("autoscaling", "scalingPolicy:iris-scaling-model-wake")]


def test_warm_environments_are_counted_apart(aws: AwsRecorder) -> None:
    registered(aws, SERVERLESS, scaling={"min": 2, "max": 20})
    (target,) = aws.of("Target")
    assert target.inputs["scalableDimension"] == "sagemaker:variant:DesiredProvisionedConcurrency"
    assert target.inputs["resourceId"] == "endpoint/shop-dev-iris/variant/model"


# Between two updates


def changed(**change: Any) -> Update:
    before = endpoint_mode(scaling={"min": 2, "max": 6})
    after = Mode({**before.config, **change})
    deployed = captured(lambda: SageMakerEndpoint("iris", before.args), region=PLACE.region)
    return updated(deployed, lambda: SageMakerEndpoint("iris", after.args))


@pytest.mark.parametrize(
    "change",
    [
        {"model": {"uri": "s3://models/iris/4.onnx", "sha256": "c" * 64, "version": "4"}},
        {"limits": {"startup_timeout": "10m"}},
    ],
)
def test_the_target_lasts_while_the_configuration_is_another_one(change: dict[str, Any]) -> None:
    update = changed(**change)
    assert "endpointConfigName" in update.in_place["iris-endpoint"]
    assert not [name for name in (*update.replaced, *update.deleted, *update.made) if "scaling" in name]


def test_another_endpoint_has_a_target_of_its_own() -> None:
    update = changed(name="tulip")
    assert "resourceId" in update.replaced["iris-scaling-model-target"]
