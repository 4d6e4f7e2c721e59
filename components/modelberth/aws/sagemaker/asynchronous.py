"""Requests that wait in a queue: where they and their answers lie in S3, and who hears of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pulumi
from pulumi_aws import sns

from modelberth.aws.arn import Arn
from modelberth.aws.policies import Statement, policy
from modelberth.aws.sagemaker.names import topic_name
from modelberth.errors import Problem, shown
from modelberth.spec.sagemaker import Async

if TYPE_CHECKING:
    from modelberth.aws.plan import Plan
    from modelberth.spec import EndpointSpec
    from modelberth.spec.sagemaker import SageMakerTarget

__all__ = ["Topics", "async_config", "problems", "register", "topic_arns"]

_FAILURES: Final = "failures"
_ABOUT: Final = ("success", "error")


@dataclass(frozen=True)
class Topics:
    """Who hears of requests: ARNs of SNS topics, made here or elsewhere."""

    success: pulumi.Input[str]
    error: pulumi.Input[str]


def async_config(
    spec: EndpointSpec, target: SageMakerTarget, key: pulumi.Input[str], topics: Topics | None
) -> dict[str, Any] | None:
    """Return the configuration's part; None: requests are answered at once."""
    if not isinstance(target.mode, Async) or topics is None:
        return None
    output = target.mode.output.rstrip("/")
    return {
        "client_config": {"max_concurrent_invocations_per_instance": spec.limits.concurrency},
        "output_config": {
            "s3_output_path": output,
            "s3_failure_path": f"{output}/{_FAILURES}",
            "kms_key_id": key,
            "notification_config": {"success_topic": topics.success, "error_topic": topics.error},
        },
    }


def topic_arns(plan: Plan[SageMakerTarget]) -> tuple[str, ...]:
    """Return the ARNs of the topics that replicas publish to, which are known before they are made."""
    mode = plan.target.mode
    if not isinstance(mode, Async):
        return ()
    given = {"success": mode.success_topic, "error": mode.error_topic}
    return tuple(given[about] or plan.place.arn("sns", topic_name(plan, about)) for about in _ABOUT)


def register(
    name: str, plan: Plan[SageMakerTarget], key: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> Topics | None:
    """Register the topics that are not given, encrypted with a key by its ARN; None: nothing is queued."""
    mode = plan.target.mode
    if not isinstance(mode, Async):
        return None
    return Topics(
        mode.success_topic or _topic(name, plan, "success", key, opts),
        mode.error_topic or _topic(name, plan, "error", key, opts),
    )


def problems(spec: EndpointSpec, target: SageMakerTarget) -> Iterator[Problem]:  # noqa: ARG001 - every room is asked alike
    """Yield topics that SageMaker cannot publish to, and answers that would be taken for requests."""
    mode = target.mode
    if not isinstance(mode, Async):
        return
    for about, topic in (("success", mode.success_topic), ("error", mode.error_topic)):
        found = Arn.parse(topic) if topic is not None else None
        if found is not None and found.region != target.region:
            hint = "SageMaker publishes in the endpoint's own region."
            yield Problem(
                f"target.mode.{about}_topic", shown(topic), f"a topic in region {target.region}", hint
            )
    if f"{mode.output.rstrip('/')}/".startswith(f"{mode.input.rstrip('/')}/"):
        hint = "The endpoint could read the answers that others got."
        yield Problem("target.mode.output", shown(mode.output), "a prefix that is not below the input", hint)


def _topic(
    name: str,
    plan: Plan[SageMakerTarget],
    about: str,
    key: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> pulumi.Output[str]:
    region = plan.target.region
    topic = sns.Topic(
        f"{name}-{about}",
        name=topic_name(plan, about),
        kms_master_key_id=key,
        # SHA-256; 1 is SHA-1.
        signature_version=2,
        region=region,
        tags=plan.tags,
        opts=opts,
    )
    rule = sns.TopicPolicy(
        f"{name}-{about}-policy", arn=topic.arn, policy=_rules(plan, about), region=region, opts=opts
    )
    return rule.arn


def _rules(plan: Plan[SageMakerTarget], about: str) -> str:
    """Whom IAM of the account lets, and nobody without TLS."""
    topic = (plan.place.arn("sns", topic_name(plan, about)),)
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    return policy(
        Statement("Account", ("sns:Publish", "sns:Subscribe"), topic, {"AWS": (plan.place.root,)}),
        Statement("OnlyTls", ("sns:Publish",), topic, {"AWS": ("*",)}, insecure, effect="Deny"),
    )
