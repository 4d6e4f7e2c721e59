"""What callers of an endpoint in SageMaker must know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

from modelberth.aws.sagemaker.names import component_name, endpoint_name, log_group
from modelberth.aws.sagemaker.variants import by_components
from modelberth.contract import EndpointContract
from modelberth.spec.sagemaker import Async
from modelberth.target_image import digest

if TYPE_CHECKING:
    from modelberth.aws.plan import Plan
    from modelberth.spec.sagemaker import SageMakerTarget

__all__ = ["contract"]


def contract(
    plan: Plan[SageMakerTarget],
    *,
    revision: pulumi.Input[str],
    image: pulumi.Input[str],
    dashboard: pulumi.Input[str] | None = None,
) -> EndpointContract:
    """Describe the endpoint for its callers.

    A prediction is an invocation by SageMaker's own API, whose body is the request. With mode async it has no
    body: a header names the request in S3, and the answer says where the prediction will be. No path of that
    API tells the health of an endpoint.

    Args:
        plan: of the endpoint
        revision: name of the configuration that is deployed, or of the model of which there are copies: it
            follows from all that decides what is served
        image: by digest
        dashboard: name of the dashboard

    """
    spec, place = plan.spec, plan.place
    verb = "async-invocations" if isinstance(plan.target.mode, Async) else "invocations"
    return EndpointContract(
        name=spec.name,
        target="sagemaker",
        url=f"https://runtime.sagemaker.{place.region}.{place.domain}",
        predict_path=f"/endpoints/{endpoint_name(plan)}/{verb}",
        health_path="",
        predict_headers={"X-Amzn-SageMaker-Inference-Component": component_name(plan)}
        if by_components(plan.target.mode)
        else {},
        auth="iam",
        region=place.region,
        model_name=spec.name,
        model_version=spec.model.version,
        model_sha256=spec.model.sha256,
        revision=revision,
        image_digest=digest(image),
        max_body_bytes=int(spec.limits.max_body),
        timeout_seconds=spec.limits.timeout.seconds,
        logs=log_group(plan),
        dashboard=dashboard,
    )
