"""The rules of Vertex AI endpoints as values: names, addresses, machines, shares, replicas, the server."""

import tomllib
from typing import Any

import pytest

from modelberth.gcp.vertex import access, capture, deployment, limits, machine_table, names, scaling
from modelberth.gcp.vertex.machine_table import accelerators, machines
from modelberth.gcp.vertex.machines import accelerator, machine_type
from modelberth.gcp.vertex.path import deployment_seconds
from modelberth.gcp.vertex.server import artifact_uri, environment, serving
from modelberth.gcp.vertex.shares import shares
from modelberth.gcp.vertex.versions import startup_probe
from modelberth.kubernetes.accelerators.table import accelerators as gpus
from modelberth.spec import ModelSource, parse
from modelberth.target_image import chosen_for
from support.gcp_blocks import IMAGE, KEY
from support.gcp_vertex import CANARY, FOLDER, GPU, MODES, OTHER_IMAGE, PREVIOUS, REMOTE, plan

GIB = 2**30
PUBLIC = {"network": {"public": True}}


def resources(**fields: Any) -> dict[str, Any]:
    """A replica of an image of one's own, which may have GPUs."""
    return {"runtime": {"engine": "custom", "image": IMAGE}, "resources": fields}


# Names


def test_the_number_of_an_endpoint_is_ten_digits_and_the_same_each_time() -> None:
    found = access.endpoint_id(plan())
    assert found == access.endpoint_id(plan()) == "7061871393"
    assert len(found) == limits.limits().endpoint_digits
    assert found.isdigit()
    assert found[0] != "0"


def test_what_cannot_be_changed_of_an_endpoint_makes_another_number() -> None:
    private = {"kind": "private_service_connect", "projects": ["shop-prod", "shop-web"]}
    turned = {**private, "projects": ["shop-web", "shop-prod"]}
    others = [
        plan(),
        plan(security=PUBLIC),
        plan({"access": {"kind": "shared"}}, security=PUBLIC),
        plan({"access": private}),
        plan(security={"key": KEY}),
        plan({"region": "europe-west1", "image": IMAGE.replace("west4", "west1")}),
        plan({"project": "shop-test"}),
        plan(name="rose"),
    ]
    numbers = [access.endpoint_id(each) for each in others]
    assert len({*numbers}) == 8
    # These say the same in other words, or can be changed in place.
    assert access.endpoint_id(plan({"access": {"kind": "dedicated"}}, security=PUBLIC)) == numbers[1]
    assert access.endpoint_id(plan({"access": turned})) == numbers[3]
    assert access.endpoint_id(plan(labels={"team": "plants"}, scaling={"min": 3, "max": 3})) == numbers[0]


def test_numbers_are_spread_over_all_there_are() -> None:
    found = {int(names.endpoint_id(plan(), str(place))) for place in range(2000)}
    assert len(found) == 2000
    assert min(found) >= 10**9
    assert max(found) < 10**10
    assert {str(number)[0] for number in found} == {*"123456789"}


def test_other_names_fit_their_services() -> None:
    long = plan(name="a" * 32)
    assert names.account(plan()) == "shop-dev-iris-vertex"
    assert len(names.account(long)) == 30
    assert names.caller_role(plan()) == "shop_dev_iris_vertex_caller"
    assert names.model_id(plan()) == "shop-dev-iris"


def test_a_model_that_steps_aside_stays_the_version_that_it_was() -> None:
    before, after = plan(model=PREVIOUS).spec, plan(rollout=CANARY).spec
    assert after.previous is not None
    assert names.model_key(before.model) == names.model_key(after.previous)
    assert names.model_key(before.model) != names.model_key(after.model)


# The way in


