"""What the API tells: endpoints, the models deployed on them, and operations (v1 REST, camelCase)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from modelberth.provider.resource import ResourceError

__all__ = ["DeployedModel", "Endpoint", "Operation", "parts_of", "region_of"]

_NAME: Final = re.compile(r"projects/([^/]+)/locations/([^/]+)/(?:models|endpoints)/([^/@]+)(?:[/@].*)?")


@dataclass(frozen=True)
class DeployedModel:
    """A model that runs on an endpoint.

    Attributes:
        id: up to 10 digits where we chose it
        display_name: whose it is
        dedicated: its `dedicatedResources`
        document: all that the API tells
    """

    id: str
    display_name: str
    dedicated: Mapping[str, Any]
    document: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Read one of an endpoint's `deployedModels`."""
        name, dedicated = document.get("displayName", ""), document.get("dedicatedResources", {})
        return cls(document["id"], name, dedicated, document)


@dataclass(frozen=True)
class Endpoint:
    """An endpoint as it is found.

    Attributes:
        name: projects/…/locations/…/endpoints/…
        etag: what a change of the traffic is bound to, so that it does not undo another's
        deployed: by id
        traffic: percent of the requests by id, without those that get none
        labels: of it
    """

    name: str
    etag: str
    deployed: Mapping[str, DeployedModel]
    traffic: Mapping[str, int]
    labels: Mapping[str, str] = field(default_factory=dict)

    def owned(self, owner: str) -> dict[str, DeployedModel]:
        """What has a display name, by id."""
        return {name: one for name, one in self.deployed.items() if one.display_name == owner}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Read what a GET of an endpoint answers."""
        models = [DeployedModel.of(one) for one in document.get("deployedModels", ())]
        traffic = {one: percent for one, percent in document.get("trafficSplit", {}).items() if percent}
        etag, labels = document.get("etag", ""), document.get("labels") or {}
        return cls(document["name"], etag, {one.id: one for one in models}, traffic, labels)


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


def parts_of(name: str) -> tuple[str, str, str]:
    """Project, region and id of a model or an endpoint, or of what is below it.

    Raises:
        ResourceError: it is no such name.
    """
    found = _NAME.fullmatch(name)
    if not found:
        allowed = "projects/PROJECT/locations/REGION/models/ID@VERSION, or …/endpoints/ID/NAME"
        raise ResourceError.about("id", repr(name), allowed)
    return found[1], found[2], found[3]


def region_of(name: str) -> str:
    """The region of a model or an endpoint, or of what is below it.

    Raises:
        ResourceError: it is no such name.
    """
    return parts_of(name)[1]
