"""The server in a container of Vertex AI: what it is told, and where its model comes from.

Vertex AI tells a container itself, in variables that begin with AIP_, on which port and paths it is called,
and where the files of the model's `artifactUri` are. That is a folder, which Vertex AI copies when the
version is made. A single file is not given that way: whatever lies beside it would be copied as well. The
server reads it with the identity that may read this one object.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from modelberth.engine_problems import engine_problems
from modelberth.errors import Problem, SpecError, shown
from modelberth.gcp.vertex.access import is_private
from modelberth.gcp.vertex.shares import shares
from modelberth.model_address import address, is_file
from modelberth.naming import content_digest
from modelberth.runtimes import container

if TYPE_CHECKING:
    from modelberth.runtimes import Container
    from modelberth.spec import EndpointSpec, ModelSource
    from modelberth.spec.vertex import VertexTarget

__all__ = ["artifact_uri", "environment", "problems", "serving"]

# The image may be one that the program builds: its digest is known only after that.
_ANY: Final = "any"
_OUTSIDE: Final = frozenset({"https", "hf"})


def serving(spec: EndpointSpec, model: ModelSource) -> Container:
    """Return the container that serves one of the endpoint's models.

    Raises:
        SpecError: the engine cannot serve it; `problems` tells it before.

    """
    return container(spec.model_copy(update={"model": model}), image=_ANY)


def environment(spec: EndpointSpec, model: ModelSource) -> Mapping[str, str]:
    """Return the variables of the container that serves one of the endpoint's models.

    Raises:
        SpecError: the engine cannot serve it; `problems` tells it before.

    """
    return {
        **serving(spec, model).env,
        **_place(model),
        "MODELBERTH_LOG_FORMAT": "json",
        "MODELBERTH_REVISION": f"m{content_digest(model.model_dump_json())}",
    }


def artifact_uri(model: ModelSource) -> str | None:
    """Return the folder that Vertex AI copies for the container; None: the model comes another way."""
    return unquote(model.uri).rstrip("/") if _is_folder(model) else None


def problems(spec: EndpointSpec, target: VertexTarget) -> Iterator[Problem]:
    """Yield what the engine does not honour, and models that do not come to the container."""
    yield from engine_problems(spec)
    for path, model in spec.models.items():
        if _is_folder(model) and model.revision is not None:
            hint = "A generation is one object's: pin the package by its sha256."
            allowed = "nothing for a folder in Cloud Storage on target `vertex`"
            yield Problem(f"{path}.revision", shown(model.revision), allowed, hint)
        if model.scheme in _OUTSIDE and is_private(spec, target):
            hint = "Containers of a private endpoint connect to Google's own services alone: copy the model."
            allowed = "a uri of gs, or file, with target.access private_service_connect"
            yield Problem(f"{path}.uri", shown(model.uri), allowed, hint)
    try:
        for share in shares(spec):
            environment(spec, share.model)
    except SpecError as error:
        yield from error.problems


def _is_folder(model: ModelSource) -> bool:
    return model.scheme == "gs" and not is_file(model.uri)


def _place(model: ModelSource) -> dict[str, str]:
    """Say where the server finds the model: by AIP_STORAGE_URI, at its address, or in the image."""
    pin = {} if model.sha256 is None else {"MODELBERTH_MODEL_SHA256": model.sha256}
    if model.scheme == "file" or _is_folder(model):
        return pin
    return {"MODELBERTH_MODEL_URI": address(model), **pin}
