"""How callers reach the alias, once it is there: an address, and what it is called in the metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi
from pulumi_aws import lambda_

from modelberth.aws.lambda_.front import Grant, grants, url_authorization

if TYPE_CHECKING:
    from modelberth.aws.plan import Plan
    from modelberth.spec.aws import FunctionUrl, LambdaTarget

__all__ = ["Reach", "by_invocation", "by_url", "invocation_path"]


@dataclass(frozen=True, slots=True)
class Reach:
    """A way to the function.

    Attributes:
        url: beginning of every address, without a slash last
        signals: kind of endpoint, as the monitoring has it
        where: what its metrics are told apart by, beside function and alias

    """

    url: pulumi.Input[str]
    signals: str
    where: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)


def by_invocation(
    name: str, plan: Plan[LambdaTarget], alias: lambda_.Alias, opts: pulumi.ResourceOptions
) -> Reach:
    """Let the spec's invokers call by Lambda's own API."""
    _permissions(name, plan, alias, grants(plan.spec, plan.target), opts)
    return Reach(f"https://lambda.{plan.place.region}.{plan.place.domain}", "lambda")


def invocation_path(function: str, alias: str) -> str:
    """Path of Lambda's API that calls an alias."""
    return f"/2015-03-31/functions/{function}:{alias}/invocations"


def by_url(
    name: str, plan: Plan[LambdaTarget], alias: lambda_.Alias, way: FunctionUrl, opts: pulumi.ResourceOptions
) -> Reach:
    """Register an address of the alias' own, and who may call it."""
    permissions = _permissions(name, plan, alias, grants(plan.spec, plan.target), opts)
    made = lambda_.FunctionUrl(
        f"{name}-url",
        function_name=alias.function_name,
        qualifier=alias.name,
        authorization_type=url_authorization(plan.spec),
        invoke_mode="RESPONSE_STREAM" if way.streaming else "BUFFERED",
        region=plan.target.region,
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[*permissions])),
    )
    return Reach(made.function_url.apply(lambda url: url.rstrip("/")), "lambda-function-url")


def _permissions(
    name: str,
    plan: Plan[LambdaTarget],
    alias: lambda_.Alias,
    granted: Sequence[Grant],
    opts: pulumi.ResourceOptions,
) -> Sequence[lambda_.Permission]:
    # The statement's id is the same in a new one, and there can be one of it.
    once = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(delete_before_replace=True))
    return [
        lambda_.Permission(
            f"{name}-{grant.role}",
            statement_id=grant.role,
            action=grant.action,
            function=alias.function_name,
            qualifier=alias.name,
            principal=grant.principal,
            function_url_auth_type=grant.authorization,
            invoked_via_function_url=True if grant.by_url else None,
            region=plan.target.region,
            opts=once,
        )
        for grant in granted
    ]
