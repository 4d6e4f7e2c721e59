"""Whole endpoints in Cloud Run, as they are registered."""

import json
import re
from typing import Any

import pulumi
import pytest

from modelberth.contract import VERSION
from modelberth.gcp.cloud_run.checks import check
from modelberth.gcp.cloud_run.endpoint import CloudRunEndpoint, CloudRunEndpointArgs
from modelberth.gcp.services import needed
from support.gcp_blocks import PLACE
from support.gcp_cloud_run import (
    CANARY,
    IMAGE,
    MODES,
    PREVIOUS_REVISION,
    after,
    container,
    environment,
    made,
    mode,
    one,
    registered,
    service,
    template,
)
from support.gcp_iam import allows, granted
from support.recording import Registered, run

OWN_KEY = f"{PLACE.parent}/keyRings/shop-dev-iris-cloud-run/cryptoKeys/shop-dev-iris-cloud-run"


def in_google(which: str) -> list[Registered]:
    return [each for each in registered(which)[0].resources if each.type.startswith("gcp:")]


def outputs(which: str) -> dict[str, Any]:
    recorder, _ = registered(which)
    (found,) = [value for urn, value in recorder.outputs.items() if urn.endswith("CloudRunEndpoint::iris")]
    return found


@pytest.mark.parametrize("which", MODES)
def test_every_mode_is_let_through_and_lies_in_its_project(which: str) -> None:
    args = MODES[which].args
    assert check(args.spec, args.target, has_image=args.image is not None) == ()
    found = in_google(which)
    assert len(found) >= len(needed("cloud_run")) + 1
    # A ring has the key in it, the grants are those of a resource that has a project, and a budget is that of
    # a billing account.
    without = {each.type.rpartition(":")[2] for each in found if each.inputs.get("project") != PLACE.project}
    grants = {"CryptoKeyIAMMember", "BucketIAMMember", "SecretIamMember"}
    assert without <= {"CryptoKey", "Budget", *grants}


def test_there_are_modes_of_every_field() -> None:
    assert len(MODES) == 36
    fields = {name for each in MODES.values() for name in each.config["target"]}
    assert fields == set(CloudRunEndpointArgs.parse(mode().config).target.model_fields_set) | {
        "billing",
        "billing_account",
        "binary_authorization",
        "capture",
        "capture_hash_key",
        "ingress",
        "logging_account",
        "model_access",
        "model_mirrors",
        "previous_revision",
        "restart",
        "vpc",
        "zonal_redundancy",
    }


@pytest.mark.parametrize("which", MODES)
def test_everything_that_takes_labels_has_them(which: str) -> None:
    recorder, _ = registered(which)
    taking = [each for kind in ("Service", "CryptoKey") for each in recorder.of(kind)]
    found = [each for each in taking if not each.type.startswith("gcp:projects")]
    assert found
    for each in found:
        assert each.inputs["labels"]["modelberth-endpoint"] == "iris", each.name
    assert (service("prod")["labels"])["team"] == "plants"


@pytest.mark.parametrize("which", MODES)
def test_everything_comes_after_the_apis_of_the_project(which: str) -> None:
    apis = {f"iris-services-{api.removesuffix('.googleapis.com')}" for api in needed("cloud_run")}
    assert len(apis) >= 12
    others = [each for each in in_google(which) if each.type != "gcp:projects/service:Service"]
    assert len(others) >= (1 if which == "own identity and key" else 8)
    for each in others:
        assert apis <= after(which, each.name), each.name


def test_the_service_comes_after_what_it_uses() -> None:
    before = after("everything", "iris-service")
    assert {"iris-key-key", "iris-key-run-grant", "iris-identity-account", "iris-identity-logs"} <= before
    assert len([name for name in before if name.startswith("iris-identity-model-")]) == 2
    assert "iris-identity-capture" in before
    assert "iris-key-run-agent" in after("everything", "iris-key-run-grant")


