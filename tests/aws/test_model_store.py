"""The model store: closed, versioned, encrypted, recorded; and the bucket that the records go to."""

from dataclasses import replace
from typing import Any

import pulumi
import pytest

from modelberth.aws.bucket_policy import closed, log_delivery
from modelberth.aws.encryption import AwsEncryptionKey, AwsEncryptionKeyArgs
from modelberth.aws.model_store import AwsModelStore, AwsModelStoreArgs, ObjectLock
from support.aws_blocks import CHINA, EXISTING, KEY, PLACE, AwsRecorder, aws, outputs_of, regional
from support.iam import allows, denies, document
from support.recording import run

__all__ = ["aws"]

NAME = "shop-models-123456789012-eu-central-1"
ARGS = AwsModelStoreArgs(PLACE, NAME, EXISTING)
OBJECT = f"arn:aws:s3:::{NAME}/iris/3.onnx"
TLS = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}
ROLES = ("models", "models-logs")
"""Beginnings of the names of what the two buckets are made of."""


def registered(aws: AwsRecorder, args: AwsModelStoreArgs = ARGS) -> AwsRecorder:
    run(aws, lambda: AwsModelStore("models", args))
    return aws


def test_the_store_is_two_buckets_and_what_closes_them(aws: AwsRecorder) -> None:
    found = registered(aws)
    kinds = {one.type.rpartition(":")[2] for one in found.resources if one.name.startswith("models-logs-")}
    assert kinds == {
        "Bucket",
        "BucketPublicAccessBlock",
        "BucketOwnershipControls",
        "BucketVersioning",
        "BucketServerSideEncryptionConfiguration",
        "BucketLifecycleConfiguration",
        "BucketPolicy",
    }
    assert {parent for _, _, parent in found.tree} == {"shop-dev", "models"}
    assert len(found.tree) == len(regional(found)) + 1 == 16
    assert outputs_of(found) == {"arn": f"arn:aws:s3:::{NAME}", "bucket": NAME}


@pytest.mark.parametrize("role", ROLES)
def test_a32_the_public_is_kept_out(aws: AwsRecorder, role: str) -> None:
    """A32: all four, and no ACL counts."""
    inputs = registered(aws).named(f"{role}-public-access").inputs
    four = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    assert {field: inputs[field] for field in four} == dict.fromkeys(four, True)
    ownership = aws.named(f"{role}-ownership").inputs
    assert ownership["rule"] == {"objectOwnership": "BucketOwnerEnforced"}
    assert "acl" not in aws.named(f"{role}-bucket").inputs


@pytest.mark.parametrize(("role", "bucket"), [("models", NAME), ("models-logs", f"{NAME}-logs")])
def test_a33_nothing_comes_in_the_clear(aws: AwsRecorder, role: str, bucket: str) -> None:
    """A33: without TLS, and with an old one, everything is refused."""
    made = registered(aws).document(f"{role}-policy")
    for resource in (f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/iris/3.onnx"):
        for action in ("s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:DeleteBucket"):
            assert denies(made, action, resource, {**TLS, "aws:SecureTransport": "false"})
            assert denies(made, action, resource, {**TLS, "s3:TlsVersion": "1.1"})
            assert not denies(made, action, resource, TLS)
            assert not allows(made, action, resource, ("AWS", "anybody"))(TLS)
    others = "arn:aws:s3:::others/x"
    assert not denies(made, "s3:GetObject", others, {**TLS, "aws:SecureTransport": "false"})


@pytest.mark.parametrize("role", ROLES)
def test_a34_versions_are_kept(aws: AwsRecorder, role: str) -> None:
    """A34: versioning (S3.14)."""
    inputs = registered(aws).named(f"{role}-versioning").inputs
    assert inputs["versioningConfiguration"] == {"status": "Enabled"}


def test_a34_models_are_encrypted_by_the_key_and_by_no_other_means(aws: AwsRecorder) -> None:
    """A34: SSE-KMS with a bucket key (S3.17); an upload that asks for another encryption is refused."""
    (rule,) = registered(aws).named("models-encryption").inputs["rules"]
    assert rule == {
        "applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": KEY},
        "bucketKeyEnabled": True,
    }
    made, header = aws.document("models-policy"), "s3:x-amz-server-side-encryption"
    assert denies(made, "s3:PutObject", OBJECT, {**TLS, header: "AES256"})
    assert not denies(made, "s3:PutObject", OBJECT, {**TLS, header: "aws:kms"})
    assert not denies(made, "s3:PutObject", OBJECT, TLS)
    assert not denies(made, "s3:GetObject", OBJECT, {**TLS, header: "AES256"})


