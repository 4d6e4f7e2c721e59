"""The inputs of a version that somebody else uploaded, for `pulumi import`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelberth.provider.resource import Properties, ResourceError
from modelberth.provider.vertex.resources import parts_of

__all__ = ["imported"]


def imported(model: str, found: Mapping[str, Any]) -> Properties:
    """What a program would say of the version.

    Raises:
        ResourceError: it has no container, as models that Vertex AI trained itself.
    """
    container = found.get("containerSpec")
    if not container:
        hint = "AutoML's and BigQuery's models have none, and are not for a program to say."
        raise ResourceError.about("id", f"{model}@{found.get('versionId')}", "a model with a container", hint)
    project, region, model_id = parts_of(model)
    read = {
        "project": project,
        "region": region,
        "modelId": model_id,
        "displayName": found.get("displayName"),
        "description": found.get("description"),
        "versionDescription": found.get("versionDescription"),
        "labels": found.get("labels"),
        "artifactUri": found.get("artifactUri"),
        "encryptionKey": (found.get("encryptionSpec") or {}).get("kmsKeyName"),
        "image": container.get("imageUri"),
        "command": container.get("command"),
        "args": container.get("args"),
        "env": {one["name"]: one.get("value", "") for one in container.get("env") or ()},
        "ports": [one["containerPort"] for one in container.get("ports") or ()],
        "predictRoute": container.get("predictRoute"),
        "healthRoute": container.get("healthRoute"),
        "startupProbe": _probe(container.get("startupProbe") or {}),
        "healthProbe": _probe(container.get("healthProbe") or {}),
        "livenessProbe": _probe(container.get("livenessProbe") or {}),
        "sharedMemoryMb": int(container.get("sharedMemorySizeMb") or 0),
        "deploymentTimeout": int(float(str(container.get("deploymentTimeout") or "0s").removesuffix("s"))),
    }
    return {name: value for name, value in read.items() if value}


def _probe(found: Mapping[str, Any]) -> dict[str, Any]:
    read = {
        "path": (found.get("httpGet") or {}).get("path"),
        "port": (found.get("httpGet") or {}).get("port"),
        "command": (found.get("exec") or {}).get("command"),
        "initialDelay": found.get("initialDelaySeconds"),
        "period": found.get("periodSeconds"),
        "timeout": found.get("timeoutSeconds"),
        "failureThreshold": found.get("failureThreshold"),
        "successThreshold": found.get("successThreshold"),
    }
    return {name: value for name, value in read.items() if value}