def test_outputs_are_registered_once_and_describe_the_endpoint() -> None:
    _, endpoint = registered("minimal")
    contract = outputs("minimal")["contract"]
    assert contract["contract_version"] == VERSION
    assert contract["target"] == "cloud_run"
    assert contract["url"] == "https://shop-dev-iris-123456789012.europe-west4.run.app"
    assert (contract["predict_path"], contract["health_path"]) == ("/predict", "/health/ready")
    assert contract["auth"] == "iam"
    assert contract["revision"] == template("minimal")["revision"]
    assert contract["image_digest"] == IMAGE.rpartition("@")[2]
    assert contract["logs"].endswith("/europe-west4/shop-dev-iris/logs?project=shop-prod")
    assert outputs("minimal")["tagged"] == {
        "new": "https://new---shop-dev-iris-123456789012.europe-west4.run.app"
    }
    assert isinstance(endpoint.url, pulumi.Output)


@pytest.mark.parametrize(
    ("which", "url", "auth", "predict"),
    [
        ("behind a load balancer", "https://iris.example.com", "iam", "/predict"),
        ("open", "https://shop-dev-iris-123456789012.europe-west4.run.app", "none", "/predict"),
        (
            "tensorflow-serving",
            "https://shop-dev-iris-123456789012.europe-west4.run.app",
            "iam",
            "/v1/models/iris:predict",
        ),
    ],
)
def test_the_way_to_each_mode(which: str, url: str, auth: str, predict: str) -> None:
    contract = outputs(which)["contract"]
    assert (contract["url"], contract["auth"], contract["predict_path"]) == (url, auth, predict)


# The container


def test_the_container_of_a_small_endpoint() -> None:
    found = template("minimal")
    assert found["executionEnvironment"] == "EXECUTION_ENVIRONMENT_GEN2"
    assert found["maxInstanceRequestConcurrency"] == 64
    assert found["timeout"] == "35s"
    assert found["scaling"] == {"minInstanceCount": 1, "maxInstanceCount": 1}
    assert not {"volumes", "vpcAccess", "nodeSelector", "gpuZonalRedundancyDisabled"} & {*found}
    made_of = container("minimal")
    assert made_of["image"] == IMAGE
    assert made_of["ports"] == {"containerPort": 8080}
    assert made_of["resources"] == {
        "limits": {"cpu": "1", "memory": "1024Mi"},
        "cpuIdle": True,
        "startupCpuBoost": True,
    }
    assert made_of["startupProbe"] == {
        "httpGet": {"path": "/health/ready", "port": 8080},
        "periodSeconds": 2,
        "timeoutSeconds": 1,
        "failureThreshold": 150,
    }
    assert made_of["livenessProbe"]["httpGet"] == {"path": "/health/live", "port": 8080}
    assert not {"commands", "args", "volumeMounts"} & {*made_of}
    assert environment("minimal")["MODELBERTH_MODEL_URI"] == "gs://models/iris/3.onnx"


def test_a_gpu_has_its_selector_and_its_zones() -> None:
    found = template("vllm on a GPU")
    assert found["nodeSelector"] == {"accelerator": "nvidia-l4"}
    assert found["gpuZonalRedundancyDisabled"] is True
    assert container("vllm on a GPU")["resources"] == {
        "limits": {"cpu": "4", "memory": "16384Mi", "nvidia.com/gpu": "1"},
        "cpuIdle": False,
        "startupCpuBoost": True,
    }
    zonal = template("GPU in two zones")
    assert zonal["nodeSelector"] == {"accelerator": "nvidia-rtx-pro-6000"}
    assert zonal["gpuZonalRedundancyDisabled"] is False
    assert zonal["scaling"] == {"minInstanceCount": 0, "maxInstanceCount": 2, "concurrencyUtilization": 0.7}


def test_the_provider_waits_as_long_as_a_start_may_take() -> None:
    assert one("minimal", "Service").timeouts == {"create": "20m", "update": "20m"}
    assert one("vllm on a GPU", "Service").timeouts == {"create": "40m", "update": "40m"}


