"""What callers of a function must know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pulumi

from modelberth.aws.lambda_.front import front
from modelberth.aws.lambda_.names import LIVE, function_name, log_group
from modelberth.aws.lambda_.reach import invocation_path
from modelberth.contract import EndpointContract
from modelberth.spec.aws import InvokeApi
from modelberth.target_image import digest

if TYPE_CHECKING:
    from modelberth.aws.plan import Plan
    from modelberth.spec.aws import LambdaTarget

__all__ = ["contract"]

_AUTH: Final = {"platform": "iam", "jwt": "jwt", "none": "none"}


def contract(
    plan: Plan[LambdaTarget],
    *,
    url: pulumi.Input[str],
    version: pulumi.Input[str],
    image: pulumi.Input[str],
    dashboard: pulumi.Input[str] | None = None,
) -> EndpointContract:
    """Describe the endpoint for its callers.

    By Lambda's own API the path of a prediction is that of an invocation, whose payload is the body, and its
    health is that the function has the alias: which says that there is something to call, and calls nothing.

    Args:
        plan: of the endpoint
        url: beginning of every address
        version: the newest published one, a number
        image: by digest
        dashboard: name of the dashboard

    """
    spec, name = plan.spec, function_name(plan)
    by_invocation = isinstance(front(spec, plan.target), InvokeApi)
    configuration = f"/2015-03-31/functions/{name}/configuration?Qualifier={LIVE}"
    return EndpointContract(
        name=spec.name,
        target="lambda",
        url=url,
        predict_path=invocation_path(name, LIVE) if by_invocation else "/predict",
        health_path=configuration if by_invocation else "/health/ready",
        auth=_AUTH[spec.security.auth.kind],
        region=plan.target.region,
        model_name=spec.name,
        model_version=spec.model.version,
        model_sha256=spec.model.sha256,
        revision=version,
        image_digest=digest(image),
        max_body_bytes=int(spec.limits.max_body),
        timeout_seconds=spec.limits.timeout.seconds,
        logs=log_group(plan),
        dashboard=dashboard,
    )
