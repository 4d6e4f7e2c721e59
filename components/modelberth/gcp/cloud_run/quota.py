"""What an endpoint with a GPU needs of a project's quota, which shows only when an instance cannot start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelberth.gcp.cloud_run.gpu import offer
from modelberth.gcp.cloud_run.scaling import most

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec
    from modelberth.spec.cloud_run import CloudRunTarget

__all__ = ["note"]


def note(spec: EndpointSpec, target: CloudRunTarget) -> str | None:
    """Return what a person should look up before the first update; None: there is nothing.

    A new project may have none of it. Cloud Run counts the most instances of every revision that is still
    there, of such as get no requests too (pulumi/pulumi-gcp#3794).
    """
    found = offer(spec)
    if found is None:
        return None
    quota = found.zonal_quota if target.zonal_redundancy else found.quota
    needed = most(spec)
    return (
        f"{spec.name}: {target.project} needs quota {quota} in {target.region} for {needed} "
        f"instance{'s' if needed > 1 else ''} with a GPU, and for the scaling.max of older revisions until "
        "these are deleted. "
        f"`gcloud beta quotas info describe {quota} --service=run.googleapis.com --project={target.project}` "
        "prints what there is."
    )
