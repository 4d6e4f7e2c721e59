"""What an endpoint is to run, read from a resource's inputs, and the inputs read from what it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelberth.provider.resource import Properties
from modelberth.provider.vertex.deployment import Deployment, Desired, Share
from modelberth.provider.vertex.resources import DeployedModel, Endpoint, parts_of

__all__ = ["desired_of", "imported"]


def desired_of(inputs: Properties) -> Desired:
    """What the inputs ask for; `problems` of `share_rules` has passed them."""
    shares = tuple(Share(_deployment(one), int(one["percent"])) for one in inputs["shares"])
    return Desired(str(inputs["name"]), str(inputs["endpoint"]), shares)


def imported(name: str, endpoint: str, found: Endpoint) -> Properties:
    """What a program would say of everything on an endpoint that has a display name."""
    shares = [_share(one, endpoint, found) for _, one in sorted(found.owned(name).items())]
    return {"name": name, "endpoint": endpoint, "shares": shares}


def _deployment(share: Properties) -> Deployment:
    least = int(share.get("minReplicas") or 1)
    targets: Mapping[str, int] = share.get("targets") or {}
    return Deployment(
        model=str(share["model"]),
        machine_type=str(share["machineType"]),
        min_replicas=least,
        max_replicas=int(share.get("maxReplicas") or least),
        accelerator_type=str(share.get("acceleratorType") or ""),
        accelerator_count=int(share.get("acceleratorCount") or 0),
        targets=tuple(sorted(targets.items())),
        service_account=str(share.get("serviceAccount") or ""),
        access_log=bool(share.get("accessLog")),
    )


def _share(found: DeployedModel, endpoint: str, where: Endpoint) -> dict[str, Any]:
    document, machine = found.document, found.dedicated.get("machineSpec") or {}
    read = {
        "model": _model(document, endpoint),
        "percent": where.traffic.get(found.id, 0),
        "machineType": machine.get("machineType", ""),
        "acceleratorType": machine.get("acceleratorType"),
        "acceleratorCount": machine.get("acceleratorCount"),
        "minReplicas": found.dedicated.get("minReplicaCount"),
        "maxReplicas": found.dedicated.get("maxReplicaCount"),
        "targets": {
            one["metricName"]: one["target"] for one in found.dedicated.get("autoscalingMetricSpecs") or ()
        },
        "serviceAccount": document.get("serviceAccount"),
        "accessLog": document.get("enableAccessLogging"),
    }
    return {name: value for name, value in read.items() if value or name == "percent"}


def _model(document: Mapping[str, Any], endpoint: str) -> str:
    """The version, by its name in the endpoint's project: the API may tell the project's number."""
    name, _, version = str(document["model"]).partition("@")
    project, region, _ = parts_of(endpoint)
    model_id = parts_of(name)[2]
    version = str(document.get("modelVersionId") or version or 1)
    return f"projects/{project}/locations/{region}/models/{model_id}@{version}"
