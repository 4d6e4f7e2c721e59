"""Where events end that the function failed on: those that were sent without waiting for an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pulumi
from pulumi_aws import lambda_, sqs

from modelberth.aws.lambda_.names import queue_name
from modelberth.aws.policies import Statement, policy

if TYPE_CHECKING:
    from modelberth.aws.plan import Plan
    from modelberth.spec.aws import LambdaTarget

__all__ = ["queue_policy", "register_queue", "register_retries"]

# SQS' longest: time enough to look at them, and to send them again.
_KEPT_SECONDS: Final = 14 * 86_400
# How long SQS goes on with one data key of KMS; its default.
_KEY_REUSE_SECONDS: Final = 300
# Lambda's own default of 6 hours would call for a prediction that nobody waits for any more.
_EVENT_AGE_SECONDS: Final = 3600
_RETRIES: Final = 2


def queue_policy(plan: Plan[LambdaTarget]) -> str:
    """Return what nobody may do, whatever his own policies allow: ask the queue without TLS."""
    queue = plan.place.arn("sqs", queue_name(plan))
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    return policy(Statement("OnlyTls", ("sqs:*",), (queue,), {"AWS": ("*",)}, insecure, effect="Deny"))


def register_queue(
    name: str, plan: Plan[LambdaTarget], key: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> tuple[sqs.Queue, sqs.QueuePolicy]:
    """Register the queue, encrypted with a key by its ARN, and its policy."""
    region = plan.target.region
    queue = sqs.Queue(
        name,
        name=queue_name(plan),
        message_retention_seconds=_KEPT_SECONDS,
        kms_master_key_id=key,
        kms_data_key_reuse_period_seconds=_KEY_REUSE_SECONDS,
        region=region,
        tags=plan.tags,
        opts=opts,
    )
    rule = sqs.QueuePolicy(
        f"{name}-policy", queue_url=queue.url, policy=queue_policy(plan), region=region, opts=opts
    )
    return queue, rule


def register_retries(
    name: str, plan: Plan[LambdaTarget], alias: lambda_.Alias, opts: pulumi.ResourceOptions
) -> lambda_.FunctionEventInvokeConfig:
    """Register how often and how long an event is tried before it goes to the queue."""
    return lambda_.FunctionEventInvokeConfig(
        name,
        function_name=alias.function_name,
        qualifier=alias.name,
        maximum_event_age_in_seconds=_EVENT_AGE_SECONDS,
        maximum_retry_attempts=_RETRIES,
        region=plan.target.region,
        opts=opts,
    )
