"""What the API tells: endpoints, the models deployed on them, and operations (v1 REST, camelCase)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

__all__ = ["DeployedModel", "Endpoint", "Operation"]


@dataclass(frozen=True)
class DeployedModel:
    """A model that runs on an endpoint.

    Attributes:
        id: up to 10 digits where we chose it
        display_name: whose it is
        dedicated: its `dedicatedResources`
    """

    id: str
    display_name: str
    dedicated: Mapping[str, Any]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Read one of an endpoint's `deployedModels`."""
        name, dedicated = document.get("displayName", ""), document.get("dedicatedResources", {})
        return cls(document["id"], name, dedicated)


@dataclass(frozen=True)
class Endpoint:
    """An endpoint as it is found.

    Attributes:
        name: projects/…/locations/…/endpoints/…
        etag: what a change of the traffic is bound to, so that it does not undo another's
        deployed: by id
        traffic: percent of the requests by id, without those that get none
    """

    name: str
    etag: str
    deployed: Mapping[str, DeployedModel]
    traffic: Mapping[str, int]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Read what a GET of an endpoint answers."""
        models = [DeployedModel.of(one) for one in document.get("deployedModels", ())]
        traffic = {one: percent for one, percent in document.get("trafficSplit", {}).items() if percent}
        return cls(document["name"], document.get("etag", ""), {one.id: one for one in models}, traffic)


@dataclass(frozen=True)
class Operation:
    """A long-running operation (google.aip.dev/151).

    Attributes:
        name: what it can be asked for by, also by another process
        done: whether it ended
        stage: of a deployment, such as STARTING_MODEL_SERVER; empty where it does not say
        error: why it failed, as canonical code and message
        response: what it made
    """

    name: str
    done: bool
    stage: str
    error: tuple[int, str] | None
    response: Mapping[str, Any]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Read an operation."""
        error = document.get("error")
        return cls(
            document["name"],
            bool(document.get("done")),
            document.get("metadata", {}).get("deploymentStage", ""),
            (int(error.get("code", 2)), str(error.get("message", ""))) if error else None,
            document.get("response", {}),
        )
