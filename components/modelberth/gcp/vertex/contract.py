"""What callers of an endpoint in Vertex AI must know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

from modelberth.contract import EndpointContract
from modelberth.gcp.vertex.access import predict_path, url
from modelberth.target_image import digest

if TYPE_CHECKING:
    from modelberth.gcp.plan import Plan
    from modelberth.spec.vertex import VertexTarget

__all__ = ["contract"]


def contract(
    plan: Plan[VertexTarget],
    *,
    revision: pulumi.Input[str],
    image: pulumi.Input[str],
    logs: pulumi.Input[str] | None = None,
    dashboard: pulumi.Input[str] | None = None,
) -> EndpointContract:
    """Describe the endpoint for its callers.

    A prediction is the API's own, with an access token of Google's. No path of it tells the health of an
    endpoint.

    Args:
        plan: of the endpoint
        revision: name of the version that serves the endpoint's model
        image: by digest
        logs: where they are
        dashboard: name of the dashboard

    """
    spec = plan.spec
    return EndpointContract(
        name=spec.name,
        target="vertex",
        url=url(plan),
        predict_path=predict_path(plan),
        health_path="",
        auth="iam",
        region=plan.place.region,
        model_name=spec.name,
        model_version=spec.model.version,
        model_sha256=spec.model.sha256,
        revision=revision,
        image_digest=digest(image),
        max_body_bytes=int(spec.limits.max_body),
        timeout_seconds=spec.limits.timeout.seconds,
        logs=logs,
        dashboard=dashboard,
    )
