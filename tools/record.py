"""What the last set-up did, so that the next one need not do it again."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from checkout import Checkout

__all__ = ["Program", "SetupRecord", "python_inputs"]


@dataclass(frozen=True)
class Program:
    """A file that was judged by running it; the judgement holds while size and time of change do."""

    path: str
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path | None) -> Program | None:
        """Look at the file now; None when there is none."""
        try:
            status = path.stat() if path else None
        except OSError:
            status = None
        return cls(str(path), status.st_size, status.st_mtime_ns) if status else None


@dataclass(frozen=True)
class SetupRecord:
    """What the environment was made of, which CLI was taken, and what PATH held then."""

    python_inputs: str
    cli: Program
    cli_version: str
    on_path: Program | None

    @classmethod
    def read(cls, file: Path) -> SetupRecord | None:
        """Read what `write` wrote; None when there is nothing, or nothing of this form."""
        try:
            fields = json.loads(file.read_text())
            on_path = fields.pop("on_path")
            return cls(
                cli=Program(**fields.pop("cli")), on_path=Program(**on_path) if on_path else None, **fields
            )
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def write(self, file: Path) -> None:
        """Write it whole or not at all."""
        new = file.with_suffix(".new")
        new.write_text(json.dumps(asdict(self), indent=2) + "\n")
        new.replace(file)


def python_inputs(checkout: Checkout) -> str:
    """Return the sha256 of all that the virtual environment is made from.

    The checkout's path is part of it: scripts in the environment and the editable installation name it.
    """
    parts = [
        str(checkout.root),
        sys.implementation.name,
        platform.python_version(),
        checkout.requirements.read_text(),
        (checkout.root / "pyproject.toml").read_text(),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