@pytest.mark.parametrize(
    ("which", "kind", "url"),
    [
        (
            "minimal",
            "private_service_connect",
            "https://{id}-europe-west4-123456789012.prediction.p.vertexai.goog",
        ),
        ("public", "dedicated", "https://{id}.europe-west4-123456789012.prediction.vertexai.goog"),
        ("dedicated", "dedicated", "https://{id}.europe-west4-123456789012.prediction.vertexai.goog"),
        ("shared", "shared", "https://europe-west4-aiplatform.googleapis.com"),
        (
            "private",
            "private_service_connect",
            "https://{id}-europe-west4-123456789012.prediction.p.vertexai.goog",
        ),
    ],
)
def test_the_address_follows_from_the_way_in(which: str, kind: str, url: str) -> None:
    config = MODES[which].config
    target = {name: value for name, value in config["target"].items() if name == "access"}
    found = plan(target, **{name: value for name, value in config.items() if name == "security"})
    number = access.endpoint_id(found)
    assert access.access(found.spec, found.target).kind == kind
    assert access.url(found) == url.format(id=number)
    path = f"/v1/projects/shop-prod/locations/europe-west4/endpoints/{number}:predict"
    assert access.predict_path(found) == path


def test_unless_the_spec_opens_it_only_the_project_reaches_an_endpoint() -> None:
    found = plan()
    assert access.config(found.spec, found.target) == {
        "private_service_connect_config": {
            "enable_private_service_connect": True,
            "enable_secure_private_service_connect": True,
            "project_allowlists": ["shop-prod"],
        }
    }
    assert access.is_private(found.spec, found.target)
    opened = plan(security=PUBLIC)
    assert access.config(opened.spec, opened.target) == {"dedicated_endpoint_enabled": True}


def test_every_way_in_has_its_limits() -> None:
    found = limits.limits().access
    assert {kind: (one.body_bytes, one.timeout_seconds) for kind, one in found.items()} == {
        "dedicated": (10_000_000, 600),
        "private_service_connect": (10_000_000, 600),
        "shared": (1_500_000, 60),
    }


def test_the_tables_have_a_date_and_sources() -> None:
    for table in (limits.TABLE, machine_table.TABLE):
        text = table.read_text(encoding="utf-8")
        assert str(tomllib.loads(text)["captured"]) == "2026-11-22"
        assert text.count("https://") >= 4


# Machines


def test_the_table_of_machines_is_whole() -> None:
    found = machines()
    assert len(found) == 148
    assert sum(one.gpu is not None for one in found.values()) == 28
    assert sum(bool(one.attached) for one in found.values()) == 14
    kinds = {one.gpu for one in found.values() if one.gpu} | {
        kind for one in found.values() for kind in one.attached
    }
    assert kinds == accelerators().keys() <= gpus().keys()
    assert found["n1-standard-4"].counts("t4") == (1, 2, 4)
    assert found["n1-highmem-32"].counts("v100") == (4, 8)
    assert found["n1-standard-4"].counts("l4") == ()
    assert found["g2-standard-24"].counts("l4") == (2,)


@pytest.mark.parametrize(
    ("wanted", "machine"),
    [
        ({}, "e2-standard-2"),
        # A processor is Google's, and 2 GiB.
        ({"cpu": "1", "memory": "6Gi"}, "e2-standard-2"),
        ({"cpu": "1", "memory": "7Gi"}, "e2-highmem-2"),
        ({"cpu": "2"}, "e2-highcpu-4"),
        ({"cpu": "1500m", "memory": "12Gi"}, "e2-standard-4"),
        ({"cpu": "31", "memory": "126Gi"}, "e2-standard-32"),
        ({"cpu": "40", "memory": "100Gi"}, "n2d-standard-48"),
        ({"cpu": "31", "memory": "200Gi"}, "n2d-highmem-32"),
        ({"gpu": {"kind": "t4"}}, "n1-standard-2"),
        ({"cpu": "3", "memory": "12Gi", "gpu": {"kind": "t4", "count": 4}}, "n1-standard-4"),
        ({"cpu": "30", "gpu": {"kind": "v100", "count": 8}}, "n1-highcpu-32"),
        ({"gpu": {"kind": "l4"}}, "g2-standard-4"),
        ({"cpu": "8", "memory": "40Gi", "gpu": {"kind": "l4"}}, "g2-standard-12"),
        ({"gpu": {"kind": "l4", "count": 4}}, "g2-standard-48"),
        ({"gpu": {"kind": "a100-40gb", "count": 16}}, "a2-megagpu-16g"),
        ({"gpu": {"kind": "a100-80gb", "count": 2}}, "a2-ultragpu-2g"),
        ({"gpu": {"kind": "h100"}}, "a3-highgpu-1g"),
        ({"gpu": {"kind": "h100", "count": 8}}, "a3-highgpu-8g"),
        ({"gpu": {"kind": "h200", "count": 8}}, "a3-ultragpu-8g"),
        ({"gpu": {"kind": "b200", "count": 8}}, "a4-highgpu-8g"),
        ({"gpu": {"kind": "rtx-pro-6000"}}, "g4-standard-48"),
        ({"cpu": "192", "memory": "2Ti"}, None),
        ({"gpu": {"kind": "l4", "count": 3}}, None),
    ],
)
def test_the_cheapest_machine_that_holds_a_replica(wanted: dict[str, Any], machine: str | None) -> None:
    found = plan(**resources(**wanted))
    assert machine_type(found.spec, found.target) == machine


