"""The serving image with the iris model in it, as this checkout's sources make it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from cache import exclusive
from console import SetupError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checkout import Checkout

__all__ = ["build", "is_current"]

_MODEL = Path("models/iris/model.onnx")
_LOCK = Path("requirements/serving.lock")
_DEBIAN = Path("/etc/debian_version")


def is_current(checkout: Checkout) -> bool:
    """Tell whether the image that was built last is that of the sources as they are now."""
    known = _folder(checkout) / "sources"
    return known.exists() and known.read_text() == _fingerprint(checkout.root)


def build(checkout: Checkout, environ: Mapping[str, str]) -> Path:
    """Return the OCI archive of the image; it is built where the sources have changed since the last time.

    Raises SetupError when it cannot be built; why stands above, from the program that builds.
    """
    folder = _folder(checkout)
    with exclusive(folder.with_suffix(".lock"), "image"):
        if not is_current(checkout):
            (folder / "sources").unlink(missing_ok=True)
            sources = _fingerprint(checkout.root)
            command, more = _command(checkout, environ)
            done = subprocess.run(command, env={**environ, **more}, cwd=checkout.root, check=False)
            if done.returncode:
                raise SetupError(
                    f"the serving image cannot be built (code {done.returncode}), see above; by hand:"
                    ' `make image MODEL=models/iris/model.onnx ARGS="--base debian"`'
                )
            (folder / "sources").write_text(sources)
    return folder / "image.oci.tar"


def _folder(checkout: Checkout) -> Path:
    return checkout.state / "cluster" / "image"


def _command(checkout: Checkout, environ: Mapping[str, str]) -> tuple[list[str | Path], dict[str, str]]:
    """Return the command, and the variables that it needs beside those that are set."""
    path, more = environ.get("PATH", os.defpath), {}
    command: list[str | Path] = [checkout.python, checkout.root / "serving_image" / "image" / "build.py"]
    command += ["--model", checkout.root / _MODEL, "--name", "iris", "--version", "3"]
    command += ["--output", _folder(checkout)]
    engine = next((name for name in ("buildah", "podman") if shutil.which(name, path=path)), None)
    if engine:
        command += ["--engine", engine]
        # Root in a container may not make namespaces, and this isolation needs none.
        more["MODELBERTH_BUILD_FLAGS"] = environ.get("MODELBERTH_BUILD_FLAGS", "--isolation chroot")
    # Docker takes a base from a registry only.
    if engine and _DEBIAN.exists() and shutil.which("mmdebstrap", path=path):
        command += ["--base", "debian"]
    return command, more


def _fingerprint(root: Path) -> str:
    sources = [root / _LOCK, root / _MODEL, *(root / "serving_image").rglob("*")]
    kept = (path for path in sources if path.is_file() and "__pycache__" not in path.parts)
    digest = hashlib.sha256()
    for path in sorted(path for path in kept if ".egg-info" not in str(path)):
        digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return digest.hexdigest()
