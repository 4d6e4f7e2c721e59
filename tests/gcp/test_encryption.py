"""Keys: that they rotate and stay, and that exactly the services that store with one may use it."""

from dataclasses import replace
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks
from pulumi_gcp import storage

from modelberth.errors import SpecError
from modelberth.gcp.encryption import ROLE, EncryptionKey, GcpEncryptionKey, GcpEncryptionKeyArgs, problems
from modelberth.gcp.gke.cluster import GcpClusterArgs
from modelberth.gcp.model_store import GcpModelStoreArgs
from modelberth.gcp.place import Place
from modelberth.gcp.registry import GcpRegistryArgs
from modelberth.gcp.service_agents import agents
from modelberth.gcp.services import GcpServices, GcpServicesArgs
from modelberth.spec import parse
from modelberth.spec.cloud_run import CloudRunTarget
from modelberth.spec.gke import NewGkeCluster
from support.gcp_blocks import EXISTING, KEY, PLACE, RING, GcpRecorder, gcp, outputs_of, placed, spec
from support.recording import RecordingMonitor, run

__all__ = ["gcp"]

ARGS = GcpEncryptionKeyArgs(
    PLACE, "shop-dev", "shop-dev-iris", services=("run", "storage"), labels={"team": "shop"}
)
TARGET = CloudRunTarget(project=PLACE.project, project_number=PLACE.number, region=PLACE.region)
LOGGING = "serviceAccount:cmek-p123456789012@gcp-sa-logging.iam.gserviceaccount.com"


def registered(gcp: GcpRecorder, args: GcpEncryptionKeyArgs = ARGS) -> Any:
    run(gcp, lambda: GcpEncryptionKey("iris", args))
    return gcp.named("iris-key")


def test_the_key_lies_in_a_ring_and_everything_has_one_parent(gcp: GcpRecorder) -> None:
    made = registered(gcp)
    assert sorted(gcp.tree) == [
        ("gcp:kms/cryptoKey:CryptoKey", "iris-key", "iris"),
        ("gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember", "iris-run-grant", "iris"),
        ("gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember", "iris-storage-grant", "iris"),
        ("gcp:kms/keyRing:KeyRing", "iris-ring", "iris"),
        ("gcp:projects/serviceIdentity:ServiceIdentity", "iris-run-agent", "iris"),
        ("gcp:projects/serviceIdentity:ServiceIdentity", "iris-storage-agent", "iris"),
        ("modelberth:index:GcpEncryptionKey", "iris", "shop-dev"),
    ]
    assert placed(gcp) == ["gcp:kms/keyRing:KeyRing"]
    assert gcp.named("iris-ring").inputs["name"] == "shop-dev"
    assert made.inputs["keyRing"] == RING
    assert (made.inputs["name"], made.inputs["purpose"]) == ("shop-dev-iris", "ENCRYPT_DECRYPT")
    assert made.inputs["labels"] == {"team": "shop"}
    assert outputs_of(gcp) == {"keyId": KEY}


def test_g10_the_key_rotates_every_ninety_days(gcp: GcpRecorder) -> None:
    """G10: 90 days, the most that the benchmark allows, and no argument turns it off."""
    assert registered(gcp).inputs["rotationPeriod"] == "7776000s"


def test_g10_a_key_may_rotate_sooner(gcp: GcpRecorder) -> None:
    assert registered(gcp, replace(ARGS, rotation_days=1)).inputs["rotationPeriod"] == "86400s"


def test_g10_a_destruction_can_be_taken_back_for_thirty_days(gcp: GcpRecorder) -> None:
    made = registered(gcp)
    assert made.inputs["destroyScheduledDuration"] == "2592000s"
    assert made.protect is False


def test_g10_a_key_can_be_protected(gcp: GcpRecorder) -> None:
    assert registered(gcp, replace(ARGS, protect=True)).protect is True
    assert gcp.named("iris-ring").protect is True


@pytest.mark.parametrize("services", [(), ("run",), tuple(agents())])
def test_g10_exactly_the_services_that_store_with_it_may_use_it(
    gcp: GcpRecorder, services: tuple[str, ...]
) -> None:
    registered(gcp, replace(ARGS, services=services))
    grants = gcp.of("CryptoKeyIAMMember")
    assert {one.inputs["member"] for one in grants} == {agents()[one].member(PLACE) for one in services}
    assert {one.inputs["role"] for one in grants} <= {ROLE}
    assert {one.inputs["cryptoKeyId"] for one in grants} <= {KEY}
    assert len(grants) == len(services)


