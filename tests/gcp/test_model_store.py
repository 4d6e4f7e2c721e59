"""The model store: closed, versioned, encrypted, recorded; and the bucket that the records go to."""

from dataclasses import replace
from typing import Any

import pulumi
import pytest

from modelberth.gcp.bucket import noncurrent
from modelberth.gcp.encryption import GcpEncryptionKey, GcpEncryptionKeyArgs
from modelberth.gcp.model_store import GcpModelStore, GcpModelStoreArgs, Retention
from support.gcp_blocks import EXISTING, KEY, PLACE, GcpRecorder, gcp, outputs_of, placed
from support.recording import run

__all__ = ["gcp"]

# pulumi-gcp warns of names of its own while it loads this module.
pytestmark = pytest.mark.filterwarnings("ignore:gcp\\.storage\\.\\w+ has been deprecated:DeprecationWarning")

NAME = "shop-prod-europe-west4-models"
ARGS = GcpModelStoreArgs(PLACE, NAME, EXISTING)
DAY = 86_400
ROLES = ("models", "models-logs")
"""Beginnings of the names of what the two buckets are made of."""


def registered(gcp: GcpRecorder, args: GcpModelStoreArgs = ARGS) -> GcpRecorder:
    run(gcp, lambda: GcpModelStore("models", args))
    return gcp


def before(gcp: GcpRecorder, name: str) -> set[str]:
    return {urn.rpartition("::")[2] for urn in gcp.named(name).dependencies}


def test_the_store_is_two_buckets_and_who_writes_records(gcp: GcpRecorder) -> None:
    found = registered(gcp)
    assert {(kind, name, parent) for kind, name, parent in found.tree} == {
        ("modelberth:index:GcpModelStore", "models", "shop-dev"),
        ("gcp:storage/bucket:Bucket", "models-bucket", "models"),
        ("gcp:storage/bucket:Bucket", "models-logs-bucket", "models"),
        ("gcp:storage/bucketIAMMember:BucketIAMMember", "models-logs-delivery", "models"),
    }
    assert placed(found) == ["gcp:storage/bucket:Bucket"] * 2
    assert outputs_of(found) == {"bucket": NAME, "url": f"gs://{NAME}"}


@pytest.mark.parametrize("role", ROLES)
def test_g18_the_public_is_kept_out(gcp: GcpRecorder, role: str) -> None:
    """G18: public access prevention and uniform access (CIS 5.1, 5.2; CKV_GCP_114, CKV_GCP_29)."""
    inputs = registered(gcp).named(f"{role}-bucket").inputs
    assert inputs["publicAccessPrevention"] == "enforced"
    assert inputs["uniformBucketLevelAccess"] is True
    assert not {"website", "cors", "ipFilter"} & inputs.keys()


def test_g18_nothing_that_is_asked_for_opens_a_bucket(gcp: GcpRecorder) -> None:
    """G18, the opposite: with every argument away from its default, both buckets are as closed."""
    changed = replace(
        ARGS,
        access_log_days=1,
        noncurrent_days=1,
        noncurrent_versions=1,
        soft_delete_days=0,
        retention=Retention(1),
        labels={"team": "iris"},
        protect=True,
    )
    assert registered(gcp, changed)
    members = [one.inputs["member"] for one in gcp.resources if "member" in one.inputs]
    assert members == ["group:cloud-storage-analytics@google.com"]
    for role in ROLES:
        inputs = gcp.named(f"{role}-bucket").inputs
        assert inputs["publicAccessPrevention"] == "enforced"
        assert inputs["uniformBucketLevelAccess"] is True
        assert inputs["versioning"] == {"enabled": True}


@pytest.mark.parametrize("role", ROLES)
def test_g18_versions_are_kept_and_encrypted_by_the_key_alone(gcp: GcpRecorder, role: str) -> None:
    """G18 with CKV_GCP_78: versioning; G7: the key, and by no other means."""
    inputs = registered(gcp).named(f"{role}-bucket").inputs
    assert inputs["versioning"] == {"enabled": True}
    assert inputs["encryption"] == {
        "defaultKmsKeyName": KEY,
        "googleManagedEncryptionEnforcementConfig": {"restrictionMode": "FullyRestricted"},
        "customerSuppliedEncryptionEnforcementConfig": {"restrictionMode": "FullyRestricted"},
    }


def test_requests_are_recorded_in_a_bucket_of_their_own(gcp: GcpRecorder) -> None:
    """CKV_GCP_62, CKV_GCP_63: who delivers may create objects alone, before anything is recorded."""
    logging = registered(gcp).named("models-bucket").inputs["logging"]
    assert logging == {"logBucket": f"{NAME}-logs", "logObjectPrefix": NAME}
    assert "logging" not in gcp.named("models-logs-bucket").inputs
    grant = gcp.named("models-logs-delivery").inputs
    assert grant["bucket"] == f"{NAME}-logs"
    assert grant["role"] == "roles/storage.objectCreator"
    assert grant["member"] == "group:cloud-storage-analytics@google.com"
    assert {"models-logs-bucket", "models-logs-delivery"} <= before(gcp, "models-bucket")


def test_records_may_go_to_a_bucket_that_exists(gcp: GcpRecorder) -> None:
    found = registered(gcp, replace(ARGS, access_logs="audit-records"))
    assert found.named("models-bucket").inputs["logging"]["logBucket"] == "audit-records"
    assert len(found.of("Bucket")) == 1
    assert not found.of("BucketIAMMember")


