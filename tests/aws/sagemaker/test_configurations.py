"""What each mode deploys: variants and their shares, queues and pools, and how updates go."""

from typing import Any

import pytest

from support.aws_blocks import KEY, PLACE
from support.aws_sagemaker import MODES, configuration, endpoint, made, mode, registered

# Variants, and how updates go


def test_two_instances_where_two_are_asked_for() -> None:
    """A15: as many instances as the spec has at least."""
    (variant,) = configuration("two of them")["productionVariants"]
    assert variant["initialInstanceCount"] == 2
    (variant,) = configuration("minimal")["productionVariants"]
    assert variant["initialInstanceCount"] == 1
    assert variant["instanceType"] == "ml.c5.large"
    assert variant["routingConfigs"] == [{"routingStrategy": "LEAST_OUTSTANDING_REQUESTS"}]


@pytest.mark.parametrize(
    ("which", "weights", "shadows"),
    [
        ("minimal", {"model": 100}, {}),
        ("canary, back", {"model": 0, "previous": 100}, {}),
        ("canary", {"model": 10, "previous": 90}, {}),
        ("canary, further", {"model": 50, "previous": 50}, {}),
        ("canary, whole", {"model": 100, "previous": 0}, {}),
        ("blue-green", {"model": 100, "previous": 0}, {}),
        ("blue-green, back", {"model": 0, "previous": 100}, {}),
        ("shadow", {"previous": 100}, {"model": 20}),
        ("shadow, promoted", {"model": 100}, {}),
        ("variants", {"model": 70, "cheap": 30}, {}),
        ("variant in the shadow", {"model": 100}, {"next": 10}),
    ],
)
def test_the_weights_of_each_step(which: str, weights: dict[str, int], shadows: dict[str, int]) -> None:
    inputs = configuration(which)

    def found(field: str) -> dict[str, float]:
        return {one["variantName"]: one["initialVariantWeight"] for one in inputs.get(field, [])}

    assert found("productionVariants") == weights
    assert found("shadowProductionVariants") == shadows
    models = {each.inputs["name"] for each in registered(which)[0].of("Model")}
    served = [*inputs["productionVariants"], *inputs.get("shadowProductionVariants", [])]
    assert {each["modelName"] for each in served} == models
    assert len(models) == len(served)


def test_a_step_changes_weights_alone() -> None:
    def models(which: str) -> dict[str, Any]:
        return {each.name: each.inputs for each in registered(which)[0].of("Model")}

    assert models("canary") == models("canary, further")
    assert len(models("canary")) == 2
    assert configuration("canary")["name"] != configuration("canary, further")["name"]


@pytest.mark.parametrize("which", MODES)
def test_the_number_of_instances_survives_an_update(which: str) -> None:
    """An update keeps what autoscaling has come to, and takes the weights of the new configuration."""
    inputs = endpoint(which)
    if which.startswith("serverless"):
        assert "retainAllVariantProperties" not in inputs
        return
    assert inputs["retainAllVariantProperties"] is True
    assert inputs["excludeRetainedVariantProperties"] == [{"variantPropertyType": "DesiredWeight"}]
    # Nothing of the last deployment's way is kept: the spec says how this one goes.
    assert "retainDeploymentConfig" not in inputs


@pytest.mark.parametrize("which", MODES)
def test_a_bad_update_goes_back(which: str) -> None:
    """A20: alarms that are there before the endpoint; not where SageMaker steers no update."""
    recorder = registered(which)[0]
    (found,) = recorder.of("Endpoint")
    steered = found.inputs.get("deploymentConfig")
    unsteered = {"unguarded", "shadow", "variants", "variant in the shadow", "blue-green", "blue-green, back"}
    is_unsteered = which in unsteered or which.startswith(("canary", "serverless", "components"))
    assert (steered is None) == is_unsteered
    if steered is None:
        return
    named = {each["alarmName"] for each in steered["autoRollbackConfiguration"]["alarms"]}
    alarms = {each.inputs["name"]: each.name for each in recorder.of("MetricAlarm")}
    assert named
    assert named <= alarms.keys()
    before = {urn.rpartition("::")[2] for urn in found.dependencies}
    assert {alarms[name] for name in named} <= before


def test_another_content_is_another_name_and_the_same_is_the_same() -> None:
    """A configuration by the name of the old one would never reach the endpoint."""
    names = {which: configuration(which)["name"] for which in ("minimal", "two of them", "captured", "vpc")}
    assert len(set(names.values())) == len(names)
    assert all(name.startswith("shop-dev-iris-config-") and len(name) <= 63 for name in names.values())
    again = made(mode())[0]
    assert {each.inputs["name"] for each in again.of("EndpointConfiguration")} == {names["minimal"]}
    other = made(mode(labels={"team": "plants"}))[0]
    (kept,) = other.of("EndpointConfiguration")
    assert kept.inputs["name"] == names["minimal"], "tags are changed in place"
    assert endpoint("minimal")["endpointName"] == "shop-dev-iris"


@pytest.mark.parametrize(
    ("which", "held"),
    [
        ("autoscaled", {"model"}),
        ("canary, back", {"previous"}),
        ("canary", {"model", "previous"}),
        ("canary, whole", {"model"}),
        ("variants", {"model", "cheap"}),
        ("two of them", set()),
    ],
)
def test_a_variant_without_requests_can_go_in_the_next_update(which: str, held: set[str]) -> None:
    """AWS removes no variant that Application Auto Scaling holds."""
    targets = registered(which)[0].of("Target")
    assert {each.inputs["resourceId"].rpartition("/")[2] for each in targets} == held


# Serverless, queues and components


def test_a_serverless_endpoint() -> None:
    (cold,) = configuration("serverless")["productionVariants"]
    assert cold["serverlessConfig"] == {"memorySizeInMb": 1024, "maxConcurrency": 20}
    assert "instanceType" not in cold
    (warm,) = configuration("serverless, warm")["productionVariants"]
    assert warm["serverlessConfig"] == {
        "memorySizeInMb": 2048,
        "maxConcurrency": 20,
        "provisionedConcurrency": 2,
    }


def test_an_asynchronous_endpoint() -> None:
    wanted = configuration("async")["asyncInferenceConfig"]
    output = wanted["outputConfig"]
    assert output["s3OutputPath"] == "s3://shop-answers/iris"
    assert output["s3FailurePath"] == "s3://shop-answers/iris/failures"
    assert output["kmsKeyId"] == KEY
    made_here = {about: PLACE.arn("sns", f"shop-dev-iris-async-{about}") for about in ("success", "error")}
    assert output["notificationConfig"] == {
        "successTopic": made_here["success"],
        "errorTopic": made_here["error"],
    }
    assert wanted["clientConfig"] == {"maxConcurrentInvocationsPerInstance": 64}
    assert len(registered("async")[0].of("Topic")) == 2
    assert registered("async, topics given")[0].of("Topic") == []


def test_an_endpoint_of_components_has_instances_and_no_model() -> None:
    recorder = registered("components, to zero")[0]
    (pool,) = recorder.of("EndpointConfig")
    (variant,) = pool.inputs["productionVariants"]
    assert "modelName" not in variant
    assert variant["managedInstanceScaling"] == {
        "status": "ENABLED",
        "minInstanceCount": 0,
        "maxInstanceCount": 3,
    }
    (component,) = recorder.of("InferenceComponent")
    (model,) = recorder.of("Model")
    assert component.inputs["specification"]["modelName"] == model.inputs["name"]
    assert component.inputs["variantName"] == variant["variantName"]