@pytest.mark.parametrize(
    "member",
    [
        "allUsers",
        "allAuthenticatedUsers",
        "user:ada@example.com",
        "group:ml@example.com",
        "domain:example.com",
        "serviceAccount:shop@example.com",
        "cmek@gcp-sa-logging.iam.gserviceaccount.com",
    ],
)
def test_g10_an_open_key_is_refused(gcp: GcpRecorder, member: str) -> None:
    """G10, the opposite: people, everybody and what is no account of a service."""
    args = replace(ARGS, others={"logs": member})
    (found,) = args.problems()
    assert found.path == "others.logs"
    with pytest.raises(pulumi.RunError):
        registered(gcp, args)
    assert not gcp.of("CryptoKey")


def test_an_account_that_the_table_cannot_know_is_granted_as_given(gcp: GcpRecorder) -> None:
    registered(gcp, replace(ARGS, others={"logging": LOGGING}))
    grant = gcp.named("iris-logging-grant").inputs
    assert (grant["member"], grant["role"], grant["cryptoKeyId"]) == (LOGGING, ROLE, KEY)
    assert not [one for one in gcp.resources if one.name == "iris-logging-agent"]


def test_an_agent_is_made_before_it_is_granted_anything(gcp: GcpRecorder) -> None:
    registered(gcp)
    for service in ARGS.services:
        agent = gcp.named(f"iris-{service}-agent")
        assert agent.inputs == {"project": PLACE.project, "service": agents()[service].api}
        needed = gcp.named(f"iris-{service}-grant").dependencies
        assert [one for one in needed if one.endswith(f"::iris-{service}-agent")]


def test_what_takes_the_key_comes_after_its_grants(gcp: GcpRecorder) -> None:
    def program() -> None:
        key = GcpEncryptionKey("iris", ARGS).key
        storage.Bucket(
            "models", name="models", location="europe-west4", encryption={"default_kms_key_name": key.id}
        )

    run(gcp, program)
    bucket = gcp.named("models")
    assert bucket.inputs["encryption"] == {"defaultKmsKeyName": KEY}
    names = {one.rpartition("::")[2] for one in bucket.dependencies}
    assert {"iris-key", "iris-run-grant", "iris-storage-grant"} <= names


