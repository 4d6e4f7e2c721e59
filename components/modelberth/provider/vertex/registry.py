"""Versions in Vertex AI's model registry: made once, taken over where they are there, and removed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from modelberth.provider.resource import ResourceError
from modelberth.provider.vertex.client import VertexClient
from modelberth.provider.vertex.transport import ApiError
from modelberth.provider.vertex.version import Version, holder_of, holding

__all__ = ["make", "remove", "version_name", "write"]

_ATTEMPTS: Final = 6
_DEFAULT: Final = "default"


def version_name(model: str, found: Mapping[str, Any]) -> str:
    """The name of a version that is there, which a deployment takes."""
    return f"{model}@{found['versionId']}"


def make(client: VertexClient, version: Version, holder: str, timeout: float) -> Mapping[str, Any]:
    """Upload a version, or take over the same one that is there; the version as it is found then.

    What a former command began is waited for first: it may be this very version. Twice there can only be what
    had ended, and neither a read by its alias nor the list of versions knows of yet.

    Raises:
        ApiError: the upload was refused or failed.
        ResourceError: it took longer than `timeout` seconds; the next command waits for it.
    """
    for number in range(_ATTEMPTS):
        _await_others(client, version.model, timeout)
        found, there = client.model(f"{version.model}@{version.alias}"), client.versions(version.model)
        for one in (*([found] if found else []), *there):
            if version.alias in (one.get("versionAliases") or ()):
                return _taken_over(client, version, one, holder)
        place = {"parent_model": version.model} if there else {"model_id": str(version.inputs["modelId"])}
        try:
            begun = client.upload(version.parent, version.document(holder), **place)
        except ApiError as error:
            # Somebody else made the model in between, or reads did not know of it yet; or it went.
            if error.code not in (404, 409) or number + 1 == _ATTEMPTS:
                raise
            client.pace.sleep(client.pace.wait(number))
            continue
        done = client.wait(begun.name, timeout)
        name = f"{version.model}@{done.response['modelVersionId']}"
        uploaded = client.model(name, expected=True)
        if uploaded is None:
            raise ResourceError(f"Vertex AI: {name} was uploaded and is gone; run the command again")
        return uploaded
    raise AssertionError("the last attempt returns or raises")


def remove(client: VertexClient, model: str, number: str, holder: str, timeout: float) -> None:
    """Delete a version, and with the last one the model; spare one that another create took over.

    Reads of what is deployed may be late: what is refused for that is tried again for a while.

    Raises:
        ApiError: it is deployed, or the API refuses it for another reason.
    """
    name = f"{model}@{number}"
    for attempt in range(_ATTEMPTS):
        found = client.model(name)
        if found is None or (holder and holder_of(found) not in ("", holder)):
            return
        try:
            _delete(client, model, found, timeout)
        except ApiError as error:
            if error.code == 404:
                return
            if error.code == 0 or error.status != "FAILED_PRECONDITION":
                raise
            if attempt + 1 == _ATTEMPTS:
                raise _refused(name, found, error) from error
            client.pace.sleep(client.pace.wait(attempt))
        else:
            return


def _delete(client: VertexClient, model: str, found: Mapping[str, Any], timeout: float) -> None:
    name = version_name(model, found)
    others = [one["versionId"] for one in client.versions(model) if one["versionId"] != found["versionId"]]
    if not others:
        client.wait(client.delete_model(model).name, timeout)
        return
    if _DEFAULT in (found.get("versionAliases") or ()):
        # A model always has a default version (docs.cloud.google.com, "How to use model version aliases").
        client.merge_aliases(f"{model}@{max(others, key=int)}", [_DEFAULT])
    client.wait(client.delete_version(name).name, timeout)


def _await_others(client: VertexClient, model: str, timeout: float) -> None:
    """Wait for what former commands began on the model; how it ended shows in what is there."""
    try:
        running = client.running(model)
    except ApiError as error:
        if error.code != 404:
            raise
        return
    for operation in running:
        with suppress(ApiError):
            client.wait(operation, timeout)


def _taken_over(
    client: VertexClient, version: Version, found: Mapping[str, Any], holder: str
) -> Mapping[str, Any]:
    """Make a version that is there this create's: what its former holder would remove is spared."""
    name, former = version_name(version.model, found), holder_of(found)
    client.merge_aliases(name, [holding(holder), *([f"-{holding(former)}"] if former else [])])
    write(client, version, found, {})
    return client.model(name, expected=True) or found


def write(
    client: VertexClient, version: Version, found: Mapping[str, Any], formerly: Mapping[str, Any]
) -> None:
    """Write what can be changed of a version and of its model, where it differs."""
    if changes := version.changes_of_model(found):
        client.change_model(version.model, changes)
    if changes := version.changes_of_version(found, formerly):
        client.change_model(version_name(version.model, found), changes)


def _refused(name: str, found: Mapping[str, Any], error: ApiError) -> ResourceError:
    where = sorted({one["endpoint"] for one in found.get("deployedModels") or ()})
    if not where:
        return error
    return ResourceError(
        f"Vertex AI: {name} cannot be deleted: it is deployed on {', '.join(where)}. "
        "Undeploy it there first (gcloud ai endpoints undeploy-model), then run the command again"
    )
