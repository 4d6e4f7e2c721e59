"""Whole endpoints in Vertex AI, as they are registered, and the controls that they meet."""

import re
from typing import Any

import pulumi
import pytest

from modelberth.contract import VERSION
from modelberth.gcp.services import needed
from modelberth.gcp.vertex import agent, callers
from modelberth.gcp.vertex.checks import check
from modelberth.gcp.vertex.endpoint import VertexEndpoint, VertexEndpointArgs
from modelberth.model_mirrors import mirrored
from support.gcp_blocks import ACCOUNT, IMAGE, KEY, PLACE
from support.gcp_iam import allows, granted
from support.gcp_vertex import (
    CONFIGS,
    MODES,
    OTHER_IMAGE,
    endpoint,
    made,
    mode,
    one,
    recording,
    registered,
    shares,
)
from support.recording import Registered, run

pytestmark = pytest.mark.filterwarnings("ignore:gcp\\.storage\\.\\w+ has been deprecated:DeprecationWarning")

RING = f"{PLACE.parent}/keyRings/shop-dev-iris-vertex"
OWN_KEY = f"{RING}/cryptoKeys/shop-dev-iris-vertex"
OWN_ACCOUNT = PLACE.service_account("shop-dev-iris-vertex")
AGENT = "serviceAccount:service-123456789012@gcp-sa-aiplatform.iam.gserviceaccount.com"
MODEL = f"{PLACE.parent}/models/shop-dev-iris"
GIVEN = "own identity and key"


def in_google(which: str) -> list[Registered]:
    return [each for each in registered(which)[0].resources if each.type.startswith("gcp:")]


def models(which: str) -> list[Registered]:
    """The versions, in the order of their registration."""
    return registered(which)[0].of("Model")


def after(which: str, name: str) -> set[str]:
    """Logical names of what comes before a resource."""
    urns = registered(which)[0].named(name).dependencies
    return {urn.rpartition("::")[2] for urn in urns}


def outputs(which: str) -> dict[str, Any]:
    recorder, _ = registered(which)
    (found,) = [value for urn, value in recorder.outputs.items() if urn.endswith("VertexEndpoint::iris")]
    return found


def test_there_are_modes_of_every_field_of_the_target() -> None:
    assert len(MODES) == len(CONFIGS) == 31
    fields = {name for config in CONFIGS.values() for name in config["target"]}
    assert fields == set(VertexEndpointArgs.parse(mode().config).target.model_dump())


@pytest.mark.parametrize("which", MODES)
def test_every_mode_is_let_through_and_lies_in_its_project(which: str) -> None:
    args = MODES[which].args
    spec = mirrored(args.spec, args.target)
    assert check(spec, args.target, has_image=args.image is not None) == ()
    found = in_google(which)
    assert len(found) >= 13
    # A ring has the key in it, and the grants are those of a resource that has a project.
    without = {each.type.rpartition(":")[2] for each in found if each.inputs.get("project") != PLACE.project}
    assert without <= {"CryptoKey", "CryptoKeyIAMMember", "BucketIAMMember", "IAMMember", "Budget"}
    for each in [*models(which), one(which, "AiEndpoint")]:
        assert each.inputs["project"] == PLACE.project
        assert PLACE.region in {each.inputs["region"], each.inputs.get("location")}


@pytest.mark.parametrize("which", MODES)
def test_everything_that_takes_labels_has_them(which: str) -> None:
    found = [
        each
        for each in registered(which)[0].resources
        if each.type.rpartition(":")[2] in {"AiEndpoint", "CryptoKey", "Model"}
    ]
    assert len(found) >= (2 if which == GIVEN else 3)
    for each in found:
        assert each.inputs["labels"]["modelberth-endpoint"] == "iris", each.name


