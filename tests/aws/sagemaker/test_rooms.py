"""The rooms of an endpoint in SageMaker on their own: sizes, names, updates and policies, without Pulumi."""

import json
from typing import Any

import pytest

from modelberth.aws.place import Place
from modelberth.aws.sagemaker import deployment, images, instances, model, names, path
from modelberth.aws.sagemaker.callers import invoking
from modelberth.aws.sagemaker.instances import has_local_storage, instance_type
from modelberth.aws.sagemaker.limits import limits
from modelberth.aws.sagemaker.server import environment
from modelberth.aws.sagemaker.variants import variants
from modelberth.kubernetes.accelerators.table import accelerators
from modelberth.preview.effects.machines import gpus_of
from modelberth.spec.model import ModelSource
from support.aws_sagemaker import ASYNC, CANARY, IMAGE, OTHER_IMAGE, PREVIOUS, plan

TWO: dict[str, Any] = {"scaling": {"min": 2, "max": 10}}
AT_ONCE = {"type": "ALL_AT_ONCE", "wait_interval_in_seconds": 0}


def steered(target: dict[str, Any] | None = None, **spec: Any) -> Any:
    """How updates go."""
    made = plan(target, **spec)
    return deployment.deployment_config(made.spec, made.target, ["errors"])


def routing(**spec: Any) -> Any:
    return steered(**spec)["blue_green_update_policy"]["traffic_routing_configuration"]


# Instances


@pytest.mark.parametrize(
    ("resources", "chosen"),
    [
        ({}, "ml.c7i.large"),
        ({"memory": "6Gi"}, "ml.m7i.large"),
        ({"memory": "12Gi"}, "ml.r7i.large"),
        ({"cpu": "3"}, "ml.c7i.xlarge"),
        ({"cpu": "192", "memory": "1Ti"}, "ml.r7i.48xlarge"),
        ({"gpu": {"kind": "t4"}}, "ml.g4dn.xlarge"),
        ({"gpu": {"kind": "a10g"}}, "ml.g5.xlarge"),
        ({"gpu": {"kind": "a10g", "count": 2}}, "ml.g5.12xlarge"),
        ({"gpu": {"kind": "l4"}, "memory": "40Gi"}, "ml.g6.4xlarge"),
        ({"gpu": {"kind": "l40s", "memory_min": "40Gi"}}, "ml.g6e.xlarge"),
        ({"gpu": {"kind": "h100"}}, "ml.p5.48xlarge"),
        ({"gpu": {"kind": "h100", "count": 8}}, "ml.p5.48xlarge"),
        ({"gpu": {"kind": "h200"}}, "ml.p5en.48xlarge"),
        ({"gpu": {"kind": "v100", "memory_min": "32Gi"}}, None),
        ({"gpu": {"kind": "mi300x"}}, None),
    ],
)
def test_the_cheapest_that_holds_a_replica(resources: dict[str, Any], chosen: str | None) -> None:
    made = plan(resources=resources)
    everything = made.target.model_copy(update={"region": "us-east-1"})
    assert instance_type(made.spec, everything) == chosen


@pytest.mark.parametrize(
    ("resources", "chosen"),
    [
        ({}, "ml.c5.large"),
        ({"memory": "6Gi"}, "ml.m5.large"),
        ({"gpu": {"kind": "a10g"}}, "ml.g5.xlarge"),
        ({"gpu": {"kind": "h100"}}, None),
    ],
)
def test_what_a_region_does_not_have_is_not_chosen(resources: dict[str, Any], chosen: str | None) -> None:
    made = plan(resources=resources)
    assert made.target.region == "eu-central-1"
    assert instance_type(made.spec, made.target) == chosen


def test_the_table_of_instances_agrees_with_the_api_and_the_other_tables() -> None:
    shapes = pytest.importorskip("botocore.session").get_session().get_service_model("sagemaker")
    known = set(shapes.shape_for("ProductionVariantInstanceType").enum)
    table = instances.instances()
    assert len(table) == 85
    assert table.keys() <= known, table.keys() - known
    families = {name.split(".")[1] for name in known}
    assert set(instances._toml()["local"]) <= families
    with_gpus = {name: one for name, one in table.items() if one.gpus}
    assert len(with_gpus) == 40
    for name, one in with_gpus.items():
        # Types that the other table does not know count none.
        assert gpus_of(name) in {0, one.gpus}, name
        assert one.gpu is not None
        assert one.gpu in accelerators()
    assert sum(gpus_of(name) == one.gpus for name, one in with_gpus.items()) >= 35


