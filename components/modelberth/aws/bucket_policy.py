"""Policies of buckets, and how long versions stay: the documents, without Pulumi."""

from __future__ import annotations

from typing import Any

from modelberth.aws.place import Place
from modelberth.aws.policies import Statement

__all__ = ["closed", "log_delivery", "noncurrent_rules"]


def closed(place: Place, bucket: str, *, by_key: bool) -> tuple[Statement, ...]:
    """Return what nobody may do with a bucket, whatever else allows it.

    Args:
        place: account and region
        bucket: name
        by_key: whether objects have to be encrypted by KMS; those without a word of it are, by the bucket's
            default

    """
    everyone = {"AWS": ("*",)}
    arn = place.arn("s3", bucket)
    denied = [
        Statement(
            "OnlyTls",
            ("s3:*",),
            (arn, f"{arn}/*"),
            everyone,
            {"Bool": {"aws:SecureTransport": "false"}},
            "Deny",
        ),
        Statement(
            "OnlyTls12",
            ("s3:*",),
            (arn, f"{arn}/*"),
            everyone,
            {"NumericLessThan": {"s3:TlsVersion": "1.2"}},
            "Deny",
        ),
    ]
    if by_key:
        header = "s3:x-amz-server-side-encryption"
        conditions = {"StringNotEquals": {header: "aws:kms"}, "Null": {header: "false"}}
        denied.append(
            Statement("OnlyKms", ("s3:PutObject",), (f"{arn}/*",), everyone, conditions, "Deny"),
        )
    return tuple(denied)


def log_delivery(place: Place, bucket: str, source: str) -> Statement:
    """S3, for the access logs of one bucket (Amazon S3, "Enabling server access logging")."""
    return Statement(
        "LogDelivery",
        ("s3:PutObject",),
        (f"{place.arn('s3', bucket)}/*",),
        {"Service": ("logging.s3.amazonaws.com",)},
        {
            "ArnLike": {"aws:SourceArn": place.arn("s3", source)},
            "StringEquals": {"aws:SourceAccount": place.account},
        },
    )


def noncurrent_rules(days: int, versions: int | None = None) -> list[dict[str, Any]]:
    """Return lifecycle rules for what no longer is the current version of an object.

    Args:
        days: that such a version stays, and uploads that were never ended at most a week of it
        versions: number of them that stay whatever their age; None: none

    """
    expiration: dict[str, Any] = {"noncurrent_days": days}
    if versions is not None:
        expiration["newer_noncurrent_versions"] = versions
    return [
        {
            "id": "noncurrent",
            "status": "Enabled",
            "filter": {"prefix": ""},
            "noncurrent_version_expiration": expiration,
            "expiration": {"expired_object_delete_marker": True},
            "abort_incomplete_multipart_upload": {"days_after_initiation": min(days, 7)},
        }
    ]
