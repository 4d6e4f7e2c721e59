"""The build context in a folder, for a builder that is told by a Pulumi program: `build.py --context FOLDER`.

Beside what `gather` puts there: the Dockerfile, and `build.json`, which says how to build and what the
content is.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Any

from console import SetupError
from context import EPOCH, HERE, gather

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from model_files import ModelFiles

__all__ = ["BUILD", "prepare"]

BUILD = "build.json"


def prepare(
    folder: Path,
    cache: Path,
    model: ModelFiles | None,
    arguments: Mapping[str, str],
    machine: str,
    environ: Mapping[str, str],
) -> dict[str, Any]:
    """Fill `folder`, replacing what was prepared there before, and return what its `build.json` says.

    Raises SetupError when the folder holds anything else, or when a wheel cannot be had.
    """
    if folder.exists():
        if any(folder.iterdir()) and not (folder / BUILD).is_file():
            raise SetupError(f"--context {folder}: it holds files of others; name a folder of its own")
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    gather(folder, cache, model, arguments["VERSION"], machine, environ)
    shutil.copyfile(HERE.parent / "Dockerfile", folder / "Dockerfile")
    told: dict[str, Any] = {
        "platform": {"x86_64": "linux/amd64", "aarch64": "linux/arm64"}[machine],
        "target": "model" if model else "server",
        "arguments": {**arguments, "SOURCE_DATE_EPOCH": str(EPOCH)},
    }
    told["content"] = _content(folder, told)
    (folder / BUILD).write_text(json.dumps(told, indent=2) + "\n")
    return told


def _content(folder: Path, told: Mapping[str, Any]) -> str:
    """Return the sha256 of all that decides what the image is: the same again gives the same image."""
    found = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            found.update(f"\n{digest} {path.relative_to(folder).as_posix()}".encode())
    return found.hexdigest()
