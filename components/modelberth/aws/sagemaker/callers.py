"""Who may call: an endpoint has no policy of its own, so it stands in a policy of each caller's.

`security.invokers` are roles and users of the account; each gets a policy with the one right to call this
endpoint. Whoever else the account's IAM lets, may.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import pulumi
from pulumi_aws import iam

from modelberth.aws.arn import Arn
from modelberth.aws.place import Place
from modelberth.aws.policies import Statement, policy
from modelberth.aws.sagemaker.names import endpoint_name
from modelberth.errors import Problem, shown
from modelberth.naming import content_digest
from modelberth.spec.sagemaker import Async

if TYPE_CHECKING:
    from modelberth.aws.plan import Plan
    from modelberth.spec import EndpointSpec
    from modelberth.spec.sagemaker import SageMakerTarget

__all__ = ["actions", "invoking", "problems", "register"]

_CALLER: Final = r"(role|user)/([!-~]*/)?([A-Za-z0-9+=,.@_-]{1,128})"
# IAM, "Service-linked roles" and IAM Identity Center, "Permission sets": nobody else changes their policies
# (UnmodifiableEntity).
_PROTECTED: Final = r"role/(aws-service-role/.*|(.*/)?AWSReservedSSO_.*)"
_LONGEST_POLICY_NAME: Final = 128


def actions(target: SageMakerTarget) -> tuple[str, ...]:
    """Return the actions of IAM that a call is."""
    if isinstance(target.mode, Async):
        return ("sagemaker:InvokeEndpointAsync",)
    return ("sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream")


def invoking(plan: Plan[SageMakerTarget]) -> str:
    """Return the policy of who may call this endpoint, and nothing else."""
    endpoint = plan.place.arn("sagemaker", f"endpoint/{endpoint_name(plan)}")
    return policy(Statement("Invoke", actions(plan.target), (endpoint,)))


def register(name: str, plan: Plan[SageMakerTarget], opts: pulumi.ResourceOptions) -> None:
    """Register the policy, and who has it."""
    invokers = plan.spec.security.invokers
    if not invokers:
        return
    made = iam.Policy(
        name,
        name=plan.named(f"invoke-{plan.target.region}", longest=_LONGEST_POLICY_NAME),
        description=f"Calls model endpoint {plan.spec.name}.",
        policy=invoking(plan),
        tags=plan.tags,
        opts=opts,
    )
    for invoker in dict.fromkeys(invokers):
        kind, who = _caller(invoker)
        attached = f"{name}-{content_digest(invoker)}"
        if kind == "role":
            iam.RolePolicyAttachment(attached, role=who, policy_arn=made.arn, opts=opts)
        else:
            iam.UserPolicyAttachment(attached, user=who, policy_arn=made.arn, opts=opts)


def problems(spec: EndpointSpec, target: SageMakerTarget) -> Iterator[Problem]:
    """Yield principals that no policy of the account can let in."""
    place = Place(target.account, target.region)
    allowed = f"the ARN of an IAM role or user of the account, {place.arn('iam', 'role/NAME')}"
    hint = "An endpoint of SageMaker has no policy of its own: it is called by who may in its account."
    for index, invoker in enumerate(spec.security.invokers):
        found = Arn.parse(invoker)
        if (
            found is None
            or (found.partition, found.service, found.account) != (place.partition, "iam", place.account)
            or re.fullmatch(_CALLER, found.resource) is None
        ):
            yield Problem(f"security.invokers[{index}]", shown(invoker), allowed, hint)
        elif re.fullmatch(_PROTECTED, found.resource) is not None:
            protected = "AWS changes no policies of this role: let its permission set allow the call."
            yield Problem(f"security.invokers[{index}]", shown(invoker), allowed, protected)


def _caller(invoker: str) -> tuple[str, str]:
    match = re.fullmatch(_CALLER, invoker.split(":", 5)[5])
    assert match is not None, invoker
    return match[1], match[3]
