"""What callers of a service must know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pulumi

from modelberth.contract import EndpointContract
from modelberth.gcp.cloud_run.names import service_name
from modelberth.gcp.cloud_run.server import server
from modelberth.target_image import digest

if TYPE_CHECKING:
    from modelberth.gcp.plan import Plan
    from modelberth.spec.cloud_run import CloudRunTarget

__all__ = ["contract"]

_AUTH: Final = {"platform": "iam", "none": "none"}
_CONSOLE: Final = "https://console.cloud.google.com/run/detail"


def contract(
    plan: Plan[CloudRunTarget],
    *,
    url: pulumi.Input[str],
    revision: pulumi.Input[str],
    image: pulumi.Input[str],
    dashboard: pulumi.Input[str],
) -> EndpointContract:
    """Describe the endpoint for its callers.

    Args:
        plan: of the endpoint
        url: beginning of every address
        revision: name of the one that serves the endpoint's model, which a later rollout comes from
        image: by digest
        dashboard: where a person sees it

    """
    spec, place = plan.spec, plan.place
    started = server(spec, plan.target)
    return EndpointContract(
        name=spec.name,
        target="cloud_run",
        url=url,
        predict_path=started.predict.path,
        health_path=started.ready.path,
        auth=_AUTH[spec.security.auth.kind],
        region=place.region,
        model_name=spec.name,
        model_version=spec.model.version,
        model_sha256=spec.model.sha256,
        revision=revision,
        image_digest=digest(image),
        max_body_bytes=int(spec.limits.max_body),
        timeout_seconds=spec.limits.timeout.seconds,
        logs=f"{_CONSOLE}/{place.region}/{service_name(plan)}/logs?project={place.project}",
        dashboard=dashboard,
    )