def test_a_mounted_model_is_a_folder_that_nobody_can_write() -> None:
    (volume,) = template("mounted package")["volumes"]
    assert volume == {
        "name": "model",
        "gcs": {"bucket": "models", "readOnly": True, "mountOptions": ["implicit-dirs", "only-dir=iris/3"]},
    }
    assert container("mounted package")["volumeMounts"] == [{"name": "model", "mountPath": "/mnt/models"}]
    assert container("tensorflow-serving")["volumeMounts"] == [
        {"name": "model", "mountPath": "/models/iris/3"}
    ]
    grants = granted(registered("mounted package")[0].resources)
    assert allows(grants, "storage.objects.list", "projects/_/buckets/models")
    read = granted(registered("minimal")[0].resources)
    assert not allows(read, "storage.objects.list", "projects/_/buckets/models")


@pytest.mark.parametrize("which", MODES)
def test_the_account_reads_its_own_model_and_nothing_else(which: str) -> None:
    grants = granted(registered(which)[0].resources)
    model = MODES[which].args.spec.model
    own = MODES[which].args.spec.security.identity is None
    folder = "projects/_/buckets/models/objects/iris"
    reads = allows(
        grants, "storage.objects.get", f"{folder}/3{'/x' if '.onnx' not in model.uri else '.onnx'}"
    )
    assert reads is (own and model.scheme == "gs")
    assert not allows(grants, "storage.objects.get", f"{folder}/4.onnx")
    assert not allows(grants, "storage.objects.get", "projects/_/buckets/models/objects/other/3.onnx")
    assert allows(grants, "logging.logEntries.create", PLACE.project) is own


# Revisions and their shares


@pytest.mark.parametrize(
    ("which", "new", "previous"),
    [
        ("minimal", 100, None),
        ("canary, back", 0, 100),
        ("canary", 10, 90),
        ("canary, further", 50, 50),
        ("canary, whole", 100, 0),
        ("blue-green", 100, 0),
        ("blue-green, back", 0, 100),
    ],
)
def test_the_shares_of_each_step(which: str, new: int, previous: int | None) -> None:
    by_revision = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
    shares = [
        {"type": by_revision, "revision": template(which)["revision"], "percent": new, "tag": "new"},
    ]
    if previous is not None:
        old = {"type": by_revision, "revision": PREVIOUS_REVISION, "percent": previous, "tag": "previous"}
        shares.append(old)
        assert set(outputs(which)["tagged"]) == {"new", "previous"}
    assert service(which)["traffics"] == shares
    assert sum(each["percent"] for each in shares) == 100


def test_a_step_changes_the_shares_alone() -> None:
    """The revision keeps its name, so that no step starts an instance anew."""
    steps = ("canary, back", "canary", "canary, further", "canary, whole")
    templates = [json.dumps(template(which), sort_keys=True) for which in steps]
    assert len(set(templates)) == 1
    others = {
        json.dumps({key: value for key, value in service(which).items() if key != "traffics"}, sort_keys=True)
        for which in steps
    }
    assert len(others) == 1


def test_the_same_endpoint_again_is_the_same_revision() -> None:
    again, _ = made(mode())
    (found,) = [each for each in again.of("Service") if each.type.startswith("gcp:cloudrunv2")]
    assert found.inputs["template"] == template("minimal")
    names = {which: template(which)["revision"] for which in MODES}
    assert all(re.fullmatch(r"shop-dev-iris-[0-9a-f]{8}", name) for name in names.values())
    assert names["minimal"] == names["public"] == names["any image"] == names["canary"]
    assert len({names["minimal"], names["started anew"], names["mounted"], names["autoscaled"]}) == 4


def test_an_image_that_is_still_being_built() -> None:
    recorder, _ = made(mode())
    args = mode(image="").args
    built = pulumi.Output.from_input(IMAGE).apply(str)
    run(
        recorder, lambda: CloudRunEndpoint("built", CloudRunEndpointArgs(args.spec, args.target, image=built))
    )
    found = recorder.named("built-service").inputs
    assert found["template"]["containers"][0]["image"] == IMAGE
    assert found["template"]["revision"] == template("minimal")["revision"]
    assert found["traffics"][0]["revision"] == template("minimal")["revision"]


