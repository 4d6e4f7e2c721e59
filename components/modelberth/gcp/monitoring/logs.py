"""`GcpLogs`: where an endpoint logs, encrypted with its key, and not for ever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_gcp import logging

from modelberth.gcp.encryption import EncryptionKey
from modelberth.gcp.monitoring import log_bucket
from modelberth.gcp.monitoring.filled import filled, lasting
from modelberth.gcp.monitoring.signals import Where, signals_of
from modelberth.gcp.plan import Plan

__all__ = ["GcpLogs", "GcpLogsArgs"]


@dataclass(frozen=True)
class GcpLogsArgs:
    """Whose logs.

    Attributes:
        plan: the endpoint
        kind: of endpoint, as `signals.toml` has it
        where: what the labels of its entries are, as in `GcpMonitoringArgs`
        key: encrypts them; lets Cloud Logging use it (`log_bucket.key_users`). None: Google's own keys do
        after: what has to be there before: the APIs of the project, where these are enabled here

    """

    plan: Plan[Any]
    kind: str
    where: Where
    key: EncryptionKey | None = None
    after: Sequence[pulumi.Resource] = ()


class GcpLogs(pulumi.ComponentResource):
    """A log bucket of the endpoint's own, the sink that fills it, and what keeps a copy out of `_Default`.

    It comes before the endpoint: what is logged before it is there lies in `_Default`.
    """

    bucket: pulumi.Output[str]
    """Full name of the bucket, `projects/PROJECT/locations/REGION/buckets/BUCKET`."""

    def __init__(self, name: str, args: GcpLogsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("modelberth:index:GcpLogs", name, {}, opts)
        plan = args.plan
        log_filter = filled(
            lasting(args.where), lambda plain: signals_of(args.kind, plan.target.project, plain).log_filter
        )
        bucket = logging.ProjectBucketConfig(
            f"{name}-bucket", **log_bucket.bucket(plan, args.key), opts=self._child(args.after)
        )
        sink = logging.ProjectSink(
            f"{name}-sink", **log_bucket.sink(plan, log_filter), opts=self._child([bucket])
        )
        # Between the two an entry would lie nowhere.
        logging.ProjectExclusion(
            f"{name}-exclusion", **log_bucket.exclusion(plan, log_filter), opts=self._child([sink])
        )
        self.bucket = pulumi.Output.from_input(bucket.id).apply(lambda _: log_bucket.bucket_name(plan))
        self.register_outputs({"bucket": self.bucket})

    def _child(self, after: Sequence[pulumi.Resource]) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=[*after])
