"""Models on this machine, ONNX files and packages: where, what, and whether the server takes them."""

import functools
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from modelberth.local.replica import last_error
from modelberth.provider.resource import ResourceError

MANIFEST = "modelberth.json"
_CHECK_TIMEOUT = 120.0

SERVER = (sys.executable, "-m", "modelberth_server")


def require_server() -> None:
    """Refuse to go on where the model server is not installed."""
    if not all(importlib.util.find_spec(name) for name in ("modelberth_server", "onnxruntime", "uvloop")):
        raise ResourceError(
            f"the model server is not installed beside {sys.executable}. "
            "Install it there: pip install 'modelberth[serving]'"
        )


def find(path: str, root: Path) -> Path:
    """The file or package folder at `path`, relative to `root`.

    Raises:
        ResourceError: there is none, or it is neither.
    """
    found = (root / Path(path).expanduser()).resolve()
    if not found.exists():
        hint = f"There is none at {found}; a relative path starts at {root.resolve()}."
        raise ResourceError.about("model.uri", repr(path), "an existing file or package folder", hint)
    if not found.is_file() and not (found / MANIFEST).is_file():
        hint = f"{found} is a folder without {MANIFEST}; `modelberth package` makes one with it."
        raise ResourceError.about("model.uri", repr(path), "a file or package folder", hint)
    return found


def sha256(model: Path) -> str:
    """Digest that pins a model, lower-case hex: of the file, or of the package's manifest."""
    file = model / MANIFEST if model.is_dir() else model
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except PermissionError:
        hint = f"Let your user read it: chmod u+r {file}"
        raise ResourceError.about("model.uri", repr(str(file)), "a file that you may read", hint) from None


@functools.lru_cache(maxsize=256)
def refusal(model: Path, digest: str) -> str:
    """Why the server would refuse the model, in its own words; empty where it takes it.

    Asks the server itself, in a process of its own: a hostile file must not bring the provider down.
    """
    asked = subprocess.run(
        [*SERVER, "--check"],
        env={
            "PATH": os.environ.get("PATH", ""),
            "MODELBERTH_MODEL_PATH": str(model),
            "MODELBERTH_MODEL_SHA256": digest,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=_CHECK_TIMEOUT,
    )
    if asked.returncode == 0:
        return ""
    ended = f"the model server ended with exit status {asked.returncode}: {asked.stderr[-500:]}"
    return last_error(asked.stderr.splitlines()) or ended


def keep(model: Path, digest: str, kept: Path) -> Path:
    """Copy the model to `kept`, and verify the copy.

    The server starts from the copy: it can be restarted after a crash even when the original was edited.

    Raises:
        ResourceError: the model is no longer the one that was checked.
    """
    if kept.exists() and sha256(kept) == digest:
        return kept
    with tempfile.TemporaryDirectory(dir=kept.parent) as scratch:
        fresh = Path(scratch) / kept.name
        for name in _files(model):
            copy = fresh / name if name else fresh
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(model / name, copy)
            copy.chmod(0o400)
        if (found := sha256(fresh)) != digest:
            raise ResourceError(
                f"{model} changed during the deployment: sha256 {digest} was checked, now it is {found}"
            )
        fresh.replace(kept)
    return kept


def _files(model: Path) -> list[str]:
    """Names of a package's files, which the server verifies one by one at its start; of a file itself, ''."""
    if not model.is_dir():
        return [""]
    manifest = json.loads((model / MANIFEST).read_bytes())
    return [MANIFEST, *manifest["files"]]