def test_a_machine_that_is_named_is_taken_and_its_gpus_are_counted() -> None:
    found = plan({"machine_type": "n1-standard-16"}, **resources(gpu={"kind": "t4", "count": 2}))
    assert machine_type(found.spec, found.target) == "n1-standard-16"
    assert accelerator(found.spec) == ("NVIDIA_TESLA_T4", 2)
    assert accelerator(plan().spec) is None


def test_no_machine_has_less_for_a_replica_than_nothing() -> None:
    small = machines()["e2-highcpu-2"]
    assert (small.processors, small.memory) == (1, 0)
    assert machines()["n1-standard-4"].memory == 13 * GIB


# Shares


@pytest.mark.parametrize(
    ("spec", "percents"),
    [
        ({}, {"model": 100}),
        ({"rollout": {**CANARY, "step": 0}}, {"model": 0, "previous": 100}),
        ({"rollout": {**CANARY, "step": 1}}, {"model": 10, "previous": 90}),
        ({"rollout": {**CANARY, "step": 2}}, {"model": 50, "previous": 50}),
        ({"rollout": {**CANARY, "step": 3}}, {"model": 100, "previous": 0}),
        ({"rollout": {"strategy": "blue_green", "previous": PREVIOUS}}, {"model": 100, "previous": 0}),
        (
            {"rollout": {"strategy": "blue_green", "previous": PREVIOUS, "active": "previous"}},
            {"model": 0, "previous": 100},
        ),
        ({"variants": {"cheap": {"model": PREVIOUS, "weight": 30}}}, {"model": 70, "cheap": 30}),
        ({"variants": {"cheap": {"model": PREVIOUS, "weight": 0}}}, {"model": 100, "cheap": 0}),
    ],
)
def test_the_shares_are_the_whole(spec: dict[str, Any], percents: dict[str, int]) -> None:
    found = shares(plan(**spec).spec)
    assert {one.role: one.percent for one in found} == percents
    assert sum(one.percent for one in found) == 100
    assert found[0].path == "model"


# Replicas


@pytest.mark.parametrize(
    ("given", "targets"),
    [
        ({}, None),
        ({"min": 3, "max": 3}, None),
        # What nobody chose: processors and GPUs, whichever are busier.
        ({"max": 4}, {"cpu/utilization": 70, "accelerator/duty_cycle": 70}),
        ({"max": 4, "metric": "cpu"}, {"cpu/utilization": 70}),
        ({"max": 4, "metric": "cpu", "target": 55.4}, {"cpu/utilization": 55}),
        ({"max": 4, "metric": "gpu", "target": 80.0}, {"accelerator/duty_cycle": 80}),
    ],
)
def test_what_replicas_follow(given: dict[str, Any], targets: dict[str, int] | None) -> None:
    found = scaling.targets(plan(**{**GPU, "scaling": given}).spec)
    wanted = targets and {
        f"aiplatform.googleapis.com/prediction/online/{name}": value for name, value in targets.items()
    }
    assert found == wanted