@pytest.mark.parametrize("which", MODES)
def test_google_is_asked_in_an_order_that_works(which: str) -> None:
    """API, agent, grant, use: each comes after the one before, whichever the engine would take first."""
    apis = {f"iris-services-{api.partition('.')[0]}" for api in needed("vertex")}
    assert len(apis) == 12
    enabled = {each.name for each in registered(which)[0].of("Service")}
    assert enabled - apis == ({"iris-services-billingbudgets"} if which in {"everything", "prod"} else set())
    rest = [
        each
        for each in registered(which)[0].resources
        if each.name not in enabled and not each.type.startswith(("modelberth:index:", "pulumi:"))
    ]
    assert len(rest) >= 7
    for each in rest:
        assert enabled <= after(which, each.name), each.name
    deployed = after(which, "iris-deployed")
    assert {"iris-endpoint", *(each.name for each in models(which))} <= deployed
    assert "iris-logs-exclusion" in after(which, "iris-endpoint")
    if which != GIVEN:
        assert {"iris-agent-account", "iris-identity-account", "iris-identity-logs"} <= deployed
        assert "iris-key-aiplatform-grant" in after(which, "iris-endpoint")
        assert "iris-agent" in after(which, "iris-agent-account")
        for version in models(which):
            assert "iris-key-aiplatform-grant" in after(which, version.name)


# The endpoint


def test_the_smallest_endpoint() -> None:
    found = endpoint("minimal")
    assert re.fullmatch(r"[1-9][0-9]{9}", found["name"])
    assert found["location"] == found["region"] == "europe-west4"
    assert found["displayName"] == "shop-dev-iris"
    assert not {"network", "trafficSplit", "predictRequestResponseLoggingConfig"} & found.keys()
    # What runs on it, and who gets which requests, is another resource's to say.
    assert one("minimal", "AiEndpoint").ignored == ("trafficSplit", "deployedModels")


@pytest.mark.parametrize("which", MODES)
def test_what_is_stored_is_encrypted_with_a_key_of_ones_own(which: str) -> None:
    """G7, G8: the endpoint's copies of the models, and those of the registry."""
    key = KEY if which == GIVEN else OWN_KEY
    assert endpoint(which)["encryptionSpec"] == {"kmsKeyName": key}
    assert [each.inputs["encryptionKey"] for each in models(which)] == [key] * len(models(which))
    assert models(which)


def test_a_key_is_for_the_agent_alone_and_one_that_is_named_is_not_made() -> None:
    recorder, _ = registered("minimal")
    (grant,) = recorder.of("CryptoKeyIAMMember")
    assert grant.inputs["member"] == AGENT
    assert grant.inputs["role"] == "roles/cloudkms.cryptoKeyEncrypterDecrypter"
    given, _ = registered(GIVEN)
    assert not given.of("CryptoKey")
    assert not given.of("CryptoKeyIAMMember")


def test_nothing_on_the_internet_leads_to_an_endpoint_unless_the_spec_says_so() -> None:
    """G8: private, and IAM asks there as well; public where `security.network.public` is on."""
    found = {which: endpoint(which).get("privateServiceConnectConfig") for which in MODES}
    opened = {which for which, config in found.items() if config is None}
    assert opened == {"public", "dedicated", "shared", "fetched by the server"}
    for config in found.values():
        if config is not None:
            assert config["enablePrivateServiceConnect"] is True
            assert config["enableSecurePrivateServiceConnect"] is True
    assert found["minimal"]["projectAllowlists"] == ["shop-prod"]
    assert found["private"]["projectAllowlists"] == ["shop-prod", "shop-web"]
    dedicated = {which for which in MODES if endpoint(which).get("dedicatedEndpointEnabled")}
    assert dedicated == opened - {"shared"}


def test_a_sample_is_taken_by_the_endpoint() -> None:
    config = endpoint("captured")["predictRequestResponseLoggingConfig"]
    assert config == {
        "enabled": True,
        "samplingRate": 0.05,
        "bigqueryDestination": {"outputUri": "bq://shop-prod.samples.iris"},
    }


# What it runs as