def test_a_rollout_comes_from_another_revision_of_the_service() -> None:
    new = template("canary")["revision"]
    for revision, words in ((new, "another revision"), ("other-dev-iris-1", "a revision of shop-dev-iris")):
        wrong = mode({"previous_revision": revision}, rollout=CANARY).args

        def program(wrong: CloudRunEndpointArgs = wrong) -> None:
            CloudRunEndpoint("iris", CloudRunEndpointArgs(wrong.spec, wrong.target, "endpoints[0]"))

        with pytest.raises(pulumi.RunError, match=words):
            program()


# Watching


def test_a_split_is_watched_by_its_new_revision() -> None:
    def policies(which: str) -> str:
        return json.dumps([each.inputs for each in registered(which)[0].of("AlertPolicy")])

    revision = template("canary")["revision"]
    assert len(registered("canary")[0].of("AlertPolicy")) >= 4
    assert revision in policies("canary")
    assert revision not in policies("canary, whole")
    assert revision not in policies("minimal")
    assert "shop-dev-iris" in policies("minimal")


def test_logs_lie_in_a_bucket_that_is_there_before_the_service() -> None:
    (bucket,) = registered("prod")[0].of("ProjectBucketConfig")
    assert bucket.inputs["retentionDays"] == 365
    assert "cmekSettings" not in bucket.inputs
    (encrypted,) = registered("everything")[0].of("ProjectBucketConfig")
    assert encrypted.inputs["cmekSettings"] == {"kmsKeyName": OWN_KEY}
    for which in ("prod", "everything", "minimal"):
        assert {"iris-logs-bucket", "iris-logs-sink", "iris-logs-exclusion"} <= after(which, "iris-service")


@pytest.mark.parametrize(
    ("which", "checks", "signed"),
    [("minimal", 0, False), ("public", 1, True), ("open", 1, False), ("behind a load balancer", 0, False)],
)
def test_google_calls_what_the_internet_reaches(which: str, checks: int, signed: bool) -> None:
    found = registered(which)[0].of("UptimeCheckConfig")
    assert len(found) == checks
    callers = {each.inputs["member"] for each in registered(which)[0].of("ServiceIamMember")}
    caller = PLACE.service_agent("gcp-sa-monitoring-notification")
    assert (caller in callers) is signed
    if signed:
        assert "iris-monitoring-check" in after(which, "iris-monitoring-caller")
        assert "iris-service" in after(which, "iris-monitoring-check")


def test_a_budget_takes_its_api() -> None:
    apis = {
        each.inputs["service"] for each in registered("prod")[0].of("Service") if "service" in each.inputs
    }
    assert "billingbudgets.googleapis.com" in apis
    assert len(registered("prod")[0].of("Budget")) == 1
    without = {
        each.inputs["service"] for each in registered("minimal")[0].of("Service") if "service" in each.inputs
    }
    assert apis - without == {"billingbudgets.googleapis.com"}


# Options


def test_protection_holds_up_what_lasts() -> None:
    for which in ("everything", "prod"):
        protected = {each.name for each in registered(which)[0].resources if each.protect}
        assert {"iris-service", "iris-key-key", "iris-key-ring"} <= protected
        assert service(which)["deletionProtection"] is True
    assert not [each for each in registered("minimal")[0].resources if each.protect]
    assert service("minimal")["deletionProtection"] is False


def test_a_refusal_ends_the_program_with_its_path() -> None:
    args = mode(security={"auth": {"kind": "none"}}).args
    wrong = CloudRunEndpointArgs(args.spec, args.target, "endpoints[0]")

    def program() -> None:
        CloudRunEndpoint("iris", wrong)

    with pytest.raises(pulumi.RunError, match=r"endpoints\[0\]\.security\.auth\.kind: given none"):
        program()
