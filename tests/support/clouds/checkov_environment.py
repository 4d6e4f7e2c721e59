"""checkov in a virtual environment of its own: it holds boto3, packaging and others far behind the project's.

`checkov.txt` locks it, made of `checkov.in` with `make lock`.
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

from cache import exclusive

__all__ = ["program"]

_ROOT: Final = Path(__file__).resolve().parents[3]
_LOCK: Final = Path(__file__).with_name("checkov.txt")
_ENVIRONMENT: Final = _ROOT / ".state" / "checkov"
_PYTHON: Final = "3.11"


def program() -> Path:
    """Return checkov's program, of exactly the packages that the lock names; installed where it is not yet.

    Raises:
        AssertionError: the packages cannot be had. Never a skip: without checkov nothing here is proven.

    """
    found, installed = _ENVIRONMENT / "bin" / "checkov", _ENVIRONMENT / "installed.txt"
    locked = _LOCK.read_text()
    with exclusive(_ENVIRONMENT.with_suffix(".lock"), "checkov"):
        if not installed.exists() or installed.read_text() != locked:
            _uv("venv", "--clear", "--python", _PYTHON, _ENVIRONMENT)
            python = _ENVIRONMENT / "bin" / "python"
            _uv("pip", "install", "--require-hashes", "--python", python, "--requirements", _LOCK)
            installed.write_text(locked)
    return found


def _uv(*arguments: str | Path) -> None:
    command = [sys.executable, _ROOT / "tools" / "uv_cli.py", *arguments]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False, timeout=240)
    line = " ".join(map(str, arguments))
    assert done.returncode == 0, f"`uv {line}` failed:\n{done.stderr.strip()}"
