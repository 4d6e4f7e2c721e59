"""Rows G1 to G8 in every mode of a service and an endpoint, and how the opposite of each is noticed."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from modelberth.errors import Problem
from modelberth.preview.effects import Kind
from support import gcp_cloud_run, gcp_vertex
from support.clouds import bad_input
from support.clouds.controls import noticed
from support.clouds.graph import Resource
from support.gcp.access import accounts
from support.gcp.modes import MODES, graph_of

SERVICE = "gcp:cloudrunv2/service:Service"
ENDPOINT = "gcp:vertex/aiEndpoint:AiEndpoint"
MEMBER = "gcp:cloudrunv2/serviceIamMember:ServiceIamMember"
OPEN_TO_ALL = {"cloud run: open"}
"""Modes that say in two fields that everybody may call."""
PUBLIC = OPEN_TO_ALL | {"cloud run: public", "cloud run: prod"}
SECRETS = ("KEY", "PASSWORD", "SECRET", "TOKEN", "CREDENTIAL")
"""What a variable that holds a secret is called."""
NO_SECRETS = {"MODELBERTH_CAPTURE_HASH_KEY_FILE"}
"""A path of one."""


def made(token: str) -> Iterator[tuple[str, Resource]]:
    """Every resource of a type, with its mode."""
    for mode in MODES:
        for one in graph_of(mode).resources:
            if one.token == token:
                yield mode, one


def services() -> list[tuple[str, Mapping[str, Any]]]:
    found = [(mode, one.inputs) for mode, one in made(SERVICE)]
    assert len(found) == len(gcp_cloud_run.MODES)
    return found


def refusals(config: Mapping[str, Any]) -> dict[str, Problem]:
    """What is wrong with a config, by the field that is blamed."""
    return {problem.path: problem for problem in bad_input.refusals(config)}


def test_everybody_is_let_in_by_two_fields_alone() -> None:
    """G1: IAM asks each caller of every service, and everybody is a member where the spec says so twice."""
    assert all(inputs["invokerIamDisabled"] is False for _, inputs in services())
    members = [(mode, one.inputs["member"]) for mode, one in made(MEMBER)]
    assert len(members) >= 8
    assert {
        mode for mode, member in members if member in {"allUsers", "allAuthenticatedUsers"}
    } == OPEN_TO_ALL


def test_who_asks_nobody_is_refused_or_told() -> None:
    """G1, the opposite: one field alone is refused; both together are told as a danger."""
    closed = gcp_cloud_run.mode(security={"auth": {"kind": "none"}}).config
    assert "security.auth.kind" in refusals(closed)
    assert Kind.NEWLY_PUBLIC in noticed(MEMBER, {"member": "group:a@example.com"}, {"member": "allUsers"})
    assert Kind.NEWLY_PUBLIC in noticed(SERVICE, {"invokerIamDisabled": False}, {"invokerIamDisabled": True})


def test_the_internet_reaches_what_is_public_alone() -> None:
    """G2: requests come from the project's networks or by a load balancer, and then by no other address."""
    by_ingress: dict[str, set[str]] = {}
    for mode, inputs in services():
        by_ingress.setdefault(inputs["ingress"], set()).add(mode)
        balanced = inputs["ingress"] == "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
        assert inputs["defaultUriDisabled"] is balanced, mode
    assert by_ingress["INGRESS_TRAFFIC_ALL"] == PUBLIC
    assert by_ingress["INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"] == {
        "cloud run: behind a load balancer",
        "cloud run: everything",
    }


def test_a_service_that_the_internet_reaches_is_told() -> None:
    """G2, the opposite."""
    closed, opened = "INGRESS_TRAFFIC_INTERNAL_ONLY", "INGRESS_TRAFFIC_ALL"
    assert Kind.NEWLY_PUBLIC in noticed(SERVICE, {"ingress": closed}, {"ingress": opened})


def test_everything_goes_through_the_network_that_is_named() -> None:
    """G3: with a network, all that an instance connects to; past it only where the spec says so."""
    egress = {
        mode: inputs["template"]["vpcAccess"]["egress"]
        for mode, inputs in services()
        if "vpcAccess" in inputs["template"]
    }
    past = {mode for mode, to in egress.items() if to != "ALL_TRAFFIC"}
    assert past == {"cloud run: private, internet past the network"}
    assert len(egress) >= 3


