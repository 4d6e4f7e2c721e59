"""Our server as the image has it: its packages and no others, and its request path compiled.

The project's own environment would cost each start 15 ms: what makes a checkout editable is imported by every
interpreter that starts there.
"""

import os
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Final

sys.path.append(str(Path(__file__).resolve().parents[2] / "serving_image" / "image"))

from lock import requirements
from rival_environments import binaries, make
from timing import BenchmarkError

__all__ = ["compiled_folder", "install", "interpreter", "source_folder"]

_ROOT: Final = Path(__file__).resolve().parents[2]
_NAME: Final = "modelberth"
_LOCK: Final = _ROOT / "requirements" / "all.lock"


def install() -> None:
    """Make everything that `interpreter` and `compiled_folder` name; done at once where it is there.

    Raises:
        BenchmarkError: the packages cannot be had, or nothing can be compiled here.
    """
    extras = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    wanted = sorted(requirements(extras))
    make(_NAME, "\n".join([*wanted, _LOCK.read_text()]), "--constraints", _LOCK, *wanted)
    compiled_folder()


def interpreter() -> Path:
    """The interpreter that has the server's packages."""
    return binaries(_NAME) / "python"


def source_folder() -> Path:
    """What comes first in PYTHONPATH of the server as Python."""
    return _ROOT / "serving_image"


@cache
def compiled_folder() -> Path:
    """What comes first in PYTHONPATH of the compiled server; the first time it takes half a minute.

    Raises:
        BenchmarkError: it cannot be compiled here; the reason is on standard error.
    """
    command: list[str | Path] = [sys.executable, source_folder() / "image" / "compiled.py"]
    done = subprocess.run(command, env=dict(os.environ), stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise BenchmarkError("the server's request path could not be compiled")
    return Path(done.stdout.strip())
