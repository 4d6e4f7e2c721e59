"""How many there are: what is measured for each mode, what is refused, and what is registered."""

from typing import Any

import pytest

from modelberth.aws.sagemaker import measures, scaling
from modelberth.aws.scaled import CloudWatchMetric, Tracking, Waking
from support.sagemaker_rooms import (
    A_GPU,
    COMPONENTS,
    GPUS,
    QUEUE,
    REAL_TIME,
    SCALED,
    SERVERLESS,
    TO_ZERO,
    aws,
    plan,
)

__all__ = ["aws"]


def asked(mode: dict[str, Any] = REAL_TIME, name: str = "model", **spec: Any) -> measures.Measure:
    return measures.measure(plan(mode, **spec), name)


def refused(mode: dict[str, Any] = REAL_TIME, **spec: Any) -> dict[str, str]:
    made = plan(mode, **spec)
    return {one.path: f"{one}" for one in scaling.problems(made.spec, made.target)}


@pytest.mark.parametrize(
    ("mode", "given", "metric", "aim"),
    [
        (REAL_TIME, {}, "SageMakerVariantConcurrentRequestsPerModelHighResolution", 44.8),
        (REAL_TIME, {"target": 8}, "SageMakerVariantConcurrentRequestsPerModelHighResolution", 8),
        # Predefined as requests a minute.
        (
            REAL_TIME,
            {"metric": "requests_per_second", "target": 2},
            "SageMakerVariantInvocationsPerInstance",
            120,
        ),
        (COMPONENTS, {}, "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution", 44.8),
        (
            COMPONENTS,
            {"metric": "requests_per_second", "target": 0.5},
            "SageMakerInferenceComponentInvocationsPerCopy",
            30,
        ),
        (SERVERLESS, {}, "SageMakerVariantProvisionedConcurrencyUtilization", 0.7),
        (SERVERLESS, {"target": 32}, "SageMakerVariantProvisionedConcurrencyUtilization", 0.5),
    ],
)
def test_a_predefined_measure(mode: dict[str, Any], given: dict[str, Any], metric: str, aim: float) -> None:
    found = asked(mode, scaling={**SCALED, **given})
    assert (found.metric, found.value) == (metric, pytest.approx(aim))
    assert refused(mode, scaling={**SCALED, **given}) == {}


@pytest.mark.parametrize(
    ("mode", "resources", "metric", "name", "aim"),
    [
        # SageMaker adds up what has four processors, and what has four GPUs.
        (REAL_TIME, {}, "cpu", "CPUUtilization", 4 * 70),
        (GPUS, A_GPU, "gpu", "GPUUtilization", 4 * 70),
        (QUEUE, {}, "cpu", "CPUUtilization", 4 * 70),
        # A copy's is the share of what is reserved for it.
        (COMPONENTS, {}, "cpu", "CPUUtilizationNormalized", 70),
        ({**GPUS, "inference_components": {}}, A_GPU, "gpu", "GPUUtilizationNormalized", 70),
    ],
)
def test_a_percentage_is_of_all_that_an_instance_has(
    mode: dict[str, Any], resources: dict[str, Any], metric: str, name: str, aim: float
) -> None:
    found = asked(mode, resources=resources, scaling={**SCALED, "metric": metric})
    assert isinstance(found.metric, CloudWatchMetric)
    assert (found.metric.name, found.value, found.metric.statistic) == (name, aim, "Average")
    assert found.metric.unit == "Percent"
    of = {"InferenceComponentName"} if "inference_components" in mode else {"EndpointName", "VariantName"}
    assert found.metric.dimensions.keys() == of


@pytest.mark.parametrize("given", [{}, {"metric": "queue_depth", "target": 5}])
def test_a_queue_is_shared_out_among_instances(given: dict[str, Any]) -> None:
    found = asked(QUEUE, scaling={**TO_ZERO, **given})
    assert found.metric == CloudWatchMetric(
        "AWS/SageMaker", "ApproximateBacklogSizePerInstance", {"EndpointName": "shop-dev-iris"}, "Average"
    )
    assert found.value == pytest.approx(given.get("target", 44.8))


def test_zero_takes_a_first_step() -> None:
    tracking, waking = scaling.policies(plan(QUEUE, scaling=TO_ZERO), "model")
    assert isinstance(tracking, Tracking)
    assert (tracking.cooldown_seconds, tracking.growing_seconds) == (300, 300)
    assert isinstance(waking, Waking)
    assert (waking.metric.name, waking.metric.dimensions) == (
        "HasBacklogWithoutCapacity",
        {"EndpointName": "shop-dev-iris"},
    )
    _, waking = scaling.policies(plan(COMPONENTS, scaling=TO_ZERO), "shop-dev-iris-model")
    assert isinstance(waking, Waking)
    assert (waking.metric.name, waking.metric.dimensions, waking.metric.statistic) == (
        "NoCapacityInvocationFailures",
        {"InferenceComponentName": "shop-dev-iris-model"},
        "Sum",
    )
    # The first one has to start before the alarm, which is still up, asks for another.
    started = plan(COMPONENTS, scaling=TO_ZERO).spec.limits.startup_timeout.seconds
    assert waking.cooldown_seconds >= 600 + started
    assert len(scaling.policies(plan(QUEUE, scaling=SCALED), "model")) == 1


@pytest.mark.parametrize(
    ("mode", "spec", "path", "told"),
    [
        (REAL_TIME, {"scaling": TO_ZERO}, "scaling.min", "inference_components"),
        (
            REAL_TIME,
            {"scaling": {**SCALED, "metric": "queue_depth", "target": 5}},
            "scaling.metric",
            "in progress as well",
        ),
        (
            QUEUE,
            {"scaling": {**SCALED, "metric": "requests_per_second", "target": 5}},
            "scaling.metric",
            "'queue_depth'",
        ),
        (SERVERLESS, {"scaling": {**SCALED, "metric": "cpu"}}, "scaling.metric", "one request at a time"),
        (SERVERLESS, {"scaling": {**SCALED, "target": 64}}, "scaling.target", "below limits.concurrency, 64"),
        (
            REAL_TIME,
            {"scaling": {**SCALED, "target": 65}},
            "scaling.target",
            "at most limits.concurrency, 64",
        ),
        (REAL_TIME, {"scaling": {**SCALED, "metric": "gpu"}}, "scaling.metric", "no GPUs"),
        (
            {**REAL_TIME, "instance_type": "ml.x9.huge"},
            {"scaling": {**SCALED, "metric": "cpu"}},
            "target.mode.instance_type",
            "adds up the percentages",
        ),
    ],
)
def test_what_cannot_be_scaled_is_refused(
    mode: dict[str, Any], spec: dict[str, Any], path: str, told: str
) -> None:
    found = refused(mode, **spec)
    assert found.keys() == {path}
    assert told in found[path]


@pytest.mark.parametrize(
    ("mode", "spec"),
    [
        (REAL_TIME, {}),
        (COMPONENTS, {"scaling": TO_ZERO}),
        (QUEUE, {"scaling": TO_ZERO}),
        (SERVERLESS, {"scaling": {"min": 0, "max": 20}}),
        ({**COMPONENTS, "instance_type": "ml.x9.huge"}, {"scaling": {**SCALED, "metric": "cpu"}}),
    ],
)
def test_what_can_be_is_not(mode: dict[str, Any], spec: dict[str, Any]) -> None:
    assert refused(mode, **spec) == {}
