"""The rooms of an endpoint in Cloud Run: what each makes of a spec, and what a revision is named after."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from modelberth.gcp.cloud_run import quota, reach, scaling
from modelberth.gcp.cloud_run.billing import by_instances
from modelberth.gcp.cloud_run.limits import limits
from modelberth.gcp.cloud_run.model import Mount, mount
from modelberth.gcp.cloud_run.names import account_name
from modelberth.gcp.cloud_run.probes import probes
from modelberth.gcp.cloud_run.server import server
from modelberth.gcp.cloud_run.service import revision
from modelberth.gcp.cloud_run.template import template, timeout_seconds
from modelberth.gcp.cloud_run.traffic import foreign_problems, same_problems
from modelberth.gcp.endpoint_key import key_id, key_name
from modelberth.gcp.names import name_problems
from modelberth.gcp.plan import Plan
from modelberth.runtimes import Route
from modelberth.spec import ModelSource, parse
from modelberth.spec.quantities import Duration
from support.gcp_cloud_run import CANARY, IMAGE, MODES, OTHER_IMAGE, PREVIOUS, mode, plan

RESERVED = {"PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION"}


def source(uri: str, **fields: Any) -> ModelSource:
    return parse(ModelSource, {"uri": uri, "sha256": "a" * 64, **fields})


def environment(which: str) -> Mapping[str, str]:
    args = MODES[which].args
    return server(args.spec, args.target).environment


def planned(which: str) -> Plan[Any]:
    args = MODES[which].args
    return Plan.of(args.spec, args.target, "shop", "dev")


# The model


@pytest.mark.parametrize(
    ("uri", "found"),
    [
        ("gs://models/iris/3.onnx", Mount("models", "iris", "/mnt/models", "/mnt/models/3.onnx")),
        ("gs://models/3.onnx", Mount("models", "", "/mnt/models", "/mnt/models/3.onnx")),
        ("gs://models/iris/3/", Mount("models", "iris/3", "/mnt/models", "/mnt/models")),
        ("gs://models/a%20b/3.ONNX", Mount("models", "a b", "/mnt/models", "/mnt/models/3.ONNX")),
    ],
)
def test_a_mount_shows_the_models_folder_alone(uri: str, found: Mount) -> None:
    got = mount(source(uri), "/mnt/models")
    assert got == found
    options = [f"only-dir={found.folder}"] if found.folder else []
    assert got.volume == {
        "name": "model",
        "gcs": {"bucket": "models", "read_only": True, "mount_options": ["implicit-dirs", *options]},
    }
    assert got.place == {"name": "model", "mount_path": "/mnt/models"}


@pytest.mark.parametrize(
    ("which", "variable", "value"),
    [
        ("minimal", "MODELBERTH_MODEL_URI", "gs://models/iris/3.onnx"),
        ("mounted", "MODELBERTH_MODEL_PATH", "/mnt/models/3.onnx"),
        ("mounted package", "MODELBERTH_MODEL_PATH", "/mnt/models"),
        ("from the hub", "MODELBERTH_MODEL_URI", f"hf://plants/iris@{'c' * 40}"),
        ("custom", "MODELBERTH_MODEL_URI", "gs://models/iris/3.onnx"),
        ("in the image", "MODELBERTH_MODEL_SHA256", "a" * 64),
    ],
)
def test_the_server_is_told_where_its_model_lies(which: str, variable: str, value: str) -> None:
    variables = environment(which)
    assert variables[variable] == value
    places = {"MODELBERTH_MODEL_URI", "MODELBERTH_MODEL_PATH"} & {*variables}
    assert len(places) == (0 if which == "in the image" else 1)


def test_a_mirror_is_what_the_plan_has() -> None:
    made = planned("from a mirror")
    assert server(made.spec, made.target).environment["MODELBERTH_MODEL_URI"] == "gs://models-eu/iris/3.onnx"


# The server


@pytest.mark.parametrize("which", MODES)
def test_no_variable_is_cloud_runs_own(which: str) -> None:
    variables = environment(which)
    assert not RESERVED & {*variables}
    assert all(variables.values())


def test_metrics_are_on_a_port_that_nobody_reaches() -> None:
    args = mode().args
    made = server(args.spec, args.target)
    assert made.port == 8080
    assert made.environment["MODELBERTH_ADMIN_PORT"] == "9090"
    assert {made.ready.port, made.live.port, made.predict.port} == {8080}


@pytest.mark.parametrize(
    ("which", "port", "ready", "entry_point", "argument"),
    [
        (
            "tensorflow-serving",
            8501,
            "/v1/models/iris/versions/3/metadata",
            ("tensorflow_model_server",),
            "--model_base_path=/models/iris",
        ),
        ("triton", 8000, "/v2/health/ready", ("tritonserver",), "--model-repository=/models"),
        ("vllm on a GPU", 8000, "/health", ("vllm", "serve"), "--served-model-name=iris"),
    ],
)
def test_other_engines_are_started_by_their_arguments(
    which: str, port: int, ready: str, entry_point: tuple[str, ...], argument: str
) -> None:
    args = MODES[which].args
    made = server(args.spec, args.target)
    assert (made.port, made.ready, made.entry_point) == (port, Route(port, ready), entry_point)
    assert argument in made.command
    assert made.mount is not None
    assert not [name for name in made.environment if name.startswith("MODELBERTH_")]
    assert not [one for one in made.command if "monitoring_config" in one]


def test_samples_go_where_the_target_says() -> None:
    variables = environment("everything")
    assert variables["MODELBERTH_CAPTURE_URI"] == "gs://samples/iris"
    assert variables["MODELBERTH_CAPTURE_PERCENT"] == "5"
    assert variables["MODELBERTH_CAPTURE_DROP_FIELDS"] == "name"
    assert variables["MODELBERTH_CAPTURE_HASH_FIELDS"] == "customer"
    assert variables["MODELBERTH_CAPTURE_HASH_KEY_FILE"] == "/var/run/secrets/modelberth/capture/key"
    assert not [name for name in environment("minimal") if "CAPTURE" in name]


# Time


@pytest.mark.parametrize(
    ("asked", "attempts"), [("300s", 150), ("5m", 150), ("1s", 1), ("1500ms", 1), ("10m", 300)]
)
def test_the_startup_probe_lasts_as_long_as_a_start_may(asked: str, attempts: int) -> None:
    seconds = Duration.parse(asked)
    made = probes(Route(8080, "/health/ready"), Route(8080, "/health/live"), seconds)
    startup = made["startup_probe"]
    assert startup["failure_threshold"] == attempts
    lasts = startup["failure_threshold"] * startup["period_seconds"]
    assert seconds.seconds <= lasts < seconds.seconds + startup["period_seconds"]
    assert startup["timeout_seconds"] < startup["period_seconds"]
    assert startup["http_get"] == {"path": "/health/ready", "port": 8080}
    assert made["liveness_probe"]["http_get"] == {"path": "/health/live", "port": 8080}
    assert set(made) == {"startup_probe", "liveness_probe"}


@pytest.mark.parametrize(
    ("which", "given", "seconds"),
    [
        ("minimal", {}, 35),
        ("minimal", {"limits": {"timeout": "1h"}}, 3600),
        ("minimal", {"limits": {"timeout": "100ms"}}, 6),
        ("vllm on a GPU", {}, 30),
    ],
)
def test_cloud_run_ends_a_request_after_the_server_has(
    which: str, given: dict[str, Any], seconds: int
) -> None:
    spec = MODES[which].args.spec if which != "minimal" else mode(**given).args.spec
    assert timeout_seconds(spec) == seconds


# Replicas


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, {"min_instance_count": 1, "max_instance_count": 1}),
        ({"min": 0, "max": 1}, {"min_instance_count": 0, "max_instance_count": 1}),
        (
            {"min": 1, "max": 4},
            {"min_instance_count": 1, "max_instance_count": 4, "concurrency_utilization": 0.7},
        ),
        (
            {"min": 1, "max": 4, "target": 16},
            {"min_instance_count": 1, "max_instance_count": 4, "concurrency_utilization": 0.25},
        ),
        (
            {"min": 1, "max": 4, "metric": "cpu"},
            {"min_instance_count": 1, "max_instance_count": 4, "cpu_utilization": 0.7},
        ),
        (
            {"min": 1, "max": 4, "metric": "cpu", "target": 55},
            {"min_instance_count": 1, "max_instance_count": 4, "cpu_utilization": 0.55},
        ),
    ],
)
def test_numbers_of_instances(asked: dict[str, Any], found: dict[str, Any]) -> None:
    assert scaling.scaling(mode(scaling=asked).args.spec) == found


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"target": 6}, "6.4 to 60.8 with limits.concurrency 64"),
        ({"target": 62}, "6.4 to 60.8"),
        ({"metric": "cpu", "target": 95}, "10 to 90 (percent)"),
        ({"metric": "cpu", "target": 5}, "10 to 90 (percent)"),
    ],
)
def test_a_target_that_cloud_run_cannot_aim_at(asked: dict[str, Any], words: str) -> None:
    args = mode(scaling={"min": 1, "max": 4, **asked}).args
    (problem,) = scaling.problems(args.spec, args.target)
    assert problem.path == "scaling.target"
    assert words in problem.allowed


@pytest.mark.parametrize(
    ("which", "instances"),
    [("minimal", False), ("paid by instances", True), ("vllm on a GPU", True), ("idle costs nothing", False)],
)
def test_a_gpu_is_paid_for_by_instances(which: str, instances: bool) -> None:
    args = MODES[which].args
    assert by_instances(args.spec, args.target) is instances


# Reach


@pytest.mark.parametrize(
    ("which", "ingress", "address"),
    [
        ("minimal", "INGRESS_TRAFFIC_INTERNAL_ONLY", None),
        ("behind a load balancer", "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER", "https://iris.example.com"),
        ("public", "INGRESS_TRAFFIC_ALL", None),
        ("open", "INGRESS_TRAFFIC_ALL", None),
    ],
)
def test_whence_requests_may_come(which: str, ingress: str, address: str | None) -> None:
    args = MODES[which].args
    assert reach.ingress(args.spec, args.target) == ingress
    assert reach.address(args.spec, args.target) == address


def test_a_revision_has_an_address_of_its_own() -> None:
    assert reach.tagged("https://iris-1.example.run.app", "new") == "https://new---iris-1.example.run.app"


# Names


def test_names_are_those_that_google_takes() -> None:
    for stack in ("dev", "a-stack-with-a-name-that-is-longer-than-others"):
        made = Plan.of(mode().args.spec, mode().args.target, "shop", stack)
        found = [
            *name_problems("service_account", account_name(made), "account"),
            *name_problems("key_ring", key_name(made), "ring"),
            *name_problems("key", key_name(made), "key"),
        ]
        assert not found
    assert account_name(plan()) == "shop-dev-iris-cloud-run"
    assert key_id(plan()).endswith("/keyRings/shop-dev-iris-cloud-run/cryptoKeys/shop-dev-iris-cloud-run")


def test_the_same_content_is_the_same_revision() -> None:
    name = revision(plan(), IMAGE)
    assert name == revision(plan(), IMAGE)
    assert name.startswith("shop-dev-iris-")
    assert len(name) <= limits().revision
    # What decides no more than who is asked, told or billed makes no revision.
    same = [
        plan(labels={"team": "plants"}),
        plan(protect=True),
        plan(security={"network": {"public": True}}),
        plan(monitoring={"slo": {"availability": 99.9}}),
        plan({"previous_revision": name}, rollout=CANARY),
        plan({"previous_revision": name}, rollout={**CANARY, "step": 3}),
        plan({"binary_authorization": "none"}),
    ]
    assert {revision(one, IMAGE) for one in same} == {name}
    assert len(same) == 7


def test_another_content_is_another_revision() -> None:
    others = [
        revision(plan(), OTHER_IMAGE),
        *(
            revision(one, IMAGE)
            for one in (
                plan(model=PREVIOUS),
                plan({"restart": 1}),
                plan({"model_access": "mount"}),
                plan({"billing": "instances"}),
                plan({"vpc": {"subnetwork": "shop"}}),
                plan(scaling={"min": 0, "max": 2}),
                plan(resources={"cpu": "2"}),
                plan(limits={"concurrency": 8}),
                plan(limits={"timeout": "1m"}),
                plan(limits={"startup_timeout": "1m"}),
                plan(runtime={"threads": 2}),
                plan(security={"identity": "iris-own@shop-prod.iam.gserviceaccount.com"}),
            )
        ),
    ]
    assert len({revision(plan(), IMAGE), *others}) == len(others) + 1 == 14


@pytest.mark.parametrize("which", MODES)
def test_a_revision_is_plain_until_it_is_registered(which: str) -> None:
    made = planned(which)
    content = template(made, IMAGE, "a@b", "key")
    assert json.loads(json.dumps(content)) == content
    assert "labels" not in content


def test_the_way_back_is_a_revision_of_the_service_and_another_one() -> None:
    (foreign,) = foreign_problems(plan({"previous_revision": "other-dev-iris-0a1b2c3d"}, rollout=CANARY))
    assert foreign.path == "target.previous_revision"
    assert "1000 revisions" in foreign.hint
    own = plan({"previous_revision": "shop-dev-iris-0a1b2c3d"}, rollout=CANARY)
    assert not [*foreign_problems(own)]
    (same,) = same_problems(own.target, "shop-dev-iris-0a1b2c3d")
    assert same.path == "target.previous_revision"
    assert not [*same_problems(own.target, "shop-dev-iris-11111111")]


# Quota


@pytest.mark.parametrize(
    ("which", "words"),
    [
        ("minimal", None),
        (
            "vllm on a GPU",
            "NvidiaL4GpuAllocNoZonalRedundancyPerProjectRegion in europe-west4 for 1 instance ",
        ),
        ("GPU in two zones", "NvidiaRtxPro6000GpuAllocPerProjectRegion in europe-west4 for 2 instances"),
    ],
)
def test_a_gpus_quota_is_told(which: str, words: str | None) -> None:
    args = MODES[which].args
    note = quota.note(args.spec, args.target)
    assert note is None if words is None else words in (note or "")


def test_a_rollout_needs_the_quota_twice() -> None:
    target = {"previous_revision": "shop-dev-iris-0a1b2c3d", "model_access": "mount"}
    args = mode(
        target,
        rollout=CANARY,
        resources={"gpu": {"kind": "l4"}},
        runtime={"engine": "vllm", "image": OTHER_IMAGE},
        scaling={"min": 0, "max": 3},
    ).args
    assert "for 6 instances" in (quota.note(args.spec, args.target) or "")
