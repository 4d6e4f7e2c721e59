"""The controls G1 to G7 of an endpoint in Cloud Run: what each is by default, and what opens it."""

import re

import pytest

from support.gcp_blocks import KEY, PLACE
from support.gcp_cloud_run import (
    CALLER,
    GROUP,
    IMAGE,
    MODES,
    OTHER_IMAGE,
    container,
    environment,
    registered,
    service,
    template,
)
from support.gcp_iam import allows, granted

OWN_KEY = f"{PLACE.parent}/keyRings/shop-dev-iris-cloud-run/cryptoKeys/shop-dev-iris-cloud-run"
ACCOUNT = PLACE.service_account("shop-dev-iris-cloud-run")


@pytest.mark.parametrize("which", MODES)
def test_g1_everyone_may_call_only_what_says_so(which: str) -> None:
    members = [each.inputs for each in registered(which)[0].of("ServiceIamMember")]
    assert service(which)["invokerIamDisabled"] is False
    everyone = [each for each in members if each["member"] in {"allUsers", "allAuthenticatedUsers"}]
    assert len(everyone) == (1 if which == "open" else 0)
    assert {each["role"] for each in members} <= {"roles/run.invoker"}
    assert {each["name"] for each in members} <= {"shop-dev-iris"}


def test_g1_callers_are_granted_one_by_one() -> None:
    members = [each.inputs["member"] for each in registered("called by members")[0].of("ServiceIamMember")]
    assert members == [CALLER, GROUP]
    assert not registered("minimal")[0].of("ServiceIamMember")


@pytest.mark.parametrize("which", MODES)
def test_g2_ingress_is_internal_unless_a_field_opens_it(which: str) -> None:
    target, security = MODES[which].config["target"], MODES[which].config.get("security", {})
    expected = "INGRESS_TRAFFIC_INTERNAL_ONLY"
    if target.get("ingress") == "load_balancer":
        expected = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
    if security.get("network", {}).get("public"):
        expected = "INGRESS_TRAFFIC_ALL"
    found = service(which)
    assert found["ingress"] == expected
    balanced = expected == "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
    assert found["defaultUriDisabled"] is balanced
    assert found.get("customAudiences") == (["https://iris.example.com"] if balanced else None)


def test_g3_a_network_gets_every_connection() -> None:
    assert template("private")["vpcAccess"] == {
        "networkInterfaces": [{"network": "shop", "subnetwork": "shop-europe-west4", "tags": ["models"]}],
        "egress": "ALL_TRAFFIC",
    }
    assert template("private, internet past the network")["vpcAccess"]["egress"] == "PRIVATE_RANGES_ONLY"
    assert "vpcAccess" not in template("minimal")


def test_g4_images_are_held_to_the_projects_policy() -> None:
    assert service("minimal")["binaryAuthorization"] == {"useDefault": True}
    assert service("images by a policy")["binaryAuthorization"] == {
        "policy": "projects/shop-prod/platforms/cloudRun/policies/signed"
    }
    assert "binaryAuthorization" not in service("any image")


@pytest.mark.parametrize("which", MODES)
def test_g5_instances_run_as_an_account_of_their_own(which: str) -> None:
    given = MODES[which].args.spec.security.identity
    assert template(which)["serviceAccount"] == (given or ACCOUNT)
    accounts = [each.inputs["accountId"] for each in registered(which)[0].of("Account")]
    assert accounts == ([] if given else ["shop-dev-iris-cloud-run"])


@pytest.mark.parametrize("which", MODES)
def test_g6_variables_hold_no_secret(which: str) -> None:
    """Every variable is one of the server's settings, and a secret is a reference that Cloud Run resolves."""
    named = [each for each in container(which).get("envs", []) if set(each) != {"name", "value"}]
    assert named == []
    hidden = re.compile(r"KEY|TOKEN|PASSWORD|SECRET|CREDENTIAL")
    suspects = {name for name in environment(which) if hidden.search(name)}
    assert suspects <= {"MODELBERTH_CAPTURE_HASH_KEY_FILE"}
    secrets = [each["secret"] for each in template(which).get("volumes", []) if "secret" in each]
    if which != "everything":
        assert secrets == []
        assert suspects == set()
        return
    items = [{"path": "key", "version": "latest"}]
    assert secrets == [{"secret": "projects/shop-prod/secrets/iris-hash", "items": items}]
    folder = "/var/run/secrets/modelberth/capture"
    assert {"name": "capture-key", "mountPath": folder} in container(which)["volumeMounts"]
    assert environment(which)["MODELBERTH_CAPTURE_HASH_KEY_FILE"] == f"{folder}/key"
    grants = granted(registered(which)[0].resources)
    assert allows(grants, "secretmanager.versions.access", "projects/shop-prod/secrets/iris-hash/versions/1")


@pytest.mark.parametrize("which", MODES)
def test_g7_the_image_is_encrypted_with_a_key_of_ones_own(which: str) -> None:
    recorder, endpoint = registered(which)
    given = MODES[which].args.spec.security.key
    assert template(which)["encryptionKey"] == (given or OWN_KEY)
    assert len(recorder.of("CryptoKey")) == (0 if given else 1)
    assert endpoint.key is not None
    if given is None:
        members = {each.inputs["member"] for each in recorder.of("CryptoKeyIAMMember")}
        logging = MODES[which].args.target.logging_account
        users = {PLACE.service_agent("serverless-robot-prod")}
        assert members == users | (set() if logging is None else {f"serviceAccount:{logging}"})
        assert {each.inputs["cryptoKeyId"] for each in recorder.of("CryptoKeyIAMMember")} == {OWN_KEY}
    else:
        assert given == KEY


@pytest.mark.parametrize("which", MODES)
def test_code_is_an_image_by_digest(which: str) -> None:
    assert re.search(r"@sha256:[0-9a-f]{64}$", container(which)["image"])
    assert container(which)["image"] in {IMAGE, OTHER_IMAGE}
