"""The methods of the API that models and their deployments need."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from grpc import StatusCode

from modelberth.provider.resource import ResourceError
from modelberth.provider.vertex.resources import Endpoint, Operation
from modelberth.provider.vertex.transport import ApiError, Pace, Transport

__all__ = ["Progress", "VertexClient", "address_of"]

Progress = Callable[[str], None]
"""Told in a person's words how far an operation is, whenever that changes."""

_STATUS: Final = {code.value[0]: code.name for code in StatusCode}
_MUTABLE: Final = (
    "dedicatedResources.minReplicaCount",
    "dedicatedResources.maxReplicaCount",
    "dedicatedResources.autoscalingMetricSpecs",
)
_UNLISTED_LOOKS: Final = 5
"""How often an operation or a model that was just made may be unknown."""

_log = logging.getLogger(__name__)


def address_of(region: str) -> str:
    """The API of a region: what is in it is known there only."""
    return f"https://{region}-aiplatform.googleapis.com"


class VertexClient:
    """One region's models and endpoints. Every method raises `ResourceError`, a refusal as `ApiError`."""

    def __init__(self, transport: Transport, *, progress: Progress = _log.info) -> None:
        self._transport = transport
        self._progress = progress

    @property
    def pace(self) -> Pace:
        """How patiently the API is asked."""
        return self._transport.pace

    def endpoint(self, name: str) -> Endpoint:
        """Look at an endpoint."""
        return Endpoint.of(self._transport.request("GET", name))

    def running(self, name: str) -> tuple[str, ...]:
        """Names of the operations on a model or an endpoint that have not ended, oldest first."""
        listed = self._pages(f"{name}/operations", "operations")
        return tuple(one["name"] for one in listed if not one.get("done"))

    def deploy(self, endpoint: str, deployed_model: Mapping[str, Any]) -> Operation:
        """Begin to deploy a model, which gets no request yet. One whose id is there is refused."""
        return self._begun("POST", f"{endpoint}:deployModel", {"deployedModel": deployed_model})

    def mutate(self, endpoint: str, deployed_model: Mapping[str, Any]) -> Operation:
        """Begin to scale a deployed model: its replicas and what they follow, the rest is ignored."""
        body = {"deployedModel": deployed_model, "updateMask": ",".join(_MUTABLE)}
        return self._begun("POST", f"{endpoint}:mutateDeployedModel", body)

    def undeploy(self, endpoint: str, deployed_model_id: str) -> Operation:
        """Begin to take a deployed model away; one that gets requests is refused."""
        return self._begun("POST", f"{endpoint}:undeployModel", {"deployedModelId": deployed_model_id})

    def set_traffic(self, endpoint: str, split: Mapping[str, int], etag: str) -> Endpoint:
        """Move the requests at once; refused where the endpoint is not what `etag` was read of."""
        # The same share twice is the same, but its etag is another one: a lost answer ends in a refusal.
        body = {"name": endpoint, "trafficSplit": dict(split), "etag": etag}
        query = {"updateMask": "trafficSplit"}
        return Endpoint.of(self._transport.request("PATCH", endpoint, query=query, body=body))

    def set_labels(self, endpoint: str, labels: Mapping[str, str], etag: str) -> Endpoint:
        """Write an endpoint's labels; refused where the endpoint is not what `etag` was read of."""
        body = {"name": endpoint, "labels": dict(labels), "etag": etag}
        return Endpoint.of(
            self._transport.request("PATCH", endpoint, query={"updateMask": "labels"}, body=body)
        )

    def upload(
        self, parent: str, model: Mapping[str, Any], *, model_id: str = "", parent_model: str = ""
    ) -> Operation:
        """Begin to upload a model, or a version of `parent_model`; an id that is there is refused.

        A version has no id of ours: it is not sent again where the service may have begun with it.
        """
        named = {"parentModel": parent_model} if parent_model else {"modelId": model_id}
        body = {"model": model, **named}
        return self._begun("POST", f"{parent}/models:upload", body, repeatable=not parent_model)

    def model(self, name: str, *, expected: bool = False) -> dict[str, Any] | None:
        """Look at a model, or with `@` at a version; None where it is gone.

        Args:
            name: projects/…/locations/…/models/…, with or without @VERSION
            expected: it was just uploaded, and reads may not know of it yet
        """
        pace = self._transport.pace
        for number in range(_UNLISTED_LOOKS + 1 if expected else 1):
            if number:
                pace.sleep(pace.wait(number - 1))
            try:
                return self._transport.request("GET", name)
            except ApiError as error:
                if error.code != 404:
                    raise
        return None

    def versions(self, name: str) -> tuple[dict[str, Any], ...]:
        """All versions of a model; none where it is gone."""
        try:
            return tuple(self._pages(f"{name}:listVersions", "models"))
        except ApiError as error:
            if error.code != 404:
                raise
            return ()

    def change_model(self, name: str, changes: Mapping[str, Any]) -> None:
        """Write fields of a model, or with `@` of a version: a request takes those of one of them alone."""
        query, body = {"updateMask": ",".join(changes)}, {"name": name, **changes}
        self._transport.request("PATCH", name, query=query, body=body)

    def merge_aliases(self, version: str, aliases: Sequence[str]) -> None:
        """Give a version aliases, which another one loses; with a `-` before it one is taken away."""
        self._transport.request(
            "POST", f"{version}:mergeVersionAliases", body={"versionAliases": list(aliases)}
        )

    def delete_version(self, version: str) -> Operation:
        """Begin to delete a version; one that is deployed is refused, and so is a model's last one."""
        return self._begun("DELETE", f"{version}:deleteVersion", None)

    def delete_model(self, name: str) -> Operation:
        """Begin to delete a model with all its versions; one that is deployed is refused."""
        return self._begun("DELETE", name, None)

    def wait(self, operation: str, timeout: float) -> Operation:
        """Wait until an operation has ended well; also one that another process began.

        Args:
            operation: its name
            timeout: in seconds; the operation goes on where it runs out

        Raises:
            ApiError: it failed.
            ResourceError: it takes longer.
        """
        pace, number, unknown, stage = self._transport.pace, 0, 0, ""
        start = pace.now()
        while True:
            try:
                found = Operation.of(self._transport.request("GET", operation))
            except ApiError as error:
                unknown += 1
                if error.code != 404 or unknown > _UNLISTED_LOOKS:
                    raise
                found = Operation(operation, done=False, stage=stage, error=None, response={})
            if found.error:
                code, message = found.error
                raise ApiError(operation, 0, _STATUS.get(code, str(code)), message)
            if found.done:
                return found
            if found.stage != stage:
                stage = found.stage
                self._progress(f"{operation}: {stage.replace('_', ' ').lower()}")
            waited = pace.now() - start
            if waited >= timeout:
                raise ResourceError(
                    f"Vertex AI: {operation} has not ended after {waited:.0f} s. It goes on without us: run "
                    "the same again to wait for it, or allow it more time with customTimeouts"
                )
            pace.sleep(min(pace.wait(number), timeout - waited))
            number += 1

    def _pages(self, path: str, member: str) -> Iterator[dict[str, Any]]:
        """All that a list has, page after page."""
        token = ""
        while True:
            page = self._transport.request("GET", path, query={"pageToken": token} if token else {})
            yield from page.get(member, ())
            token = page.get("nextPageToken", "")
            if not token:
                return

    def _begun(
        self, method: str, path: str, body: Mapping[str, Any] | None, *, repeatable: bool = True
    ) -> Operation:
        return Operation.of(self._transport.request(method, path, body=body, repeatable=repeatable))
