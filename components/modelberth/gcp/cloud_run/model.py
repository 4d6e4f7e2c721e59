"""How the model comes to an instance: the server fetches it, a bucket is a folder, or it is in the image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from modelberth.errors import Problem, shown
from modelberth.model_address import address, is_archive, is_file

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec, ModelSource
    from modelberth.spec.cloud_run import CloudRunTarget

__all__ = ["Mount", "is_mounted", "model_variables", "mount", "problems"]

_VOLUME: Final = "model"
# Engines whose server, or image of one's own, reads where the model lies.
_FETCH: Final = frozenset({"onnxruntime", "custom"})


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder of a bucket in a container's file system.

    Attributes:
        bucket: name of it
        folder: in the bucket; empty: all of it
        at: path in the container
        model: path of the model in the container

    """

    bucket: str
    folder: str
    at: str
    model: str

    @property
    def volume(self) -> dict[str, Any]:
        """The volume as a service has it.

        A folder in Cloud Storage is nothing but the beginning of names: without `implicit-dirs` one would
        have to be an object as well (Cloud Storage FUSE, "Files and directories").
        """
        options = ["implicit-dirs", *([f"only-dir={self.folder}"] if self.folder else [])]
        return {
            "name": _VOLUME,
            "gcs": {"bucket": self.bucket, "read_only": True, "mount_options": options},
        }

    @property
    def place(self) -> dict[str, Any]:
        """Where a container has the volume."""
        return {"name": _VOLUME, "mount_path": self.at}


def is_mounted(spec: EndpointSpec, target: CloudRunTarget) -> bool:
    """Whether the model's bucket is a folder of the container."""
    return target.model_access == "mount" and spec.model.scheme == "gs"


def mount(model: ModelSource, at: str) -> Mount:
    """Return the folder that holds a model in Cloud Storage, at a path in the container."""
    bucket, _, name = model.path.removeprefix("//").partition("/")
    path = unquote(name).rstrip("/")
    if not is_file(model.uri):
        return Mount(bucket, path, at, at)
    folder, _, file = path.rpartition("/")
    return Mount(bucket, folder, at, f"{at}/{file}")


def model_variables(model: ModelSource, mounted: Mount | None) -> dict[str, str]:
    """Tell our own server where it finds the model; of one in the image, that says it."""
    pin = {} if model.sha256 is None else {"MODELBERTH_MODEL_SHA256": model.sha256}
    if mounted is not None:
        return {"MODELBERTH_MODEL_PATH": mounted.model, **pin}
    return pin if model.scheme == "file" else {"MODELBERTH_MODEL_URI": address(model), **pin}


def problems(spec: EndpointSpec, target: CloudRunTarget) -> Iterator[Problem]:
    """Yield a model that cannot be mounted, and one that nothing brings to the engine's server."""
    model, engine = spec.model, spec.runtime.engine
    if target.model_access == "mount" and model.scheme != "gs":
        hint = "Only a bucket in Cloud Storage can be mounted; `target.model_mirrors` names a copy in one."
        allowed = f"download for a model from {model.scheme}"
        yield Problem("target.model_access", "mount", allowed, hint)
    if is_mounted(spec, target):
        yield from _mount_problems(model)
    elif engine not in _FETCH and model.scheme != "file":
        hint = f"The server of engine {engine} downloads no models, and an instance has no step before it."
        allowed = "mount with a model in Cloud Storage, or a file: model that the image has"
        yield Problem("target.model_access", target.model_access, allowed, hint)


def _mount_problems(model: ModelSource) -> Iterator[Problem]:
    if model.revision is not None:
        hint = "A mount shows the current version of an object: pin the model by its sha256."
        allowed = "nothing for a model that is mounted"
        yield Problem("model.revision", shown(model.revision), allowed, hint)
    if is_archive(model.uri):
        hint = "Nothing unpacks a mounted archive: upload the files, or let the server download it."
        allowed = "a file or a folder that is served as it is, or target.model_access download"
        yield Problem("model.uri", shown(model.uri), allowed, hint)