@pytest.mark.parametrize("which", MODES)
def test_containers_run_as_an_account_of_their_own(which: str) -> None:
    """G5: never as an account that Google made for the service."""
    found = {each["serviceAccount"] for each in shares(which)}
    assert found == {ACCOUNT if which == GIVEN else OWN_ACCOUNT}


def test_the_account_has_no_key_and_reads_its_models_alone() -> None:
    """G19: no keys, no basic roles."""
    recorder, _ = registered("canary")
    assert not [each for each in recorder.resources if each.type.endswith(":Key")]
    grants = granted(each for each in recorder.resources if each.name.startswith("iris-identity-"))
    assert len(grants) == 3
    objects = "projects/_/buckets/models/objects/iris"
    assert allows(grants, "storage.objects.get", f"{objects}/3.onnx")
    assert allows(grants, "storage.objects.get", f"{objects}/2.onnx")
    assert not allows(grants, "storage.objects.get", f"{objects}/1.onnx")
    assert not allows(grants, "storage.objects.create", f"{objects}/3.onnx")
    roles = {each.inputs["role"] for each in recorder.resources if "role" in each.inputs}
    assert not {"roles/owner", "roles/editor", "roles/viewer"} & roles


def test_the_agent_administers_this_one_account_and_none_that_is_named() -> None:
    found = registered("minimal")[0].named("iris-agent-account")
    assert found.type == "gcp:serviceaccount/iAMMember:IAMMember"
    assert found.inputs == {
        "serviceAccountId": f"projects/shop-prod/serviceAccounts/{OWN_ACCOUNT}",
        "role": agent.ROLE,
        "member": AGENT,
    }
    names = {each.name for each in registered(GIVEN)[0].resources}
    assert not [name for name in names if name.startswith(("iris-agent", "iris-identity"))]


# Who may call


def test_callers_may_call_and_nothing_else() -> None:
    role = one("invoked", "IAMCustomRole").inputs
    assert role["permissions"] == [*callers.PERMISSIONS] == ["aiplatform.endpoints.predict"]
    assert role["roleId"] == "shop_dev_iris_vertex_caller"
    members = registered("invoked")[0].of("AiEndpointIamMember")
    assert {each.inputs["member"] for each in members} == {
        "user:alice@example.com",
        f"serviceAccount:{ACCOUNT}",
    }
    for each in members:
        assert each.inputs["role"] == "projects/shop-prod/roles/shop_dev_iris_vertex_caller"
        assert each.inputs["endpoint"] == endpoint("invoked")["name"]
        assert (each.inputs["project"], each.inputs["location"]) == ("shop-prod", "europe-west4")


def test_where_nobody_is_named_there_is_no_role() -> None:
    recorder, _ = registered("minimal")
    assert not recorder.of("AiEndpointIamMember")
    assert not recorder.of("IAMCustomRole")


def test_nobody_else_is_let_in_anywhere() -> None:
    for which in MODES:
        for each in registered(which)[0].resources:
            members = [each.inputs.get("member", ""), *each.inputs.get("members", [])]
            assert not {"allUsers", "allAuthenticatedUsers"} & {*members}, each.name


# What runs


def test_the_version_of_a_small_endpoint() -> None:
    (version,) = models("minimal")
    found = version.inputs
    assert found["image"] == IMAGE
    assert found["modelId"] == "shop-dev-iris"
    assert (found["ports"], found["predictRoute"], found["healthRoute"]) == (
        [8080],
        "/predict",
        "/health/ready",
    )
    assert found["env"]["MODELBERTH_MODEL_URI"] == "gs://models/iris/3.onnx"
    assert found["env"]["MODELBERTH_MODEL_SHA256"] == "a" * 64
    assert found["startupProbe"] == {
        "path": "/health/ready",
        "period": 10,
        "timeout": 10,
        "failureThreshold": 30,
    }
    assert found["livenessProbe"]["path"] == "/health/live"
    assert found["deploymentTimeout"] == 2100
    assert "artifactUri" not in found
    (share,) = shares("minimal")
    assert share == {
        "model": f"{MODEL}@1",
        "percent": 100,
        "machineType": "e2-standard-2",
        "minReplicas": 1,
        "maxReplicas": 1,
        "serviceAccount": OWN_ACCOUNT,
        "accessLog": True,
    }
    deployed = one("minimal", "DeployedModel")
    assert deployed.inputs["endpoint"] == f"{PLACE.parent}/endpoints/{endpoint('minimal')['name']}"
    assert deployed.inputs["name"] == "shop-dev-iris"
    assert deployed.timeouts == {"create": "3900s", "update": "3900s"}


