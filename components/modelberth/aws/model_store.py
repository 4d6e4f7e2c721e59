"""`AwsModelStore`: a bucket that models are uploaded to and endpoints read them from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import pulumi

from modelberth.arguments import clean_errors
from modelberth.aws.bucket import ClosedBucket, ObjectLock, register
from modelberth.aws.bucket_policy import log_delivery, noncurrent_rules
from modelberth.aws.encryption import EncryptionKey
from modelberth.aws.names import name_problems
from modelberth.aws.place import Place
from modelberth.errors import Problem, SpecError, shown

__all__ = ["AwsModelStore", "AwsModelStoreArgs", "ObjectLock"]

# Amazon S3, API DefaultRetention and NoncurrentVersionExpiration.
_MOST_DAYS: Final = 36_500
_MOST_VERSIONS: Final = 100


@dataclass(frozen=True)
class AwsModelStoreArgs:
    """Where models lie, and how long."""

    place: Place
    bucket: str
    """Name of it, unlike any other in the world; with the account and the region in it, it is."""
    key: EncryptionKey
    """That models are encrypted with."""
    access_logs: str | None = None
    """Existing bucket of the account and region that gets a record of each request. None: one is made."""
    access_log_days: int = 365
    """Days that those records stay in a bucket that is made."""
    noncurrent_days: int = 365
    """Days that a version stays after a newer one has come, and `noncurrent_versions` of them longer."""
    noncurrent_versions: int = 20
    """Number of older versions that stay whatever their age: an endpoint may be pinned to one."""
    lock: ObjectLock | None = None
    """Keeps versions from deletion. It cannot be taken off the bucket again. None: they can be deleted."""
    tags: Mapping[str, str] = field(default_factory=dict)
    protect: bool = False
    """Refuse to delete the bucket until this is off again. One with objects in it is never deleted."""

    @property
    def log_bucket(self) -> str:
        """Name of the bucket for the records, where one is made."""
        return f"{self.bucket}-logs"

    def problems(self) -> Iterator[Problem]:
        """Yield what S3 would refuse."""
        yield from name_problems("bucket", self.bucket, "bucket")
        if self.access_logs is not None:
            yield from name_problems("bucket", self.access_logs, "access_logs")
        elif not [*name_problems("bucket", self.bucket, "bucket")]:
            yield from name_problems("bucket", self.log_bucket, "bucket")
        if self.access_logs == self.bucket:
            hint = "Each record would be an object whose upload is recorded."
            yield Problem("access_logs", shown(self.access_logs), "another bucket than `bucket`", hint)
        numbers = {
            "access_log_days": (self.access_log_days, _MOST_DAYS),
            "noncurrent_days": (self.noncurrent_days, _MOST_DAYS),
            "noncurrent_versions": (self.noncurrent_versions, _MOST_VERSIONS),
        }
        if self.lock is not None:
            numbers["lock.days"] = (self.lock.days, _MOST_DAYS)
        for path, (number, most) in numbers.items():
            if not 1 <= number <= most:
                yield Problem(path, str(number), f"1 to {most}")


class AwsModelStore(pulumi.ComponentResource):
    """A versioned, encrypted bucket without a way for the public, and a record of who asked for what."""

    arn: pulumi.Output[str]
    """ARN of the bucket."""
    bucket: pulumi.Output[str]
    """Name of it: a model's uri is `s3://BUCKET/KEY`."""

    def __init__(
        self, name: str, args: AwsModelStoreArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("modelberth:index:AwsModelStore", name, {"bucket": args.bucket}, opts)
        with clean_errors():
            if found := [*args.problems()]:
                raise SpecError(*found)
        logs: pulumi.Input[str] | None = args.access_logs
        if logs is None:
            _, logs = register(f"{name}-logs", _records(args), self)
        made, _ = register(name, _models(args, logs), self)
        self.arn, self.bucket = made.arn, made.bucket
        self.register_outputs({"arn": self.arn, "bucket": self.bucket})


def _models(args: AwsModelStoreArgs, logs: pulumi.Input[str]) -> ClosedBucket:
    return ClosedBucket(
        args.bucket,
        args.place,
        noncurrent_rules(args.noncurrent_days, args.noncurrent_versions),
        key=args.key,
        logs=logs,
        lock=args.lock,
        tags=args.tags,
        protect=args.protect,
    )


def _records(args: AwsModelStoreArgs) -> ClosedBucket:
    """The bucket for records: S3 delivers none where a key of one's own or a lock is the default.

    Amazon S3, "Enabling Amazon S3 server access logging": SSE-S3 alone, and no default retention.
    """
    ending = {
        "id": "records",
        "status": "Enabled",
        "filter": {"prefix": ""},
        "expiration": {"days": args.access_log_days},
    }
    return ClosedBucket(
        args.log_bucket,
        args.place,
        [ending, *noncurrent_rules(1)],
        allowed=[log_delivery(args.place, args.log_bucket, args.bucket)],
        tags=args.tags,
        protect=args.protect,
    )
