"""A bucket as every bucket here is: closed to the public, versioned, encrypted, and without access by ACL.

Cloud Storage encrypts as its own service agent in the bucket's project, whoever uploads: that account needs
the key (`storage` among the services of a `GcpEncryptionKey`). What forbids requests without TLS is a rule of
the organization, the constraint `storage.secureHttpTransport`; no bucket has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pulumi
from pulumi_gcp import storage

from modelberth.gcp.encryption import EncryptionKey
from modelberth.gcp.place import Place

if TYPE_CHECKING:
    from pulumi_gcp.storage import (
        BucketEncryptionArgsDict,
        BucketLifecycleRuleArgsDict,
        BucketRetentionPolicyArgsDict,
    )

__all__ = ["ClosedBucket", "Retention", "ended", "noncurrent", "register", "register_delivery"]

# https://docs.cloud.google.com/storage/docs/access-logs: who delivers usage logs, and by which role.
_DELIVERY: Final = "group:cloud-storage-analytics@google.com"
_DELIVERS_BY: Final = "roles/storage.objectCreator"
# Parts of uploads that were given up are paid for until they are removed.
_DAYS_OF_UPLOAD: Final = 7
_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Retention:
    """What keeps versions from deletion.

    Attributes:
        days: that each version cannot be deleted
        is_locked: nobody can shorten or remove it any more, the project's owner neither; there is no way back

    """

    days: int
    is_locked: bool = False


@dataclass(frozen=True)
class ClosedBucket:
    """What one bucket has beside what all have.

    Attributes:
        name: of the bucket, unlike any other in the world
        place: project and region
        lifecycle: rules of when objects and versions end
        soft_delete_days: days that what was deleted can be restored
        key: that objects are encrypted with, of the same region
        logs: name of the bucket that requests are recorded in; None: this one holds such records
        retention: keeps versions from deletion; None: they can be deleted
        labels: of the bucket
        protect: refuse to delete the bucket

    """

    name: str
    place: Place
    lifecycle: Sequence[BucketLifecycleRuleArgsDict]
    soft_delete_days: int
    key: EncryptionKey
    logs: pulumi.Input[str] | None = None
    retention: Retention | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    protect: bool = False


def noncurrent(days: int, versions: int) -> list[BucketLifecycleRuleArgsDict]:
    """Return the rules for what no longer counts: old versions, and uploads that were given up.

    Args:
        days: that a version stays after a newer one has come
        versions: number of older ones that stay whatever their age

    """
    return [
        {
            "action": {"type": "Delete"},
            "condition": {
                "days_since_noncurrent_time": days,
                # Of the newer ones the first is the live one.
                "num_newer_versions": versions + 1,
                "with_state": "ARCHIVED",
            },
        },
        {
            "action": {"type": "AbortIncompleteMultipartUpload"},
            "condition": {"age": _DAYS_OF_UPLOAD},
        },
    ]


def ended(days: int) -> list[BucketLifecycleRuleArgsDict]:
    """Return the rules for objects that end with their age, in days, and leave no version behind."""
    return [
        {"action": {"type": "Delete"}, "condition": {"age": days, "with_state": "LIVE"}},
        {
            "action": {"type": "Delete"},
            "condition": {"days_since_noncurrent_time": 1, "with_state": "ARCHIVED"},
        },
    ]


def register(
    name: str, bucket: ClosedBucket, parent: pulumi.Resource, after: Sequence[pulumi.Resource] = ()
) -> storage.Bucket:
    """Register a bucket as a child of `parent`, when all of `after` are there."""
    return storage.Bucket(
        f"{name}-bucket",
        name=bucket.name,
        project=bucket.place.project,
        location=bucket.place.region,
        uniform_bucket_level_access=True,
        public_access_prevention="enforced",
        versioning={"enabled": True},
        encryption=_encryption(bucket.key),
        lifecycle_rules=[*bucket.lifecycle],
        soft_delete_policy={"retention_duration_seconds": bucket.soft_delete_days * _DAY},
        retention_policy=_retention(bucket.retention),
        logging=None
        if bucket.logs is None
        else {"log_bucket": bucket.logs, "log_object_prefix": bucket.name},
        force_destroy=False,
        labels=bucket.labels,
        opts=pulumi.ResourceOptions(parent=parent, protect=bucket.protect or None, depends_on=[*after]),
    )


def register_delivery(name: str, bucket: storage.Bucket, parent: pulumi.Resource) -> storage.BucketIAMMember:
    """Register that Cloud Storage may put records of requests into a bucket."""
    return storage.BucketIAMMember(
        f"{name}-delivery",
        bucket=bucket.name,
        role=_DELIVERS_BY,
        member=_DELIVERY,
        opts=pulumi.ResourceOptions(parent=parent),
    )


def _encryption(key: EncryptionKey) -> BucketEncryptionArgsDict:
    """By the key, and by no other means: not by Google's keys, nor by one that comes with a request."""
    return {
        "default_kms_key_name": key.id,
        "google_managed_encryption_enforcement_config": {"restriction_mode": "FullyRestricted"},
        "customer_supplied_encryption_enforcement_config": {"restriction_mode": "FullyRestricted"},
    }


def _retention(retention: Retention | None) -> BucketRetentionPolicyArgsDict | None:
    # Beside versioning since 2024-10-28 (Cloud Storage, release notes).
    if retention is None:
        return None
    return {"retention_period": str(retention.days * _DAY), "is_locked": retention.is_locked}
