"""Copies of a model that AWS places: what is kept for one, how they are updated, the way to zero and back."""

from typing import Any

import pulumi
import pytest
from pulumi_aws_native import sagemaker

from modelberth.aws.sagemaker import components, scaling, watching
from support.recording import Registered, run
from support.sagemaker_rooms import (
    A_GPU,
    CANARY,
    COMPONENTS,
    REAL_TIME,
    SCALED,
    TO_ZERO,
    SageMakerRecorder,
    aws,
    plan,
)

__all__ = ["aws"]

NAME = "shop-dev-iris-model"


def rolling(surge: str | int) -> dict[str, Any]:
    return {"strategy": "rolling", "max_surge": surge}


def registered(aws: SageMakerRecorder, **spec: Any) -> Registered:
    """The component, of an endpoint that is there."""
    made = plan(COMPONENTS, **spec)

    def program() -> sagemaker.InferenceComponent:
        endpoint = sagemaker.Endpoint("iris-endpoint", endpoint_config_name="shop-dev-iris-config")
        return components.register(
            "iris-component",
            made,
            endpoint=endpoint,
            endpoint_name="shop-dev-iris",
            model_name="shop-dev-iris-model-1",
            rollback=watching.rollback_alarms(made),
            opts=pulumi.ResourceOptions(),
        )

    run(aws, program)
    (found,) = aws.of("InferenceComponent")
    return found


def refused(mode: dict[str, Any] = COMPONENTS, **spec: Any) -> list[str]:
    made = plan(mode, **spec)
    return [one.path for one in components.problems(made.spec, made.target)]


def test_what_is_kept_for_a_copy(aws: SageMakerRecorder) -> None:
    inputs = registered(aws, resources={"cpu": "1500m", "memory": "3Gi", **A_GPU}).inputs
    assert inputs["inferenceComponentName"] == NAME
    assert (inputs["endpointName"], inputs["variantName"]) == ("shop-dev-iris", "model")
    assert inputs["specification"]["modelName"] == "shop-dev-iris-model-1"
    assert inputs["specification"]["computeResourceRequirements"] == {
        "minMemoryRequiredInMb": 3072,
        "numberOfCpuCoresRequired": 1.5,
        "numberOfAcceleratorDevicesRequired": 1,
    }
    startup = inputs["specification"]["startupParameters"]
    assert startup["containerStartupHealthCheckTimeoutInSeconds"] == 300
    assert {tag["key"]: tag["value"] for tag in inputs["tags"]}["modelberth:endpoint"] == "iris"


@pytest.mark.parametrize(
    ("resources", "mib", "processors"),
    [
        ({"cpu": "100m", "memory": "128Mi"}, 128, 0.25),
        ({"cpu": "300m", "memory": "129Mi"}, 129, 0.3),
        ({"cpu": "2", "memory": 2**30 + 1}, 1025, 2),
    ],
)
def test_the_least_that_aws_takes(resources: dict[str, Any], mib: int, processors: float) -> None:
    found = components.requirements(plan(COMPONENTS, resources=resources).spec)
    assert found.min_memory_required_in_mb == mib
    assert found.number_of_cpu_cores_required == processors
    assert found.number_of_accelerator_devices_required is None


def test_the_count_is_the_autoscalers_once_there_is_one(aws: SageMakerRecorder) -> None:
    scaled = registered(aws, scaling=SCALED)
    assert scaled.inputs["runtimeConfig"] == {"copyCount": 1}
    assert scaled.ignored == ("runtimeConfig.copyCount",)


def test_a_fixed_count_is_set(aws: SageMakerRecorder) -> None:
    fixed = registered(aws, scaling={"min": 3, "max": 3})
    assert fixed.inputs["runtimeConfig"] == {"copyCount": 3}
    assert fixed.ignored == ()
    assert aws.of("Target") == []


