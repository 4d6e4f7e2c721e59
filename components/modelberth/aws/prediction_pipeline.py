"""`AwsPredictionPipeline`: objects that come into a bucket are predicted on, answers come into another one.

S3 tells the function of each new object and does not wait: Lambda tries an event up to three times within an
hour, and what still fails ends in the endpoint's queue of dead letters. The same object again gives the same
place, so that an event which comes twice (S3 promises at least once) writes the same answer again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pulumi
from pulumi_aws import lambda_, s3

from modelberth.arguments import clean_errors
from modelberth.aws.bucket import ClosedBucket, register
from modelberth.aws.bucket_policy import log_delivery, noncurrent_rules
from modelberth.aws.lambda_.endpoint import LambdaEndpoint, LambdaEndpointArgs
from modelberth.aws.lambda_.names import LIVE
from modelberth.aws.names import name_problems
from modelberth.aws.object_events import ObjectEvents
from modelberth.aws.place import Place
from modelberth.errors import Problem, SpecError, join, shown

__all__ = ["AwsPredictionPipeline", "AwsPredictionPipelineArgs"]

# What the server takes of an object (`serving_image/README.md`).
_SUFFIXES: Final = (".json", ".jsonl", ".ndjson", ".csv", ".npy")
_PREFIX: Final = r"([A-Za-z0-9_=-][A-Za-z0-9._=-]*/)+"
_CREATED: Final = "s3:ObjectCreated:*"
_MOST_DAYS: Final = 36_500


@dataclass(frozen=True)
class AwsPredictionPipelineArgs:
    """The endpoint, and the buckets before and behind it, which are made."""

    endpoint: LambdaEndpointArgs
    input_bucket: str
    """Name of the bucket that objects are uploaded to, unlike any other in the world."""
    output_bucket: str
    """Name of the bucket that answers come into, and the records of who asked for what."""
    input_prefix: str = "incoming/"
    """What the keys of objects begin with that are predicted on."""
    output_prefix: str = "predictions/"
    """What the keys of answers begin with; the object's own key follows, and `.json`."""
    suffixes: Sequence[str] = (".json", ".csv")
    """Ends of keys that are predicted on, each a form of input that the server knows."""
    input_days: int = 30
    """Days that an object stays, and an older version of it."""
    output_days: int = 365
    """Days that an answer stays, and an older version of it."""
    record_days: int = 365
    """Days that the record of a request to the buckets stays."""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def place(self) -> Place:
        """Account and region: those of the endpoint."""
        return Place(self.endpoint.target.account, self.endpoint.target.region)

    @property
    def events(self) -> ObjectEvents:
        """The two folders."""
        return ObjectEvents(
            f"s3://{self.input_bucket}/{self.input_prefix}", f"s3://{self.output_bucket}/{self.output_prefix}"
        )

    @property
    def record_bucket(self) -> str:
        """Name of the bucket for the records."""
        return f"{self.output_bucket}-logs"

    def problems(self) -> Iterator[Problem]:
        """Yield what S3 would refuse, and what would be predicted on for ever or never."""
        yield from name_problems("bucket", self.input_bucket, "input_bucket")
        yield from name_problems("bucket", self.output_bucket, "output_bucket")
        if not [*name_problems("bucket", self.output_bucket, "output_bucket")]:
            yield from name_problems("bucket", self.record_bucket, "output_bucket")
        if self.input_bucket in {self.output_bucket, self.record_bucket}:
            hint = "Each answer would be an object that is predicted on, for ever and at your expense."
            allowed = "another bucket than input_bucket"
            yield Problem("output_bucket", shown(self.output_bucket), allowed, hint)
        if self.endpoint.objects is not None:
            yield Problem("endpoint.objects", "folders", "nothing: the pipeline says them")
        for path, prefix in (("input_prefix", self.input_prefix), ("output_prefix", self.output_prefix)):
            if re.fullmatch(_PREFIX, prefix) is None:
                allowed = "a folder such as incoming/, of letters, digits and any of . _ = -"
                yield Problem(path, shown(prefix), allowed)
        yield from self._suffix_problems()
        for name in ("input_days", "output_days", "record_days"):
            if not 1 <= getattr(self, name) <= _MOST_DAYS:
                yield Problem(name, str(getattr(self, name)), f"1 to {_MOST_DAYS}")

    def _suffix_problems(self) -> Iterator[Problem]:
        if not self.suffixes:
            yield Problem("suffixes", "nothing", "one or more")
        for index, suffix in enumerate(self.suffixes):
            path = join("suffixes", f"[{index}]")
            if suffix not in _SUFFIXES:
                yield Problem(path, shown(suffix), f"one of {', '.join(_SUFFIXES)}")
            elif suffix in self.suffixes[:index]:
                # S3, PutBucketNotificationConfiguration: "Configurations overlap" else.
                yield Problem(path, shown(suffix), "each suffix once")


