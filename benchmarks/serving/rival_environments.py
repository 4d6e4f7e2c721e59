"""A virtual environment for each server, with exactly the packages that its lock names."""

import subprocess
import sys
from pathlib import Path
from typing import Final

from timing import BenchmarkError

__all__ = ["PROGRAMS", "binaries", "install", "lock_of", "make"]

_ROOT: Final = Path(__file__).resolve().parents[2]
PROGRAMS: Final = Path(__file__).resolve().parent / "rivals"
_ENVIRONMENTS: Final = _ROOT / ".bench"
_PYTHON: Final = "3.11"  # MLServer does not take 3.13


def lock_of(rival: str) -> Path:
    """The rival's locked packages."""
    return PROGRAMS / f"{rival}.txt"


def binaries(name: str) -> Path:
    """Folder of the environment's programs."""
    return _ENVIRONMENTS / name / "bin"


def install(rival: str) -> None:
    """Make the rival's environment hold what its lock names.

    Raises:
        BenchmarkError: the packages cannot be had.
    """
    make(rival, lock_of(rival).read_text(), "--requirements", lock_of(rival))


def make(name: str, locked: str, *wanted: str | Path) -> None:
    """Make an environment of what uv is told to install; at once where it was made for the same `locked`.

    Raises:
        BenchmarkError: the packages cannot be had.
    """
    environment = _ENVIRONMENTS / name
    installed = environment / "installed.txt"
    if installed.exists() and installed.read_text() == locked:
        return
    _uv("venv", "--clear", "--python", _PYTHON, environment)
    _uv("pip", "install", "--python", binaries(name) / "python", *wanted)
    installed.write_text(locked)


def _uv(*arguments: str | Path) -> None:
    command = [sys.executable, _ROOT / "tools" / "uv_cli.py", *arguments]
    finished = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    if finished.returncode:
        line = " ".join(map(str, arguments))
        raise BenchmarkError(f"`uv {line}` failed:\n{finished.stderr.strip()}")