def test_a_folder_is_copied_by_google_and_a_mirror_is_read() -> None:
    (folder,) = models("folder")
    assert folder.inputs["artifactUri"] == "gs://models/iris/3"
    assert "MODELBERTH_MODEL_URI" not in folder.inputs["env"]
    (mirror,) = models("mirrored")
    assert mirror.inputs["env"]["MODELBERTH_MODEL_URI"] == "gs://models-eu/iris/3.onnx"
    (generation,) = models("a generation")
    assert generation.inputs["env"]["MODELBERTH_MODEL_URI"] == "gs://models/iris/3.onnx@1700000000000000"


@pytest.mark.parametrize(
    ("which", "machine", "gpus"),
    [
        ("gpu", "g2-standard-4", ("NVIDIA_L4", 1)),
        ("gpu, attached", "n1-standard-8", ("NVIDIA_TESLA_T4", 2)),
        ("machine by name", "c3-highcpu-8", (None, None)),
    ],
)
def test_machines_and_accelerators(which: str, machine: str, gpus: tuple[str | None, int | None]) -> None:
    (share,) = shares(which)
    assert share["machineType"] == machine
    assert (share.get("acceleratorType"), share.get("acceleratorCount")) == gpus


def test_replicas_follow_the_load() -> None:
    (share,) = shares("autoscaled")
    assert (share["minReplicas"], share["maxReplicas"]) == (2, 10)
    assert share["targets"] == {"aiplatform.googleapis.com/prediction/online/cpu/utilization": 70}
    (fixed,) = shares("two of them")
    assert (fixed["minReplicas"], fixed["maxReplicas"]) == (2, 2)
    assert "targets" not in fixed


@pytest.mark.parametrize(
    ("which", "percents"),
    [
        ("canary, back", [0, 100]),
        ("canary", [10, 90]),
        ("canary, further", [50, 50]),
        ("canary, whole", [100, 0]),
        ("blue-green", [100, 0]),
        ("blue-green, back", [0, 100]),
        ("variants", [70, 30]),
    ],
)
def test_a_step_moves_percentages_and_nothing_else(which: str, percents: list[int]) -> None:
    found = shares(which)
    assert [each["percent"] for each in found] == percents
    assert len({each["model"] for each in found}) == 2
    assert {each.name for each in models(which)} == {each.name for each in models("canary")}


def test_the_model_of_a_rollout_was_there_before_and_is_not_made_anew() -> None:
    """The same version under the same name, whether it is the endpoint's model or the one before."""
    recorder, _ = made(mode(model={"uri": "gs://models/iris/2.onnx", "sha256": "b" * 64, "version": "2"}))
    (before,) = recorder.of("Model")
    (same,) = [each for each in models("canary") if each.name == before.name]
    assert same.inputs == before.inputs


def test_each_model_in_an_image_has_its_own() -> None:
    assert [each.inputs["image"] for each in models("canary of images")] == [IMAGE, OTHER_IMAGE]


# What watches it


