"""A package: the files of one model version, pinned by the sha256 of its manifest."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from modelberth.packaging.errors import SourceError

__all__ = ["FORMAT", "MANIFEST", "MODEL", "PREPROCESS", "Package"]

FORMAT: Final = 1
MANIFEST: Final = "modelberth.json"
MODEL: Final = "model.onnx"
PREPROCESS: Final = "preprocess.py"


@dataclass(frozen=True)
class Package:
    """A package in memory: its manifest, and the bytes of each file beside it."""

    manifest: Mapping[str, Any]
    files: Mapping[str, bytes]

    @property
    def manifest_bytes(self) -> bytes:
        """What `modelberth.json` holds, with the sha256 of every other file in it."""
        files = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(self.files.items())}
        document = {"format": FORMAT, **self.manifest, "files": files}
        return (json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()

    @property
    def sha256(self) -> str:
        """The pin: of the manifest, which pins everything else."""
        return hashlib.sha256(self.manifest_bytes).hexdigest()

    @property
    def size(self) -> int:
        """In bytes, with the manifest."""
        return len(self.manifest_bytes) + sum(map(len, self.files.values()))

    def write(self, folder: Path) -> None:
        """Write the folder, all of it or nothing; a package that lies there is replaced.

        Raises:
            SourceError: there is something that is no package, or the folder cannot be written.

        """
        _require_replaceable(folder)
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
                fresh = Path(temporary, "new")
                fresh.mkdir()
                for name, data in {**self.files, MANIFEST: self.manifest_bytes}.items():
                    (fresh / name).parent.mkdir(parents=True, exist_ok=True)
                    (fresh / name).write_bytes(data)
                if folder.exists():
                    folder.rename(Path(temporary, "old"))
                fresh.rename(folder)
        except OSError as error:
            raise SourceError(f"--out: {folder} cannot be written: {error.strerror}") from None

    @staticmethod
    def files_in(folder: Path) -> set[str]:
        """Names of the files that the manifest of the package in `folder` lists, with its own.

        Raises:
            SourceError: there is no such manifest.

        """
        try:
            listed = json.loads((folder / MANIFEST).read_bytes())["files"]
        except (OSError, ValueError, KeyError, TypeError):
            raise SourceError(f"{folder} is no package: it has no {MANIFEST} that lists its files") from None
        return {MANIFEST, *listed}


def _require_replaceable(folder: Path) -> None:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        if folder.exists():
            folder.rmdir()
        return
    if not folder.is_dir():
        raise SourceError(f"--out: {folder} is not a folder")
    try:
        known = Package.files_in(folder)
    except SourceError as error:
        raise SourceError(f"--out: {error}; name a folder that does not exist yet") from None
    if foreign := sorted({path.name for path in folder.iterdir()} - known - {"__pycache__"}):
        raise SourceError(
            f"--out: {folder} has files that are no part of its package: {', '.join(foreign[:5])}; move them"
        )
