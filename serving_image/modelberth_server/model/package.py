"""A model in the file system: a package folder or a bare ONNX file, verified before it is parsed."""

import hashlib
import logging
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from modelberth_server.errors import ModelError
from modelberth_server.model.discovery import model_in
from modelberth_server.model.external_data import external_locations
from modelberth_server.model.formats import recognize
from modelberth_server.model.manifest import MANIFEST, Manifest
from modelberth_server.model.preprocess import compile_preprocess
from modelberth_server.model.signature import Preprocess

__all__ = ["Package"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Package:
    """The verified bytes of a model, and what belongs to it."""

    path: Path
    """The ONNX file; it is not read again."""
    sha256: str
    """Of the manifest, which pins every file; of the ONNX file where there is no manifest."""
    onnx: bytes = field(repr=False)
    external: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Bytes of the files in which the model keeps initializers, by the location that it gives them: for
    `SessionOptions.add_external_initializers_from_files_in_memory`."""
    manifest: Manifest | None = None
    preprocess: Preprocess | None = None

    @classmethod
    def read(cls, path: Path, sha256: str | None) -> "Package":
        """Read a package's folder or an ONNX file; each file once, and parsed only after its digest fitted.

        Links are followed as long as they stay inside the folder, as those of a Kubernetes ConfigMap do.
        Files that the manifest does not list are not read.

        Args:
            path: an ONNX file, a folder with `modelberth.json`, or one with a single ONNX file, which may lie
                one level down.
            sha256: the pin: of the ONNX file, or of `modelberth.json`. None checks the files against the
                manifest, and nothing against a pin.

        Raises:
            ModelError: a file is missing, outside or another one than was pinned; the manifest or the
                preprocessing is wrong; the model is of another format, or keeps tensors in unlisted files.

        """
        found = model_in(path) if path.is_dir() else path
        if found is None:
            raise ModelError(f"{path} holds neither a {MANIFEST} nor an .onnx file")
        return cls._folder(found, sha256) if found.is_dir() else cls._bare(found, sha256)

    @classmethod
    def _bare(cls, path: Path, sha256: str | None) -> "Package":
        data = _read(path, path.parent, inside=False)
        found = _verified(path, data, sha256, "check MODELBERTH_MODEL_SHA256, or deploy the file again")
        _refuse_foreign(path, data)
        if locations := _locations(path, data):
            raise ModelError(
                f"{path} keeps tensors in other files (external data: {_few(locations)}), which its sha256 "
                "does not cover; save it as one file, or make a package that lists them"
            )
        return cls(path, found, data)

    @classmethod
    def _folder(cls, folder: Path, sha256: str | None) -> "Package":
        source = folder / MANIFEST
        data = _read(source, folder)
        pin = _verified(source, data, sha256, "check MODELBERTH_MODEL_SHA256, or deploy the package again")
        manifest = Manifest.parse(data, str(source))
        files: dict[str, bytes] = {}
        for name, expected in manifest.files.items():
            files[name] = _read(folder / name, folder)
            _verified(
                folder / name,
                files[name],
                expected,
                f"it is not the file of {MANIFEST}: copy the package again",
            )
        for name, content in files.items():
            _refuse_foreign(folder / name, content, model=name == manifest.model)
        _warn_of_unlisted(folder, manifest)
        model = folder / manifest.model
        locations = _locations(model, files[manifest.model])
        if unlisted := locations - files.keys():
            raise ModelError(
                f"{model} keeps tensors in files that {MANIFEST} does not list (external data: "
                f"{_few(unlisted)}); only files of the package are read, by exactly the name listed"
            )
        onnx = files.pop(manifest.model)
        external = {name: files.pop(name) for name in locations if name != manifest.model}
        if len(external) != len(locations):
            raise ModelError(f"{model} names itself as its external data")
        preprocess = None
        if manifest.preprocess is not None:
            code = files.pop(manifest.preprocess)
            preprocess = compile_preprocess(code, folder / manifest.preprocess, files)
        return cls(model, pin, onnx, MappingProxyType(external), manifest, preprocess)

    @property
    def labels(self) -> tuple[str | int, ...] | None:
        """Names of the classes, in the order of the scores' columns."""
        return self.manifest.labels if self.manifest else None

    @property
    def example(self) -> list[Any] | None:
        """Rows that a person can try the model with, as `POST /predict` takes them."""
        return self.manifest.example if self.manifest else None

    @property
    def reference(self) -> Mapping[str, Any] | None:
        """Histograms of the training data, which `telemetry.drift` reads."""
        return self.manifest.reference if self.manifest else None


def _read(path: Path, folder: Path, *, inside: bool = True) -> bytes:
    """Read a regular file; `inside`: only if it lies in the folder once all links are followed."""
    try:
        real = path.resolve(strict=True)
        if inside and not real.is_relative_to(folder.resolve()):
            raise ModelError(
                f"{path} is a link to {real}, outside of its package; copy the file into the package"
            )
        with open(real, "rb", opener=_open) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ModelError(f"{path} is not a file")
            data = file.read()
    except IsADirectoryError:
        raise ModelError(f"{path} is not a file") from None
    except FileNotFoundError:
        link = " (a link to nothing)" if path.is_symlink() else ""
        raise ModelError(f"{path} does not exist{link}") from None
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its links lead in a circle"
        raise ModelError(f"{path} cannot be read: {reason}") from None
    except MemoryError:
        raise ModelError(f"{path} does not fit into the memory") from None
    if len(data) != status.st_size:
        raise ModelError(f"{path} changed from {status.st_size} to {len(data)} bytes while it was read")
    return data


def _open(path: str, flags: int) -> int:
    # To open a pipe would wait for its writer.
    return os.open(path, flags | os.O_NONBLOCK)


def _verified(path: Path, data: bytes, expected: str | None, way_out: str) -> str:
    found = hashlib.sha256(data).hexdigest()
    if expected is not None and found != expected:
        raise ModelError(f"{path} has sha256 {found}, expected {expected}: {way_out}")
    return found


def _refuse_foreign(path: Path, data: bytes, *, model: bool = True) -> None:
    foreign = recognize(data)
    if foreign is not None and (model or foreign.runs_code):
        raise ModelError(f"{path} is not an ONNX model but {foreign.kind}: {foreign.way_out}")


def _locations(path: Path, data: bytes) -> frozenset[str]:
    try:
        return external_locations(data)
    except ValueError as error:
        raise ModelError(f"{path} is not an ONNX model that can be served: {error}") from None


def _warn_of_unlisted(folder: Path, manifest: Manifest) -> None:
    known = {MANIFEST, *(name.partition("/")[0] for name in manifest.files)}
    extra = (
        {entry.name for entry in folder.iterdir() if not entry.name.startswith(".")} - known - {"lost+found"}
    )
    if extra:
        logger.warning("%s: not listed in %s, and not read: %s", folder, MANIFEST, _few(extra))


def _few(names: "frozenset[str] | set[str]") -> str:
    shown = ", ".join(repr(name)[:200] for name in sorted(names)[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
