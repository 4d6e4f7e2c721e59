"""The alias `live`: which published version answers, or which two and in what shares.

Every update that changes the function publishes a version, and AWS numbers them: the newest is known only
after the update. The older one of a rollout is a number that somebody has to name, `previous_version`; it
stands among the endpoint's outputs until the update that replaces it. AWS keeps every version, so the way
back needs no second function and costs nothing while it is not called.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pulumi
from pulumi_aws import lambda_

from modelberth.aws.lambda_.names import LIVE
from modelberth.errors import Problem, shown
from modelberth.rollouts import same_model_problems

if TYPE_CHECKING:
    from modelberth.aws.plan import Plan
    from modelberth.spec import EndpointSpec
    from modelberth.spec.aws import LambdaTarget

__all__ = ["Traffic", "problems", "register", "traffic"]

_WHOLE: Final = 100


@dataclass(frozen=True, slots=True)
class Traffic:
    """Who answers.

    Attributes:
        percent: share of the version that this update publishes, or published last
        previous: number of the version that has the rest; None: none has

    """

    percent: int
    previous: str | None = None

    @property
    def is_split(self) -> bool:
        """Whether two versions answer."""
        return 0 < self.percent < _WHOLE

    def version(self, newest: pulumi.Input[str]) -> pulumi.Input[str]:
        """The version that the alias names."""
        return self.previous if self.percent == 0 and self.previous is not None else newest

    @property
    def weights(self) -> dict[str, float]:
        """Share of the other version, between 0 and 1, where there are two."""
        if not self.is_split or self.previous is None:
            return {}
        return {self.previous: (_WHOLE - self.percent) / _WHOLE}


def traffic(spec: EndpointSpec, target: LambdaTarget) -> Traffic:
    """Return which versions answer.

    Args:
        spec: its rollout says how far the new model has come
        target: names the version that serves `rollout.previous`

    """
    return Traffic(spec.share, target.previous_version)


def register(
    name: str,
    plan: Plan[LambdaTarget],
    function: lambda_.Function,
    opts: pulumi.ResourceOptions,
) -> lambda_.Alias:
    """Register the alias under a logical name."""
    answering = traffic(plan.spec, plan.target)
    weights = answering.weights
    return lambda_.Alias(
        name,
        name=LIVE,
        function_name=function.name,
        function_version=answering.version(function.version),
        routing_config=lambda_.AliasRoutingConfigArgs(additional_version_weights=weights)
        if weights
        else None,
        description=f"What callers of {plan.spec.name} reach",
        region=plan.target.region,
        opts=opts,
    )


def problems(spec: EndpointSpec, target: LambdaTarget) -> Iterator[Problem]:
    """Yield a rollout without the version that it comes from, and the other way round."""
    previous, previous_version = spec.previous, target.previous_version
    if previous is None and previous_version is not None:
        yield Problem(
            "target.previous_version",
            shown(previous_version),
            "nothing without rollout.previous",
            "It is the version that a canary or a blue-green rollout comes from.",
        )
    if previous is not None and previous_version is None:
        yield Problem(
            "target.previous_version",
            "nothing",
            "the number of the version that serves rollout.previous",
            "It is `revision` of the endpoint's contract as long as that model is all there is.",
        )
    yield from same_model_problems(spec)
