"""Trees of files that become layers: left-out parts removed, compiled, and free of what differs by build."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["compile_bytecode", "left_out", "normalise", "remove"]


def left_out(part: str) -> dict[str, str]:
    """Return the patterns of `removed.json` for `part`, each with its reason."""
    table: dict[str, dict[str, str]] = json.loads((Path(__file__).parent / "removed.json").read_text())
    return table[part]


def remove(folder: Path, patterns: Iterable[str]) -> int:
    """Delete what `patterns` match in `folder`; return the bytes that this freed."""
    freed = 0
    for pattern in patterns:
        for path in sorted(folder.glob(pattern)):
            if path.is_dir() and not path.is_symlink():
                freed += sum(file.lstat().st_size for file in path.rglob("*") if not file.is_dir())
                shutil.rmtree(path)
            elif path.is_symlink() or path.exists():  # an earlier pattern may have taken its folder
                freed += path.lstat().st_size
                path.unlink()
    return freed


def compile_bytecode(folder: Path, root: Path) -> None:
    """Compile every module below `folder`, which the image will have at the same path without `root`.

    `unchecked-hash`: the root of a container is read-only, so that nothing needs to be compared at start (PEP
    552). One process and one hash seed: the order of the constants in a set would differ otherwise.
    """
    for cache in sorted(folder.rglob("__pycache__")):
        shutil.rmtree(cache)
    command = [sys.executable, "-m", "compileall", "-q", "-j", "1", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(root), "-p", "/", str(folder)]
    environ = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run(command, check=True, env=environ)


def normalise(root: Path, epoch: int) -> None:
    """Set owner, mode and time of all below `root`: readable by every user, writable by root alone."""
    for path in sorted([root, *root.rglob("*")]):
        os.chown(path, 0, 0, follow_symlinks=False)
        if not path.is_symlink():
            path.chmod(_mode(path, root))
        os.utime(path, (epoch, epoch), follow_symlinks=False)


def _mode(path: Path, root: Path) -> int:
    if path.is_dir():
        return 0o1777 if path == root / "tmp" else 0o755
    return 0o755 if path.stat().st_mode & 0o100 else 0o644
