"""A bucket as every bucket here is: closed to the public, versioned, encrypted, and only reached by TLS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pulumi
from pulumi_aws.s3 import (
    Bucket,
    BucketLifecycleConfiguration,
    BucketLifecycleConfigurationRuleArgs,
    BucketLogging,
    BucketObjectLockConfiguration,
    BucketOwnershipControls,
    BucketPolicy,
    BucketPublicAccessBlock,
    BucketServerSideEncryptionConfiguration,
    BucketServerSideEncryptionConfigurationRuleArgsDict,
    BucketVersioning,
)

from modelberth.aws.bucket_policy import closed
from modelberth.aws.encryption import EncryptionKey
from modelberth.aws.place import Place
from modelberth.aws.policies import Statement, policy

__all__ = ["ClosedBucket", "ObjectLock", "register"]


@dataclass(frozen=True, slots=True)
class ObjectLock:
    """What keeps versions from deletion.

    Attributes:
        days: that each version cannot be deleted
        mode: with GOVERNANCE whoever has `s3:BypassGovernanceRetention` still can; with COMPLIANCE nobody,
            the account's root neither

    """

    days: int
    mode: Literal["GOVERNANCE", "COMPLIANCE"] = "GOVERNANCE"


@dataclass(frozen=True)
class ClosedBucket:
    """What one bucket has beside what all have.

    Attributes:
        name: of the bucket, unlike any other in the world
        place: account and region
        lifecycle: rules of when objects and versions end
        key: that objects are encrypted with; None: S3's own, where a service takes no other
        logs: name of the bucket that requests are recorded in; None: this one holds such records
        allowed: who may do what beside the account's IAM
        lock: keeps versions from deletion; None: they can be deleted
        tags: of the bucket
        protect: refuse to delete the bucket

    """

    name: str
    place: Place
    lifecycle: Sequence[Mapping[str, Any]]
    key: EncryptionKey | None = None
    logs: pulumi.Input[str] | None = None
    allowed: Sequence[Statement] = ()
    lock: ObjectLock | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    protect: bool = False


def register(name: str, bucket: ClosedBucket, parent: pulumi.Resource) -> tuple[Bucket, pulumi.Output[str]]:
    """Register a bucket and everything that makes it a closed one, as children of `parent`.

    Returns:
        The bucket, and its name for what its policy has to let in first.

    """
    region, child = bucket.place.region, pulumi.ResourceOptions(parent=parent)
    made = Bucket(
        f"{name}-bucket",
        bucket=bucket.name,
        force_destroy=False,
        # A bucket begins with it or never has it.
        object_lock_enabled=None if bucket.lock is None else True,
        region=region,
        tags=bucket.tags,
        opts=pulumi.ResourceOptions(parent=parent, protect=bucket.protect or None),
    )
    block = BucketPublicAccessBlock(
        f"{name}-public-access",
        bucket=made.bucket,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        region=region,
        opts=child,
    )
    BucketOwnershipControls(
        f"{name}-ownership",
        bucket=made.bucket,
        rule={"object_ownership": "BucketOwnerEnforced"},
        region=region,
        opts=child,
    )
    BucketServerSideEncryptionConfiguration(
        f"{name}-encryption", bucket=made.bucket, rules=[_encryption(bucket.key)], region=region, opts=child
    )
    _versions(name, bucket, made, parent)
    if bucket.logs is not None:
        BucketLogging(
            f"{name}-logging",
            bucket=made.bucket,
            target_bucket=bucket.logs,
            target_prefix=f"{bucket.name}/",
            region=region,
            opts=child,
        )
    denied = closed(bucket.place, bucket.name, by_key=bucket.key is not None)
    policed = BucketPolicy(
        f"{name}-policy",
        bucket=made.bucket,
        policy=policy(*denied, *bucket.allowed),
        region=region,
        # S3 refuses two changes of who may reach a bucket at the same time: OperationAborted.
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[block]),
    )
    return made, policed.bucket


def _versions(name: str, bucket: ClosedBucket, made: Bucket, parent: pulumi.Resource) -> None:
    region = bucket.place.region
    versioning = BucketVersioning(
        f"{name}-versioning",
        bucket=made.bucket,
        versioning_configuration={"status": "Enabled"},
        region=region,
        opts=pulumi.ResourceOptions(parent=parent),
    )
    after = pulumi.ResourceOptions(parent=parent, depends_on=[versioning])
    BucketLifecycleConfiguration(
        f"{name}-lifecycle",
        bucket=made.bucket,
        rules=[BucketLifecycleConfigurationRuleArgs(**rule) for rule in bucket.lifecycle],
        region=region,
        opts=after,
    )
    if bucket.lock is not None:
        BucketObjectLockConfiguration(
            f"{name}-lock",
            bucket=made.bucket,
            rule={"default_retention": {"mode": bucket.lock.mode, "days": bucket.lock.days}},
            region=region,
            opts=after,
        )


def _encryption(key: EncryptionKey | None) -> BucketServerSideEncryptionConfigurationRuleArgsDict:
    if key is None:
        return {"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}
    return {
        "apply_server_side_encryption_by_default": {"sse_algorithm": "aws:kms", "kms_master_key_id": key.arn},
        # One call of KMS for the bucket instead of one for each object.
        "bucket_key_enabled": True,
    }