def test_the_way_to_zero_and_back(aws: SageMakerRecorder) -> None:
    found = registered(aws, scaling=TO_ZERO)
    # A copy at first shows at once that the model starts.
    assert found.inputs["runtimeConfig"] == {"copyCount": 1}
    (target,) = aws.of("Target")
    assert target.inputs["resourceId"] == f"inference-component/{NAME}"
    assert target.inputs["scalableDimension"] == "sagemaker:inference-component:DesiredCopyCount"
    assert (target.inputs["minCapacity"], target.inputs["maxCapacity"]) == (0, 4)
    assert "iris-component" in {urn.rpartition("::")[2] for urn in target.dependencies}
    kinds = {one.inputs["policyType"] for one in aws.of("Policy")}
    assert kinds == {"TargetTrackingScaling", "StepScaling"}
    (alarm,) = aws.of("MetricAlarm")
    assert (alarm.inputs["namespace"], alarm.inputs["metricName"]) == (
        "AWS/SageMaker",
        "NoCapacityInvocationFailures",
    )
    assert alarm.inputs["dimensions"] == {"InferenceComponentName": NAME}
    # One request that finds nobody is enough: with "above 1" of AWS's example its caller waits for good.
    assert (alarm.inputs["comparisonOperator"], alarm.inputs["threshold"], alarm.inputs["statistic"]) == (
        "GreaterThanOrEqualToThreshold",
        1,
        "Sum",
    )
    (called,) = alarm.inputs["alarmActions"]
    assert called.endswith("scalingPolicy:iris-component-scaling-wake")


def test_it_goes_before_its_endpoint(aws: SageMakerRecorder) -> None:
    """Deleting an endpoint leaves its components behind: they depend on it, so they are deleted first."""
    found = registered(aws)
    assert "iris-endpoint" in {urn.rpartition("::")[2] for urn in found.dependencies}


def test_an_update_is_taken_back_by_the_alarms(aws: SageMakerRecorder) -> None:
    found = registered(aws, rollout=rolling("25%"), monitoring={"slo": {"latency_p99": "300ms"}})
    deployment = found.inputs["deploymentConfig"]
    policy = deployment["rollingUpdatePolicy"]
    assert policy["maximumBatchSize"] == {"type": "CAPACITY_PERCENT", "value": 25}
    assert 0 < policy["waitIntervalInSeconds"] <= 3600
    assert [one["alarmName"] for one in deployment["autoRollbackConfiguration"]["alarms"]] == [
        "shop-dev-iris-sagemaker-update-errors",
        "shop-dev-iris-sagemaker-update-latency",
    ]


@pytest.mark.parametrize(
    ("rollout", "path"),
    [
        (CANARY, "rollout.strategy"),
        ({"strategy": "blue_green"}, "rollout.strategy"),
        ({**rolling(1), "max_unavailable": 1}, "rollout.max_unavailable"),
        (rolling("75%"), "rollout.max_surge"),
        (rolling("4%"), "rollout.max_surge"),
    ],
)
def test_a_rollout_that_copies_do_not_have_is_refused(rollout: dict[str, Any], path: str) -> None:
    assert refused(rollout=rollout) == [path]
    assert refused(REAL_TIME, rollout=rollout) == []


@pytest.mark.parametrize("rollout", [rolling("5%"), rolling("50%"), rolling(1), rolling(3)])
def test_a_rolling_update_is_what_they_have(rollout: dict[str, Any]) -> None:
    assert refused(rollout=rollout) == []


def test_zero_needs_the_opt_in() -> None:
    """Nobody comes to refuse requests for minutes by `scaling.min: 0` alone."""
    without = plan(REAL_TIME, scaling=TO_ZERO)
    (problem,) = scaling.problems(without.spec, without.target)
    assert problem.path == "scaling.min"
    assert "target.mode.inference_components" in str(problem)
    chosen = plan(COMPONENTS, scaling=TO_ZERO)
    assert [*scaling.problems(chosen.spec, chosen.target)] == []
    field = type(chosen.target.mode).model_fields["inference_components"]
    assert "requests fail for minutes" in str(field.description)