class Previewed(GcpRecorder):
    """A preview in which the key is there, and its grants are not yet."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        id_, made = super().new_resource(args)
        return (None if args.typ.endswith(":CryptoKeyIAMMember") else id_), made


def test_a_preview_knows_the_key_while_it_gets_a_further_grant() -> None:
    """Unknown, everything that it encrypts would look as if it were replaced."""
    recorder = Previewed()
    mocks.set_mocks(recorder, project="shop", stack="dev", preview=True, monitor=RecordingMonitor(recorder))
    run(recorder, lambda: GcpEncryptionKey("iris", ARGS))
    assert len(recorder.of("CryptoKeyIAMMember")) == 2
    assert outputs_of(recorder) == {"keyId": KEY}


def test_the_apis_come_before_the_key_and_the_agents(gcp: GcpRecorder) -> None:
    def program() -> None:
        apis = GcpServices("apis", GcpServicesArgs(PLACE, "cloud_run")).services
        GcpEncryptionKey("iris", replace(ARGS, after=apis))

    run(gcp, program)
    for name in ("iris-ring", "iris-key", "iris-run-agent"):
        assert [one for one in gcp.named(name).dependencies if one.endswith("::apis-cloudkms")]


def test_a_ring_that_is_there_is_not_made_again(gcp: GcpRecorder) -> None:
    made = registered(gcp, replace(ARGS, existing_ring=True))
    assert not gcp.of("KeyRing")
    assert made.inputs["keyRing"] == RING


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"rotation_days": 0}, "rotation_days"),
        ({"rotation_days": 91}, "rotation_days"),
        ({"destroy_after_days": 0}, "destroy_after_days"),
        ({"destroy_after_days": 121}, "destroy_after_days"),
        ({"ring": "shop.dev"}, "ring"),
        ({"ring": "r" * 64}, "ring"),
        ({"key": ""}, "key"),
        ({"services": ("lambda",)}, "services[0]"),
        ({"services": ("run", "run")}, "services[1]"),
        ({"others": {"run": LOGGING}}, "others.run"),
        ({"others": {"The logs": LOGGING}}, "others.The logs"),
    ],
)
def test_what_google_would_refuse_is_refused_before(change: dict[str, Any], path: str) -> None:
    (found,) = replace(ARGS, **change).problems()
    assert found.path == path


def test_bounds_of_cloud_kms_are_allowed() -> None:
    assert not [*replace(ARGS, rotation_days=1, destroy_after_days=120, key="k" * 63).problems()]


def test_g10_a_refusal_ends_the_program_in_one_sentence(gcp: GcpRecorder) -> None:
    with pytest.raises(pulumi.RunError, match="rotation_days: given 365, allowed: 1 to 90 days"):
        registered(gcp, replace(ARGS, rotation_days=365))


def test_an_existing_key_is_taken_as_it_is() -> None:
    assert EncryptionKey.from_existing(KEY, PLACE) == EXISTING


@pytest.mark.parametrize(
    ("key", "place", "words"),
    [
        (KEY, replace(PLACE, project="shop-test"), "a key of project shop-test"),
        (KEY.replace("shop-prod", "123456789012"), PLACE, "a key of project shop-prod"),
        (KEY, replace(PLACE, region="us-central1"), "a key in location us-central1"),
        (KEY.replace("europe-west4", "global"), PLACE, "a key in location europe-west4"),
        (KEY.replace("europe-west4", "europe"), PLACE, "a key in location europe-west4"),
        (f"{KEY}/cryptoKeyVersions/1", PLACE, "the full name of a key"),
        (RING, PLACE, "the full name of a key"),
        (f"//cloudkms.googleapis.com/{KEY}", PLACE, "the full name of a key"),
        ("shop-dev-iris", PLACE, "the full name of a key"),
        (f"{KEY}\n", PLACE, "the full name of a key"),
        (f"{RING}/cryptoKeys/{'k' * 64}", PLACE, "the full name of a key"),
    ],
)
def test_a_key_that_cannot_encrypt_here_is_refused(key: str, place: Place, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        EncryptionKey.from_existing(key, place)
    target = TARGET.model_copy(update={"project": place.project, "region": place.region})
    if key == key.strip():
        (found,) = problems(spec(security={"key": key}), target)
        assert found.path == "security.key"
        assert words in found.allowed


def test_a_key_by_the_projects_number_is_told_apart_from_a_foreign_one() -> None:
    with pytest.raises(SpecError, match="Name the project by its id"):
        EncryptionKey.from_existing(KEY.replace("shop-prod", PLACE.number), PLACE)


def test_a_spec_may_name_a_key_or_none() -> None:
    assert not [*problems(spec(security={"key": KEY}), TARGET)]
    assert not [*problems(spec(), TARGET)]


def test_the_component_gives_the_key_that_others_take(gcp: GcpRecorder) -> None:
    made = run(gcp, lambda: GcpEncryptionKey("iris", ARGS))
    assert made.key == EncryptionKey(made.key_id, (*ARGS.services, *ARGS.others))


def test_a_key_serves_whom_it_was_made_for(gcp: GcpRecorder) -> None:
    """G7: what encrypts with a key that lets it not would fail once everything before it is made."""
    made = run(gcp, lambda: GcpEncryptionKey("iris", ARGS)).key
    assert [*made.use_problems("key", "run", "storage")] == []
    (refused,) = made.use_problems("key", "run", "artifactregistry")
    assert str(refused) == (
        "key: given a key for run, storage, allowed: a key that artifactregistry may use as well. "
        "Name it among `services` of the key, and its agent is granted the use."
    )
    others = [*EncryptionKey(KEY).use_problems("key", "artifactregistry")]
    assert others == [], "whom the key of somebody else lets is not known here"


def test_what_takes_a_key_that_does_not_serve_it_is_refused(gcp: GcpRecorder) -> None:
    made = run(gcp, lambda: GcpEncryptionKey("iris", replace(ARGS, services=("run",)))).key
    settings = parse(NewGkeCluster, {"network": "shop", "subnetwork": "shop"})
    taking = [
        GcpRegistryArgs(PLACE, "models", made),
        GcpModelStoreArgs(PLACE, "models-shop-prod", made),
        GcpClusterArgs(PLACE, "shop", settings, made),
    ]
    found = [[problem.allowed for problem in one.problems() if problem.path == "key"] for one in taking]
    assert found == [
        ["a key that artifactregistry may use as well"],
        ["a key that storage may use as well"],
        ["a key that compute may use as well", "a key that container may use as well"],
    ]