def test_old_versions_end_and_pinned_ones_stay(gcp: GcpRecorder) -> None:
    ended, uploads = registered(gcp).named("models-bucket").inputs["lifecycleRules"]
    assert ended == {
        "action": {"type": "Delete"},
        "condition": {"daysSinceNoncurrentTime": 365, "numNewerVersions": 21, "withState": "ARCHIVED"},
    }
    assert uploads == {"action": {"type": "AbortIncompleteMultipartUpload"}, "condition": {"age": 7}}


def test_an_older_version_ends_only_where_so_many_newer_ones_are() -> None:
    """Newest first, the live one is the first: as many older ones stay as were asked for."""
    rules: Any = noncurrent(30, 3)
    newer = rules[0]["condition"]["num_newer_versions"]
    versions = ["live", "v5", "v4", "v3", "v2", "v1"]
    assert [one for place, one in enumerate(versions) if place >= newer] == ["v2", "v1"]


def test_records_end_with_their_age(gcp: GcpRecorder) -> None:
    rules = registered(gcp, replace(ARGS, access_log_days=90)).named("models-logs-bucket").inputs
    live, older = (rule["condition"] for rule in rules["lifecycleRules"])
    assert live == {"age": 90, "withState": "LIVE"}
    assert older == {"daysSinceNoncurrentTime": 1, "withState": "ARCHIVED"}


@pytest.mark.parametrize(("days", "seconds"), [(7, 604_800), (90, 7_776_000), (0, 0)])
def test_what_was_deleted_can_be_restored(gcp: GcpRecorder, days: int, seconds: int) -> None:
    found = registered(gcp, replace(ARGS, soft_delete_days=days))
    for role in ROLES:
        policy = found.named(f"{role}-bucket").inputs["softDeletePolicy"]
        assert policy == {"retentionDurationSeconds": seconds}
    assert ARGS.soft_delete_days == 7


@pytest.mark.parametrize("locked", [True, False])
def test_versions_can_be_kept_from_deletion(gcp: GcpRecorder, *, locked: bool) -> None:
    found = registered(gcp, replace(ARGS, retention=Retention(30, is_locked=locked)))
    policy = found.named("models-bucket").inputs["retentionPolicy"]
    assert policy == {"retentionPeriod": str(30 * DAY), "isLocked": locked}
    assert "retentionPolicy" not in found.named("models-logs-bucket").inputs


def test_versions_are_not_kept_from_deletion_unless_it_is_asked_for(gcp: GcpRecorder) -> None:
    assert "retentionPolicy" not in registered(gcp).named("models-bucket").inputs
    assert not Retention(1).is_locked


@pytest.mark.parametrize("protect", [True, False])
def test_models_are_never_deleted_with_the_store(gcp: GcpRecorder, *, protect: bool) -> None:
    found = registered(gcp, replace(ARGS, protect=protect, labels={"team": "iris"}))
    for role in ROLES:
        bucket = found.named(f"{role}-bucket")
        assert bucket.inputs["forceDestroy"] is False
        assert bucket.inputs["labels"] == {"team": "iris"}
        assert bucket.protect is protect


def test_the_buckets_come_after_what_gives_the_key(gcp: GcpRecorder) -> None:
    """Cloud Storage refuses a bucket with a key that its service agent may not use yet."""

    def program() -> GcpModelStore:
        own = GcpEncryptionKey("key", GcpEncryptionKeyArgs(PLACE, "shop-dev", "shop-dev-iris", ["storage"]))
        return GcpModelStore("models", replace(ARGS, key=own.key))

    run(gcp, program)
    for name in ROLES:
        assert "key-storage-grant" in before(gcp, f"{name}-bucket")
        assert gcp.named(f"{name}-bucket").inputs["encryption"]["defaultKmsKeyName"] == KEY
    agent = "serviceAccount:service-123456789012@gs-project-accounts.iam.gserviceaccount.com"
    assert gcp.named("key-storage-grant").inputs["member"] == agent


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"bucket": "Models"}, "bucket"),
        ({"bucket": "-models"}, "bucket"),
        ({"bucket": "mo"}, "bucket"),
        ({"bucket": "m" * 64}, "bucket"),
        ({"bucket": "m" * 59}, "bucket"),
        ({"bucket": "goog-models"}, "bucket"),
        ({"access_logs": "Audit"}, "access_logs"),
        ({"access_logs": NAME}, "access_logs"),
        ({"access_log_days": 0}, "access_log_days"),
        ({"noncurrent_days": 0}, "noncurrent_days"),
        ({"noncurrent_versions": 101}, "noncurrent_versions"),
        ({"soft_delete_days": 6}, "soft_delete_days"),
        ({"soft_delete_days": 91}, "soft_delete_days"),
        ({"retention": Retention(0)}, "retention.days"),
        ({"retention": Retention(36_501)}, "retention.days"),
    ],
)
def test_what_cloud_storage_would_refuse_is_refused_before(
    gcp: GcpRecorder, change: dict[str, Any], path: str
) -> None:
    args = replace(ARGS, **change)
    (found,) = args.problems()
    assert found.path == path
    with pytest.raises(pulumi.RunError):
        registered(gcp, args)
    assert not gcp.of("Bucket")


def test_bounds_of_cloud_storage_are_allowed() -> None:
    longest = Retention(36_500)
    long = replace(ARGS, bucket="m" * 63, access_logs="m" * 3, noncurrent_versions=100, retention=longest)
    assert not [*long.problems()]
    assert longest.days * DAY < 3_155_760_000
    assert not [*replace(ARGS, bucket="m" * 58).problems()]