class AwsPredictionPipeline(pulumi.ComponentResource):
    """Two closed buckets, and a function that may read from a folder of one and write to one of the other."""

    endpoint: LambdaEndpoint
    input: pulumi.Output[str]
    """Folder to upload to, once an upload is told of: `s3://BUCKET/PREFIX/`."""
    output: pulumi.Output[str]
    """Folder that answers come into."""

    def __init__(
        self, name: str, args: AwsPredictionPipelineArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        folders = {"input": args.events.input, "output": args.events.output}
        super().__init__("modelberth:index:AwsPredictionPipeline", name, folders, opts)
        with clean_errors():
            if found := [*args.problems()]:
                raise SpecError(*found)
        child = pulumi.ResourceOptions(parent=self)
        self.endpoint = LambdaEndpoint(name, replace(args.endpoint, objects=args.events), child)
        _, records = register(f"{name}-access-logs", self._records(args), self)
        before = self._bucket(args, args.input_bucket, args.input_days, records)
        source, _ = register(f"{name}-input", before, self)
        behind = self._bucket(args, args.output_bucket, args.output_days, records)
        target, _ = register(f"{name}-output", behind, self)
        told = self._telling(name, args, source)
        self.input = pulumi.Output.all(source.bucket, told.id).apply(lambda _: args.events.input)
        self.output = target.bucket.apply(lambda _: args.events.output)
        self.register_outputs({"input": self.input, "output": self.output})

    def _bucket(
        self, args: AwsPredictionPipelineArgs, bucket: str, days: int, records: pulumi.Input[str]
    ) -> ClosedBucket:
        protect = args.endpoint.spec.protect
        return ClosedBucket(
            bucket,
            args.place,
            [_ending(days), *noncurrent_rules(days)],
            key=self.endpoint.key,
            logs=records,
            tags=args.tags,
            protect=protect,
        )

    def _records(self, args: AwsPredictionPipelineArgs) -> ClosedBucket:
        delivered = [
            replace(log_delivery(args.place, args.record_bucket, bucket), sid=f"LogDelivery{index}")
            for index, bucket in enumerate((args.input_bucket, args.output_bucket))
        ]
        return ClosedBucket(
            args.record_bucket,
            args.place,
            [_ending(args.record_days), *noncurrent_rules(1)],
            allowed=delivered,
            tags=args.tags,
            protect=args.endpoint.spec.protect,
        )

    def _telling(
        self, name: str, args: AwsPredictionPipelineArgs, source: s3.Bucket
    ) -> s3.BucketNotification:
        """Let this bucket of this account invoke the alias, and have it do so."""
        allowed = lambda_.Permission(
            f"{name}-may-tell",
            statement_id="objects",
            action="lambda:InvokeFunction",
            function=self.endpoint.function,
            qualifier=LIVE,
            principal="s3.amazonaws.com",
            # A bucket's ARN has no account: one that is deleted could be made again by somebody else.
            source_arn=args.place.arn("s3", args.input_bucket),
            source_account=args.place.account,
            region=args.place.region,
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )
        return s3.BucketNotification(
            f"{name}-telling",
            bucket=source.bucket,
            lambda_functions=[
                {
                    "id": suffix.removeprefix("."),
                    "events": [_CREATED],
                    "filter_prefix": args.input_prefix,
                    "filter_suffix": suffix,
                    "lambda_function_arn": self.endpoint.arn,
                }
                for suffix in args.suffixes
            ],
            region=args.place.region,
            # S3 tries whether it may invoke: "Unable to validate the following destination configurations".
            opts=pulumi.ResourceOptions(parent=self, depends_on=[allowed]),
        )


def _ending(days: int) -> dict[str, Any]:
    return {"id": "ending", "status": "Enabled", "filter": {"prefix": ""}, "expiration": {"days": days}}