@pytest.mark.parametrize("instance", ["ml.g4dn.xlarge", "ml.g5.2xlarge", "ml.p4d.24xlarge", "ml.m5d.large"])
def test_storage_on_the_instance_takes_no_key(instance: str) -> None:
    """A17: the hardware encrypts it."""
    assert has_local_storage(instance)
    assert not has_local_storage(instance.replace(instance.split(".")[1], "m5"))


# Variants


def test_the_former_model_begins_with_what_its_share_needs() -> None:
    def counts(**spec: Any) -> dict[str, int]:
        return {one.name: one.instances for one in variants(plan(**spec).spec)}

    assert counts(**TWO) == {"model": 2}
    assert counts(rollout={**CANARY, "step": 1}, **TWO) == {"model": 2, "previous": 9}
    assert counts(rollout={**CANARY, "step": 2}, **TWO) == {"model": 2, "previous": 5}
    assert counts(rollout={**CANARY, "step": 3}, **TWO) == {"model": 2, "previous": 2}


def test_no_instance_is_not_a_beginning() -> None:
    made = plan(ASYNC, scaling={"min": 0, "max": 4})
    assert [one.instances for one in variants(made.spec)] == [1]


# Updates


def test_a_single_instance_is_exchanged_at_once_and_watched() -> None:
    policy = steered()["blue_green_update_policy"]
    assert policy["traffic_routing_configuration"] == AT_ONCE
    assert policy["termination_wait_in_seconds"] == 300
    assert steered()["auto_rollback_configuration"] == {"alarms": [{"alarm_name": "errors"}]}


