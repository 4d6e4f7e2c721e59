"""What the sample keeps: images and models."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_aws import ecr, kms, s3

from modelberth.aws.place import Place
from modelberth.aws.policies import Statement, policy
from support.aws.graph import ACCOUNT

__all__ = ["DIGEST", "Shared", "assumed", "registry", "store"]

DIGEST: Final = f"sha256:{'0' * 64}"


@dataclass(frozen=True)
class Shared:
    """What most resources need."""

    place: Place
    key: kms.Key

    @property
    def image(self) -> str:
        return f"{self.place.account}.dkr.ecr.{self.place.region}.{self.place.domain}/iris@{DIGEST}"

    @property
    def region(self) -> str:
        return self.place.region


def assumed(service: str) -> str:
    return policy(Statement("Assume", ["sts:AssumeRole"], principals={"Service": [service]}))


def registry(shared: Shared) -> None:
    repository = ecr.Repository(
        "images",
        region=shared.region,
        name="iris",
        image_tag_mutability="IMMUTABLE",
        image_scanning_configuration={"scan_on_push": True},
        encryption_configurations=[{"encryption_type": "KMS", "kms_key": shared.key.arn}],
        tags={"team": "shop"},
    )
    pull = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    ecr.RepositoryPolicy(
        "images-pull",
        region=shared.region,
        repository=repository.name,
        policy=policy(Statement("Pull", pull, principals={"Service": ["lambda.amazonaws.com"]})),
    )
    untagged = {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 5}
    rule = {"rulePriority": 1, "selection": untagged, "action": {"type": "expire"}}
    ecr.LifecyclePolicy(
        "images-kept", region=shared.region, repository=repository.name, policy=json.dumps({"rules": [rule]})
    )


def store(shared: Shared) -> None:
    region, name = shared.region, "iris-models"
    bucket = s3.Bucket("models", region=region, bucket=name, object_lock_enabled=True, tags={"team": "shop"})
    _private(region, "models", bucket)
    versioned = _versioned(region, "models", bucket)
    s3.BucketServerSideEncryptionConfiguration(
        "models-encrypted",
        region=region,
        bucket=bucket.bucket,
        rules=[
            {
                "apply_server_side_encryption_by_default": {
                    "sse_algorithm": "aws:kms",
                    "kms_master_key_id": shared.key.arn,
                },
                "bucket_key_enabled": True,
            }
        ],
    )
    s3.BucketLifecycleConfiguration(
        "models-kept",
        region=region,
        bucket=bucket.bucket,
        rules=[
            {
                "id": "old",
                "status": "Enabled",
                "filter": {"prefix": "captured/"},
                "expiration": {"days": 90},
                "noncurrent_version_expiration": {"noncurrent_days": 30},
            },
            {
                "id": "uploads",
                "status": "Enabled",
                "filter": {"prefix": ""},
                "abort_incomplete_multipart_upload": {"days_after_initiation": 7},
            },
        ],
        opts=pulumi.ResourceOptions(depends_on=[versioned]),
    )
    _logged(shared, bucket, name)
    s3.BucketOwnershipControls(
        "models-owned", region=region, bucket=bucket.bucket, rule={"object_ownership": "BucketOwnerEnforced"}
    )
    s3.BucketObjectLockConfiguration(
        "models-locked",
        region=region,
        bucket=bucket.bucket,
        rule={"default_retention": {"mode": "GOVERNANCE", "days": 30}},
    )
    arns = [shared.place.arn("s3", name), shared.place.arn("s3", f"{name}/*")]
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    deny = Statement("Insecure", ["s3:*"], arns, {"AWS": ["*"]}, insecure, "Deny")
    s3.BucketPolicy("models-policy", region=region, bucket=bucket.bucket, policy=policy(deny))


def _logged(shared: Shared, bucket: s3.Bucket, name: str) -> None:
    """Logs of a bucket in another, which S3 must be allowed to write into before."""
    region = shared.region
    logs = s3.Bucket("models-logs", region=region, bucket=f"{name}-logs")
    _private(region, "models-logs", logs)
    _versioned(region, "models-logs", logs)
    s3.BucketLifecycleConfiguration(
        "models-logs-kept",
        region=region,
        bucket=logs.bucket,
        rules=[
            {
                "id": "old",
                "status": "Enabled",
                "filter": {"prefix": ""},
                "expiration": {"days": 365},
                "abort_incomplete_multipart_upload": {"days_after_initiation": 7},
            }
        ],
    )
    writer = {"Service": ["logging.s3.amazonaws.com"]}
    only = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    write = Statement("Logs", ["s3:PutObject"], [shared.place.arn("s3", f"{name}-logs/*")], writer, only)
    allowed = s3.BucketPolicy("models-logs-policy", region=region, bucket=logs.bucket, policy=policy(write))
    s3.BucketLogging(
        "models-logged",
        region=region,
        bucket=bucket.bucket,
        target_bucket=f"{name}-logs",
        target_prefix="models/",
        opts=pulumi.ResourceOptions(depends_on=[allowed]),
    )


def _private(region: str, name: str, bucket: s3.Bucket) -> None:
    s3.BucketPublicAccessBlock(
        f"{name}-private",
        region=region,
        bucket=bucket.bucket,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
    )


def _versioned(region: str, name: str, bucket: s3.Bucket) -> s3.BucketVersioning:
    return s3.BucketVersioning(
        f"{name}-versions",
        region=region,
        bucket=bucket.bucket,
        versioning_configuration={"status": "Enabled"},
    )