def test_the_log_lies_in_a_bucket_of_its_own_for_its_time() -> None:
    (bucket,) = registered("minimal")[0].of("ProjectBucketConfig")
    assert bucket.inputs["retentionDays"] == 30
    assert "cmekSettings" not in bucket.inputs
    assert outputs("minimal")["contract"]["logs"] == f"{PLACE.parent}/buckets/{bucket.inputs['bucketId']}"
    (kept,) = registered("everything")[0].of("ProjectBucketConfig")
    assert kept.inputs["retentionDays"] == 365
    assert kept.inputs["cmekSettings"] == {"kmsKeyName": OWN_KEY}
    members = {each.inputs["member"] for each in registered("everything")[0].of("CryptoKeyIAMMember")}
    assert members == {AGENT, "serviceAccount:cmek-p123456789012@gcp-sa-logging.iam.gserviceaccount.com"}


@pytest.mark.parametrize("which", MODES)
def test_every_endpoint_is_watched_by_its_number(which: str) -> None:
    recorder, _ = registered(which)
    policies = recorder.of("AlertPolicy")
    assert len(policies) >= 3
    number = f'endpoint_id="{endpoint(which)["name"]}"'
    for each in policies:
        assert number in str(each.inputs["conditions"]), each.name
        assert "iris-deployed" in after(which, each.name)
    assert len(recorder.of("Dashboard")) == 1
    # None of its addresses answers a call without a token of Google's, and Google's calls have none for it.
    assert not recorder.of("UptimeCheckConfig")


def test_the_new_model_is_guarded_while_the_old_one_serves_as_well() -> None:
    guarded = {
        which for which in MODES if any("guard" in each.name for each in registered(which)[0].resources)
    }
    assert guarded == {"canary", "canary, further", "canary of images", "everything"}
    (alert,) = [each for each in registered("canary")[0].of("AlertPolicy") if "guard-errors" in each.name]
    assert 'deployed_model_id="1000000000"' in str(alert.inputs["conditions"])


# The whole


def test_outputs_are_registered_once_and_describe_the_endpoint() -> None:
    _, component = registered("public")
    contract = outputs("public")["contract"]
    number = endpoint("public")["name"]
    assert contract["contract_version"] == VERSION
    assert contract["url"] == f"https://{number}.europe-west4-123456789012.prediction.vertexai.goog"
    assert contract["predict_path"] == f"/v1/{PLACE.parent}/endpoints/{number}:predict"
    assert contract["health_path"] == ""
    assert contract["auth"] == "iam"
    assert contract["revision"] == f"{MODEL}@1"
    assert contract["image_digest"] == IMAGE.rpartition("@")[2]
    assert contract["timeout_seconds"] == 30
    assert isinstance(component.url, pulumi.Output)


def test_what_lasts_is_protected() -> None:
    recorder, _ = registered("everything")
    found = {each.name for each in recorder.resources if each.protect}
    assert {"iris-endpoint", "iris-deployed", "iris-key-key", "iris-key-ring"} <= found
    assert not [each for each in registered("minimal")[0].resources if each.protect]


def test_the_same_program_registers_the_same() -> None:
    first, second = made(MODES["everything"])[0], made(MODES["everything"])[0]
    assert {each.name: each.inputs for each in first.resources} == {
        each.name: each.inputs for each in second.resources
    }


def test_an_image_of_the_program_may_be_an_output() -> None:
    recorder = recording()
    args = mode(image=IMAGE).args
    given = VertexEndpointArgs(args.spec, args.target, image=pulumi.Output.from_input(IMAGE))
    run(recorder, lambda: VertexEndpoint("iris", given))
    (version,) = recorder.of("Model")
    assert version.inputs["image"] == IMAGE


def test_a_refusal_ends_the_program_with_its_place_in_the_config() -> None:
    args = VertexEndpointArgs.parse(mode({"machine_type": "g2-standard-4"}).config)
    placed = VertexEndpointArgs(args.spec, args.target, "endpoints[2]")
    with pytest.raises(pulumi.RunError, match=r"endpoints\[2\]\.target\.machine_type: given 'g2-standard-4'"):
        VertexEndpoint("iris", placed)