def test_a34_requests_are_recorded_in_a_bucket_of_their_own(aws: AwsRecorder) -> None:
    """A34: access logging (S3.9), to a bucket that S3 delivers to: SSE-S3, and for this bucket only."""
    logging = registered(aws).named("models-logging").inputs
    assert (logging["bucket"], logging["targetBucket"]) == (NAME, f"{NAME}-logs")
    assert logging["targetPrefix"] == f"{NAME}/"
    # S3 refuses a target that it may not write to: InvalidTargetBucketForLogging.
    before = {urn.rpartition("::")[2] for urn in aws.named("models-logging").dependencies}
    assert {"models-bucket", "models-logs-policy"} <= before
    assert not [one for one in aws.resources if one.name == "models-logs-logging"]
    (rule,) = aws.named("models-logs-encryption").inputs["rules"]
    assert rule == {"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}
    made = aws.document("models-logs-policy")
    deliver = allows(
        made, "s3:PutObject", f"arn:aws:s3:::{NAME}-logs/x", ("Service", "logging.s3.amazonaws.com")
    )
    context = {**TLS, "aws:SourceArn": f"arn:aws:s3:::{NAME}", "aws:SourceAccount": PLACE.account}
    assert deliver(context)
    assert not deliver({**context, "aws:SourceArn": "arn:aws:s3:::others"})
    assert not deliver({**context, "aws:SourceAccount": "210987654321"})


def test_records_may_go_to_a_bucket_that_exists(aws: AwsRecorder) -> None:
    found = registered(aws, replace(ARGS, access_logs="audit-records"))
    assert found.named("models-logging").inputs["targetBucket"] == "audit-records"
    assert len(found.of("Bucket")) == 1


def test_a34_old_versions_end_and_pinned_ones_stay(aws: AwsRecorder) -> None:
    """A34: lifecycle (S3.13)."""
    lifecycle = registered(aws).named("models-lifecycle")
    (rule,) = lifecycle.inputs["rules"]
    assert rule == {
        "id": "noncurrent",
        "status": "Enabled",
        "filter": {"prefix": ""},
        "noncurrentVersionExpiration": {"noncurrentDays": 365, "newerNoncurrentVersions": 20},
        "expiration": {"expiredObjectDeleteMarker": True},
        "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
    }
    assert "models-versioning" in {urn.rpartition("::")[2] for urn in lifecycle.dependencies}
    records, _ = aws.named("models-logs-lifecycle").inputs["rules"]
    assert records["expiration"] == {"days": 365}


def test_a34_versions_can_be_locked(aws: AwsRecorder) -> None:
    """A34: object lock (S3.15), where it is asked for, and never on the records."""
    found = registered(aws, replace(ARGS, lock=ObjectLock(30, "COMPLIANCE")))
    assert found.named("models-bucket").inputs["objectLockEnabled"] is True
    assert "objectLockEnabled" not in found.named("models-logs-bucket").inputs
    (lock,) = found.of("BucketObjectLockConfiguration")
    assert lock.inputs["rule"] == {"defaultRetention": {"mode": "COMPLIANCE", "days": 30}}
    assert "models-versioning" in {urn.rpartition("::")[2] for urn in lock.dependencies}


def test_versions_are_not_locked_unless_it_is_asked_for(aws: AwsRecorder) -> None:
    found = registered(aws)
    assert not found.of("BucketObjectLockConfiguration")
    assert "objectLockEnabled" not in found.named("models-bucket").inputs
    assert ObjectLock(1).mode == "GOVERNANCE"


@pytest.mark.parametrize("protect", [True, False])
def test_models_are_never_deleted_with_the_store(aws: AwsRecorder, *, protect: bool) -> None:
    found = registered(aws, replace(ARGS, protect=protect, tags={"team": "iris"}))
    for role in ROLES:
        bucket = found.named(f"{role}-bucket")
        assert bucket.inputs["forceDestroy"] is False
        assert bucket.inputs["tags"] == {"team": "iris"}
        assert bucket.protect is protect


def test_the_policy_comes_after_what_keeps_the_public_out(aws: AwsRecorder) -> None:
    dependencies = registered(aws).named("models-policy").dependencies
    assert "models-public-access" in {urn.rpartition("::")[2] for urn in dependencies}


def test_the_key_may_be_made_beside(aws: AwsRecorder) -> None:
    def program() -> AwsModelStore:
        own = AwsEncryptionKey("key", AwsEncryptionKeyArgs(PLACE, "models"))
        return AwsModelStore("models", replace(ARGS, key=own.key))

    run(aws, program)
    (rule,) = aws.named("models-encryption").inputs["rules"]
    assert rule["applyServerSideEncryptionByDefault"]["kmsMasterKeyId"] == KEY


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"bucket": "Models"}, "bucket"),
        ({"bucket": "models.iris"}, "bucket"),
        ({"bucket": "-models"}, "bucket"),
        ({"bucket": "mo"}, "bucket"),
        ({"bucket": "m" * 64}, "bucket"),
        ({"bucket": "m" * 59}, "bucket"),
        ({"bucket": "xn--models"}, "bucket"),
        ({"bucket": "models-s3alias"}, "bucket"),
        ({"access_logs": "Audit"}, "access_logs"),
        ({"access_logs": NAME}, "access_logs"),
        ({"access_log_days": 0}, "access_log_days"),
        ({"noncurrent_days": 0}, "noncurrent_days"),
        ({"noncurrent_versions": 101}, "noncurrent_versions"),
        ({"lock": ObjectLock(36_501)}, "lock.days"),
    ],
)
def test_what_s3_would_refuse_is_refused_before(aws: AwsRecorder, change: dict[str, Any], path: str) -> None:
    args = replace(ARGS, **change)
    (found,) = args.problems()
    assert found.path == path
    with pytest.raises(pulumi.RunError):
        registered(aws, args)
    assert not aws.of("Bucket")


def test_bounds_of_s3_are_allowed() -> None:
    long = replace(
        ARGS, bucket="m" * 63, access_logs="m" * 3, noncurrent_versions=100, lock=ObjectLock(36_500)
    )
    assert not [*long.problems()]
    assert not [*replace(ARGS, bucket="m" * 58).problems()]


def test_another_partition_has_its_own_names() -> None:
    made = document(*closed(CHINA, NAME, by_key=True), log_delivery(CHINA, NAME, "source"))
    resources = [name for one in made["Statement"] for name in one["Resource"]]
    assert len(resources) == 6
    assert all(name.startswith(f"arn:aws-cn:s3:::{NAME}") for name in resources)
