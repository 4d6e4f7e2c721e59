"""Model files on this machine: where they are, what they are, and whether the server takes them."""

import functools
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from modelberth.local.replica import last_error
from modelberth.provider.resource import ResourceError

_PIECE = 2**20
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
    """The file at `path`, relative to `root`.

    Raises:
        ResourceError: there is none, or it is no file.
    """
    file = (root / Path(path).expanduser()).resolve()
    if not file.exists():
        hint = f"There is none at {file}; a relative path starts at {root.resolve()}."
        raise ResourceError.about("model.uri", repr(path), "an existing file", hint)
    if not file.is_file():
        raise ResourceError.about("model.uri", repr(path), "a file", f"{file} is a folder.")
    return file


def sha256(file: Path) -> str:
    """Digest of the file's bytes, lower-case hex."""
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except PermissionError:
        hint = f"Let your user read it: chmod u+r {file}"
        raise ResourceError.about("model.uri", repr(str(file)), "a file that you may read", hint) from None


@functools.lru_cache(maxsize=256)
def refusal(file: Path, digest: str) -> str:
    """Why the server would refuse the model, in its own words; empty where it takes it.

    Asks the server itself, in a process of its own: a hostile file must not bring the provider down.
    """
    asked = subprocess.run(
        [*SERVER, "--check"],
        env={
            "PATH": os.environ.get("PATH", ""),
            "MODELBERTH_MODEL_PATH": str(file),
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


def keep(file: Path, digest: str, kept: Path) -> Path:
    """Copy the model to `kept`, and verify the copy.

    The server starts from the copy: it can be restarted after a crash even when the original was edited.

    Raises:
        ResourceError: the file is no longer the one that was checked.
    """
    if kept.exists() and sha256(kept) == digest:
        return kept
    with tempfile.NamedTemporaryFile(dir=kept.parent, delete=False) as copy:
        with file.open("rb") as original:
            shutil.copyfileobj(original, copy, _PIECE)
        fresh = Path(copy.name)
    if (found := sha256(fresh)) != digest:
        fresh.unlink()
        raise ResourceError(
            f"{file} changed during the deployment: sha256 {digest} was checked, now it is {found}"
        )
    fresh.chmod(0o400)
    fresh.replace(kept)
    return kept