def test_without_a_gpu_replicas_follow_the_processors_alone() -> None:
    found = scaling.targets(plan(scaling={"max": 4}).spec)
    assert found == {"aiplatform.googleapis.com/prediction/online/cpu/utilization": 70}


def test_a_deployment_has_time_for_the_machine_and_for_the_server() -> None:
    assert deployment_seconds(plan().spec) == 1800 + 300
    longest = plan(limits={"startup_timeout": "1h"})
    assert deployment_seconds(longest.spec) == 5400 <= limits.limits().deployment_seconds
    # One model after the other, and then the requests are moved.
    assert deployment.seconds(plan()) == 2100 + 1800
    assert deployment.seconds(plan(rollout=CANARY)) == 2 * 2100 + 1800


@pytest.mark.parametrize(("timeout", "failures"), [("1s", 1), ("300s", 30), ("301s", 31), ("1h", 360)])
def test_a_server_has_its_time_to_start(timeout: str, failures: int) -> None:
    probe = startup_probe(plan(limits={"startup_timeout": timeout}).spec, "/health/ready")
    assert (probe.path, probe.period, probe.timeout) == ("/health/ready", 10, 10)
    assert probe.failure_threshold == failures


# The server


@pytest.mark.parametrize(
    ("given", "place", "folder"),
    [
        (REMOTE, "gs://models/iris/3.onnx", None),
        ({**REMOTE, "revision": "17"}, "gs://models/iris/3.onnx@17", None),
        ({**REMOTE, "uri": "gs://models/iris/3.tar.gz"}, "gs://models/iris/3.tar.gz", None),
        ({**REMOTE, "uri": "https://example.com/3.onnx"}, "https://example.com/3.onnx", None),
        ({"uri": "hf://org/name", "revision": "c" * 40}, f"hf://org/name@{'c' * 40}", None),
        (FOLDER, None, "gs://models/iris/3"),
        ({**FOLDER, "uri": "gs://models/iris%203"}, None, "gs://models/iris 3"),
        ({"uri": "models/iris.onnx", "sha256": "a" * 64}, None, None),
    ],
)
def test_a_model_comes_by_its_address_or_as_a_folder(
    given: dict[str, Any], place: str | None, folder: str | None
) -> None:
    model = parse(ModelSource, given)
    variables = environment(plan().spec, model)
    assert variables.get("MODELBERTH_MODEL_URI") == place
    assert artifact_uri(model) == folder
    assert variables.get("MODELBERTH_MODEL_SHA256") == given.get("sha256")
    # Google sets these, and asks that nobody else does.
    assert not [name for name in variables if name.startswith("AIP_")]


def test_each_model_is_told_its_own_version_and_revision() -> None:
    spec = plan(rollout=CANARY).spec
    told = [environment(spec, one.model) for one in shares(spec)]
    assert [one["MODELBERTH_MODEL_VERSION"] for one in told] == ["3", "2"]
    assert len({one["MODELBERTH_REVISION"] for one in told}) == 2
    assert serving(spec, spec.model).predict.path == "/predict"


def test_the_image_of_the_model_before_may_be_another() -> None:
    found = plan({"previous_image": OTHER_IMAGE}, rollout=CANARY)
    assert chosen_for(found.spec, found.target, None, is_previous=True) == OTHER_IMAGE
    assert chosen_for(found.spec, found.target, None, is_previous=False) == IMAGE
    assert chosen_for(plan(rollout=CANARY).spec, plan().target, None, is_previous=True) == IMAGE


# The sample


def test_a_sample_goes_to_its_table() -> None:
    found = plan({"capture": "bq://shop-prod.samples"}, monitoring={"capture": {"percent": 2.5}})
    assert capture.logging_config(found.spec, found.target) == {
        "enabled": True,
        "sampling_rate": 0.025,
        "bigquery_destination": {"output_uri": "bq://shop-prod.samples"},
    }
    assert capture.logging_config(plan().spec, plan().target) is None
