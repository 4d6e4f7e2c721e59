"""`GcpModelStore`: a bucket that models are uploaded to and endpoints read them from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import pulumi

from modelberth.arguments import clean_errors
from modelberth.errors import Problem, SpecError, shown
from modelberth.gcp.bucket import ClosedBucket, Retention, ended, noncurrent, register, register_delivery
from modelberth.gcp.encryption import EncryptionKey
from modelberth.gcp.names import name_problems
from modelberth.gcp.place import Place

__all__ = ["GcpModelStore", "GcpModelStoreArgs", "Retention"]

# A retention period is below 3,155,760,000 seconds (Cloud Storage, "Bucket Lock"); other ages have no bound.
_MOST_DAYS: Final = 36_500
# What Cloud Storage keeps versions by is a condition of a lifecycle rule, without a bound: S3's, so that a
# store can move.
_MOST_VERSIONS: Final = 100
# https://docs.cloud.google.com/storage/docs/soft-delete: 0, that is off, or between these.
_SOFT_DELETE: Final = (7, 90)


@dataclass(frozen=True)
class GcpModelStoreArgs:
    """Where models lie, and how long."""

    place: Place
    bucket: str
    """Name of it, unlike any other in the world; with the project's id and the region in it, it is."""
    key: EncryptionKey
    """That models are encrypted with, of the same region: Cloud Storage's service agent may use it."""
    access_logs: str | None = None
    """Existing bucket of the same region that gets a record of each request. None: one is made, and the group
    `cloud-storage-analytics@google.com` may write to it: a constraint of the organization on the domains of
    members has to let it in."""
    access_log_days: int = 365
    """Days that those records stay in a bucket that is made."""
    noncurrent_days: int = 365
    """Days that a version stays after a newer one has come, and `noncurrent_versions` of them longer."""
    noncurrent_versions: int = 20
    """Number of older versions that stay whatever their age: an endpoint may be pinned to one."""
    soft_delete_days: int = 7
    """Days that a deleted version can be restored; they are paid for. 0: it is gone at once."""
    retention: Retention | None = None
    """Keeps versions from deletion. None: they can be deleted."""
    labels: Mapping[str, str] = field(default_factory=dict)
    protect: bool = False
    """Refuse to delete the bucket until this is off again. One with objects in it is never deleted."""

    @property
    def log_bucket(self) -> str:
        """Name of the bucket for the records, where one is made."""
        return f"{self.bucket}-logs"

    def problems(self) -> Iterator[Problem]:
        """Yield what Cloud Storage would refuse."""
        refused = [*name_problems("bucket", self.bucket, "bucket")]
        yield from refused
        if self.access_logs is not None:
            yield from name_problems("bucket", self.access_logs, "access_logs")
        elif not refused:
            yield from name_problems("bucket", self.log_bucket, "bucket")
        if self.access_logs == self.bucket:
            hint = "Each record would be an object whose upload is recorded."
            yield Problem("access_logs", shown(self.access_logs), "another bucket than `bucket`", hint)
        yield from self._number_problems()
        yield from self.key.use_problems("key", "storage")

    def _number_problems(self) -> Iterator[Problem]:
        numbers = {
            "access_log_days": (self.access_log_days, _MOST_DAYS),
            "noncurrent_days": (self.noncurrent_days, _MOST_DAYS),
            "noncurrent_versions": (self.noncurrent_versions, _MOST_VERSIONS),
        }
        if self.retention is not None:
            numbers["retention.days"] = (self.retention.days, _MOST_DAYS)
        for path, (number, most) in numbers.items():
            if not 1 <= number <= most:
                yield Problem(path, str(number), f"1 to {most}")
        least, longest = _SOFT_DELETE
        if self.soft_delete_days != 0 and not least <= self.soft_delete_days <= longest:
            yield Problem("soft_delete_days", str(self.soft_delete_days), f"0, or {least} to {longest}")


class GcpModelStore(pulumi.ComponentResource):
    """A versioned, encrypted bucket without a way for the public, and a record of who asked for what."""

    bucket: pulumi.Output[str]
    """Name of it: a model's uri is `gs://BUCKET/NAME`."""
    url: pulumi.Output[str]
    """`gs://BUCKET`."""

    def __init__(
        self, name: str, args: GcpModelStoreArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("modelberth:index:GcpModelStore", name, {"bucket": args.bucket}, opts)
        with clean_errors():
            if found := [*args.problems()]:
                raise SpecError(*found)
        logs: pulumi.Input[str] | None = args.access_logs
        after: list[pulumi.Resource] = []
        if logs is None:
            records = register(f"{name}-logs", _records(args), self)
            # Cloud Storage does not look whether it may deliver: what comes before the grant is lost.
            after.append(register_delivery(f"{name}-logs", records, self))
            logs = records.name
        made = register(name, _models(args, logs), self, after)
        self.bucket, self.url = made.name, made.url
        self.register_outputs({"bucket": self.bucket, "url": self.url})


def _models(args: GcpModelStoreArgs, logs: pulumi.Input[str]) -> ClosedBucket:
    return ClosedBucket(
        args.bucket,
        args.place,
        noncurrent(args.noncurrent_days, args.noncurrent_versions),
        args.soft_delete_days,
        args.key,
        logs=logs,
        retention=args.retention,
        labels=args.labels,
        protect=args.protect,
    )


def _records(args: GcpModelStoreArgs) -> ClosedBucket:
    """The bucket for records: in the same region, as Cloud Storage asks of it."""
    return ClosedBucket(
        args.log_bucket,
        args.place,
        ended(args.access_log_days),
        args.soft_delete_days,
        args.key,
        labels=args.labels,
        protect=args.protect,
    )
