"""The model that goes into the image: a bare ONNX file, or the files that a package's manifest names."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from console import SetupError

__all__ = ["ModelFiles"]

_MANIFEST = "modelberth.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")  # as MODELBERTH_MODEL_NAME takes it


@dataclass(frozen=True)
class ModelFiles:
    """Files of a model: `source` by name below /model, the path that is served, its pin, name and version."""

    files: dict[str, Path]
    served: str
    sha256: str
    name: str
    version: str

    @classmethod
    def of(cls, path: Path, name: str | None, version: str | None) -> ModelFiles:
        """Read the model at `path`; `name` and `version` go before those of a package's manifest.

        Raises SetupError when there is none, or when its files are not those that the manifest pins.
        """
        if path.is_dir():
            model = cls._package(path, name, version)
        elif path.is_file():
            served = f"/model/{path.name}"
            model = cls({path.name: path}, served, _sha256(path), name or "model", version or "1")
        else:
            raise SetupError(f"--model {path}: there is no such file or folder")
        for option, value in {"--name": model.name, "--version": model.version}.items():
            if not _NAME.fullmatch(value):
                raise SetupError(f"{option} {value!r}: allowed are 1 to 128 letters, digits, '.', '_' or '-'")
        return model

    @classmethod
    def _package(cls, folder: Path, name: str | None, version: str | None) -> ModelFiles:
        manifest = folder / _MANIFEST
        try:
            content = json.loads(manifest.read_bytes())
            pins = {str(file): str(pin) for file, pin in content["files"].items()}
            name, version = name or str(content["name"]), version or str(content["version"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise SetupError(
                f"--model {folder}: {_MANIFEST} is no manifest of a package: {error!r}"
            ) from error
        for file, pin in pins.items():
            place = PurePosixPath(file)
            if place.is_absolute() or ".." in place.parts:
                raise SetupError(f"{manifest}: {file!r} is outside the package")
            if not (folder / file).is_file():
                raise SetupError(f"{manifest} names {file}, which is not there")
            if (found := _sha256(folder / file)) != pin:
                raise SetupError(f"{folder / file} has the sha256 {found}, the manifest says {pin}")
        files = {_MANIFEST: manifest, **{file: folder / file for file in pins}}
        return cls(files, "/model", _sha256(manifest), name, version)

    def copy_to(self, folder: Path) -> None:
        """Copy the files below `folder`, which may not exist yet; a link is followed."""
        for name, source in sorted(self.files.items()):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