def test_connections_past_the_network_are_told() -> None:
    """G3, the opposite."""
    before, after = (
        {"template": {"vpcAccess": {"egress": to}}} for to in ("ALL_TRAFFIC", "PRIVATE_RANGES_ONLY")
    )
    assert Kind.PROTECTION_LIFTED in noticed(SERVICE, before, after)


def test_a_policy_is_asked_which_images_run() -> None:
    """G4: the project's, or the one that is named; in no mode none, but where the spec says so."""
    without = {mode for mode, inputs in services() if not inputs.get("binaryAuthorization")}
    assert without == {"cloud run: any image"}


def test_a_service_that_asks_no_policy_is_told() -> None:
    """G4, the opposite."""
    before = {"binaryAuthorization": {"useDefault": True}}
    assert Kind.PROTECTION_LIFTED in noticed(SERVICE, before, {})


def test_replicas_run_as_an_account_of_their_own() -> None:
    """G5: one that the endpoint makes, or that the spec names."""
    given = {"cloud run: own identity and key", "vertex: own identity and key"}
    looked_at = 0
    for mode, one in [*made(SERVICE), *made("modelberth:vertex:DeployedModel")]:
        own = {account.outputs["email"] for account in accounts(graph_of(mode))}
        runs_as = {one.inputs["template"]["serviceAccount"]} if one.token == SERVICE else set()
        runs_as |= {share["serviceAccount"] for share in one.inputs.get("shares", ())}
        assert runs_as, one.name
        assert runs_as <= own or mode in given, one.name
        looked_at += 1
    assert looked_at == len(gcp_cloud_run.MODES) + len(gcp_vertex.MODES)


@pytest.mark.parametrize("make", [gcp_cloud_run.mode, gcp_vertex.mode], ids=["cloud_run", "vertex"])
def test_a_default_account_is_refused(make: Any) -> None:
    """G5, the opposite: the account that Google makes for all of Compute Engine."""
    config = make(security={"identity": "123456789012-compute@developer.gserviceaccount.com"}).config
    problem = refusals(config)["security.identity"]
    assert "123456789012-compute@" in problem.given
    assert "service account" in problem.allowed


def test_no_variable_holds_a_secret() -> None:
    """G6: what is called like one is a path, and what is secret comes from Secret Manager."""
    names = 0
    for mode, inputs in services():
        template = inputs["template"]
        for one in (each for container in template["containers"] for each in container.get("envs", ())):
            names += 1
            assert one["name"] in NO_SECRETS or not any(word in one["name"] for word in SECRETS), mode
        for volume in template.get("volumes", ()):
            assert "secret" not in volume or volume["secret"]["secret"].startswith("projects/"), mode
    for mode, version in made("modelberth:vertex:Model"):
        names += len(version.inputs["env"])
        assert not [name for name in version.inputs["env"] if any(word in name for word in SECRETS)], mode
    assert names >= 200


@pytest.mark.parametrize("make", [gcp_cloud_run.mode, gcp_vertex.mode], ids=["cloud_run", "vertex"])
def test_a_secret_is_no_argument(make: Any) -> None:
    """G6, the opposite: a spec takes no variables that a secret could stand in."""
    config = {**make().config, "runtime": {"env": {"DB_PASSWORD": "hunter2"}}}
    (problem,) = refusals(config).values()
    assert problem.path == "runtime.env"
    assert "hunter2" not in str(problem)


def test_every_service_and_endpoint_has_a_key_of_its_own() -> None:
    """G7: of Cloud Run's copy of the image, and of what Vertex AI stores, in every mode."""
    keys = [inputs["template"]["encryptionKey"] for _, inputs in services()]
    keys += [one.inputs["encryptionSpec"]["kmsKeyName"] for _, one in made(ENDPOINT)]
    keys += [one.inputs["encryptionKey"] for _, one in made("modelberth:vertex:Model")]
    assert len(keys) > len(gcp_cloud_run.MODES) + 2 * len(gcp_vertex.MODES) - 2
    assert all("/cryptoKeys/" in key for key in keys)


def test_a_private_endpoint_that_opens_is_told_or_refused() -> None:
    """G8, the opposite: an address on the internet without the field that says so, and with it."""
    closed = gcp_vertex.mode({"access": {"kind": "dedicated"}}).config
    assert "target.access.kind" in refusals(closed)
    private = {"privateServiceConnectConfig": {"enablePrivateServiceConnect": True}}
    assert Kind.NEWLY_PUBLIC in noticed(ENDPOINT, private, {"dedicatedEndpointEnabled": True})
