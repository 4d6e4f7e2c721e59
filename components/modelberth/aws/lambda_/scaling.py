"""How many environments there are: kept warm, at most, and what adds to them.

An environment is what other targets call a replica, with one difference: Lambda gives it one request at a
time. So `scaling.max` is the number of requests in progress at once, which is reserved for the function; one
more is answered with 429. `scaling.min` is the number that is started before anyone calls, and paid for
around the clock. `limits.concurrency` is met by 1; what remains of it is that `scaling.target` is a part of
it: the share of the warm environments that may be busy before more are warmed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pulumi
from pulumi_aws import lambda_

from modelberth.aws.autoscaling import AwsAutoscaling, AwsAutoscalingArgs
from modelberth.aws.lambda_.alias import traffic
from modelberth.aws.lambda_.names import LIVE, function_name
from modelberth.aws.scaled import Scaled, Tracking
from modelberth.errors import Problem, shown

if TYPE_CHECKING:
    from modelberth.aws.plan import Plan
    from modelberth.spec import EndpointSpec
    from modelberth.spec.aws import LambdaTarget

__all__ = ["Warm", "problems", "register", "reserved", "utilization", "warm"]

_DIMENSION: Final = "lambda:function:ProvisionedConcurrency"
_METRIC: Final = "LambdaProvisionedConcurrencyUtilization"
_USUAL: Final = 0.7
# https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html: what target tracking may aim at.
_LEAST, _MOST = 0.1, 0.9


@dataclass(frozen=True, slots=True)
class Warm:
    """Environments that are ready before a request comes.

    Attributes:
        least: always
        most: while the load asks for them; as many as `least`: their number is fixed
        utilization: share of them that may be busy before more are started, between 0 and 1

    """

    least: int
    most: int
    utilization: float

    @property
    def is_scaled(self) -> bool:
        """Whether their number follows the load."""
        return self.most > self.least


def reserved(spec: EndpointSpec) -> int:
    """Return the number of requests that may be in progress: the bound on cost, and on what others lose."""
    return spec.scaling.max


def utilization(spec: EndpointSpec) -> float:
    """Return the share of warm environments that may be busy: `scaling.target` of `limits.concurrency`."""
    target = spec.scaling.target
    return _USUAL if target is None else target / spec.limits.concurrency


def warm(spec: EndpointSpec) -> Warm | None:
    """Return what is kept warm; None: nothing, and an idle endpoint costs nothing."""
    scaling = spec.scaling
    return Warm(scaling.min, scaling.max, utilization(spec)) if scaling.min > 0 else None


def register(
    name: str, plan: Plan[LambdaTarget], alias: lambda_.Alias, opts: pulumi.ResourceOptions
) -> lambda_.ProvisionedConcurrencyConfig | None:
    """Register what keeps environments warm, and what changes their number."""
    kept = warm(plan.spec)
    if kept is None:
        return None
    region = plan.target.region
    # Once it is scaled, the number is the autoscaler's: an update must not set it back.
    theirs = ["provisioned_concurrent_executions"] if kept.is_scaled else []
    provisioned = lambda_.ProvisionedConcurrencyConfig(
        f"{name}-warm",
        function_name=alias.function_name,
        qualifier=alias.name,
        provisioned_concurrent_executions=kept.least,
        region=region,
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(ignore_changes=theirs)),
    )
    if kept.is_scaled:
        AwsAutoscaling(f"{name}-scaling", _autoscaling(plan, kept, provisioned), opts)
    return provisioned


def problems(spec: EndpointSpec, target: LambdaTarget) -> Iterator[Problem]:
    """Yield what cannot be kept warm and what nothing can aim at."""
    kept = warm(spec)
    if kept is None:
        return
    if traffic(spec, target).is_split:
        # InvalidParameterValueException: Alias with weights can not be used with Provisioned Concurrency
        # (hashicorp/terraform-provider-aws#48116).
        yield Problem(
            "scaling.min",
            str(kept.least),
            "0 while two versions share the requests",
            "AWS keeps no environments warm behind an alias with weights: set it in an update before the "
            "first step, or change over at once with rollout.strategy blue_green.",
        )
    if kept.is_scaled and not _LEAST <= kept.utilization <= _MOST:
        concurrency = spec.limits.concurrency
        yield Problem(
            "scaling.target",
            shown(spec.scaling.target),
            f"{_LEAST * concurrency:g} to {_MOST * concurrency:g} with limits.concurrency {concurrency}",
            "Lambda scales by the share of warm environments that are busy, from 10 to 90 percent.",
        )


def _autoscaling(plan: Plan[LambdaTarget], kept: Warm, provisioned: pulumi.Resource) -> AwsAutoscalingArgs:
    scaled = Scaled("lambda", f"function:{function_name(plan)}:{LIVE}", _DIMENSION, kept.least, kept.most)
    tracking = Tracking("busy", _METRIC, kept.utilization, round(plan.spec.scaling.cooldown.seconds))
    return AwsAutoscalingArgs(
        plan.place, plan.named(), scaled, [tracking], after=[provisioned], tags=plan.tags
    )