@pytest.mark.parametrize(
    ("scaling", "rollout", "percent"),
    [
        ({"min": 2, "max": 2}, {}, 50),
        ({"min": 4, "max": 9}, {}, 25),
        ({"min": 50, "max": 50}, {}, 5),
        ({"min": 4, "max": 4}, {"max_surge": "10%"}, 10),
        ({"min": 10, "max": 10}, {"max_surge": 3}, 30),
    ],
)
def test_a_fleet_is_exchanged_part_by_part(
    scaling: dict[str, int], rollout: dict[str, Any], percent: int
) -> None:
    policy = steered(scaling=scaling, rollout={"strategy": "rolling", **rollout})["rolling_update_policy"]
    assert policy["maximum_batch_size"] == {"type": "CAPACITY_PERCENT", "value": percent}
    batches = -(-100 // percent)
    assert policy["maximum_execution_timeout_in_seconds"] >= batches * policy["wait_interval_in_seconds"]


@pytest.mark.parametrize(
    ("steps", "kind", "size"),
    [
        ([10], "CANARY", ("canary_size", 10)),
        ([10, 50], "CANARY", ("canary_size", 10)),
        ([60], "CANARY", ("canary_size", 50)),
        ([25, 50, 75], "LINEAR", ("linear_step_size", 25)),
        ([50], "CANARY", ("canary_size", 50)),
        ([34, 68], "LINEAR", ("linear_step_size", 34)),
        ([5, 10], "CANARY", ("canary_size", 5)),
    ],
)
def test_steps_as_sagemaker_takes_them(steps: list[int], kind: str, size: tuple[str, int]) -> None:
    wanted = [{"percent": percent, "bake": "5m"} for percent in steps]
    found = routing(rollout={"strategy": "canary", "steps": wanted})
    assert found["type"] == kind
    assert found[size[0]] == {"type": "CAPACITY_PERCENT", "value": size[1]}
    assert found["wait_interval_in_seconds"] == 300


def test_a_blue_green_update_keeps_the_old_fleet_for_its_bake() -> None:
    policy = steered(rollout={"strategy": "blue_green", "bake": "30m"})["blue_green_update_policy"]
    assert policy["termination_wait_in_seconds"] == 1800
    assert policy["traffic_routing_configuration"] == AT_ONCE
    assert policy["maximum_execution_timeout_in_seconds"] > 1800


@pytest.mark.parametrize(
    ("target", "spec"),
    [
        ({"mode": {"kind": "serverless"}}, {}),
        ({"mode": {"kind": "real_time", "inference_components": {}}}, {}),
        ({}, {"rollout": CANARY}),
        ({}, {"variants": {"cheap": {"model": PREVIOUS, "weight": 10}}}),
        ({}, {"rollout": {"strategy": "blue_green", "bake": "0s"}}),
    ],
)
def test_where_sagemaker_steers_nothing(target: dict[str, Any], spec: dict[str, Any]) -> None:
    assert steered(target, **spec) is None


def test_every_update_keeps_to_sagemakers_bounds() -> None:
    seen = 0
    for rollout in (
        {"strategy": "rolling", "max_surge": "5%"},
        {"strategy": "canary", "steps": [{"percent": p, "bake": "1h"} for p in range(10, 100, 10)]},
        {"strategy": "blue_green", "bake": "1h"},
        {"strategy": "shadow"},
    ):
        for startup in ("60s", "1h"):
            made = plan(rollout=rollout, limits={"startup_timeout": startup}, **TWO)
            assert deployment.seconds(made.spec) in limits().execution_seconds
            seen += 1
    assert seen == 8


# Names, models and callers


def test_names_stay_within_sagemakers_length() -> None:
    long = plan(name="a" * 32)
    assert names.endpoint_name(long) == f"shop-dev-{'a' * 32}"
    assert len(names.role_name(long)) <= 64
    assert names.log_group(long).startswith("/aws/sagemaker/Endpoints/")


@pytest.mark.parametrize(
    ("uri", "source"),
    [
        ("s3://models/iris/3.onnx", ("s3://models/iris/3.onnx", "S3Object", "None")),
        ("s3://models/iris/3", ("s3://models/iris/3/", "S3Prefix", "None")),
        ("s3://models/iris/v1.2/", ("s3://models/iris/v1.2/", "S3Prefix", "None")),
        ("s3://models/a%20b.onnx", ("s3://models/a b.onnx", "S3Object", "None")),
        ("s3://models/iris.tar.gz", ("s3://models/iris.tar.gz", "S3Object", "Gzip")),
        ("models/iris.onnx", None),
        ("https://example.com/iris.onnx", None),
    ],
)
def test_where_a_model_is_copied_from(uri: str, source: tuple[str, str, str] | None) -> None:
    found = model.data_source(ModelSource(uri=uri, sha256="a" * 64))
    if source is None:
        assert found is None
        return
    assert found is not None
    (only,) = found["s3_data_sources"]
    assert (only["s3_uri"], only["s3_data_type"], only["compression_type"]) == source


def test_what_the_server_is_told_of_each_kind_of_place() -> None:
    spec = plan().spec

    def place(uri: str, **more: str) -> dict[str, str]:
        variables = environment(spec, ModelSource.model_validate({"uri": uri, "sha256": "a" * 64, **more}))
        wanted = ("MODELBERTH_MODEL_PATH", "MODELBERTH_MODEL_URI", "MODELBERTH_MODEL_SHA256")
        return {name: value for name, value in variables.items() if name in wanted}

    pin = {"MODELBERTH_MODEL_SHA256": "a" * 64}
    assert place("s3://models/3.onnx") == {"MODELBERTH_MODEL_PATH": "/opt/ml/model", **pin}
    assert place("models/3.onnx") == pin
    assert place("https://example.com/3.onnx") == {
        "MODELBERTH_MODEL_URI": "https://example.com/3.onnx",
        **pin,
    }
    assert (
        environment(spec, spec.model)["MODELBERTH_REVISION"]
        != environment(spec, ModelSource.model_validate(PREVIOUS))["MODELBERTH_REVISION"]
    )


def test_the_repositories_of_images() -> None:
    place = Place("123456789012", "eu-central-1")
    assert images.repositories(place, IMAGE, OTHER_IMAGE, IMAGE) == (
        "arn:aws:ecr:eu-central-1:123456789012:repository/models/iris",
        "arn:aws:ecr:eu-central-1:210987654321:repository/models/old",
    )


def test_who_calls_a_queue_may_do_that_alone() -> None:
    (statement,) = json.loads(invoking(plan(ASYNC)))["Statement"]
    assert statement["Action"] == ["sagemaker:InvokeEndpointAsync"]
    (statement,) = json.loads(invoking(plan()))["Statement"]
    assert statement["Resource"] == ["arn:aws:sagemaker:eu-central-1:123456789012:endpoint/shop-dev-iris"]


@pytest.mark.parametrize(("timeout", "seconds"), [("60s", 60), ("5m", 300), ("1h", 3600)])
def test_the_time_of_a_start(timeout: str, seconds: int) -> None:
    assert path.startup_seconds(plan(limits={"startup_timeout": timeout}).spec) == seconds
