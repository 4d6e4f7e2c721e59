"""A program that shows what it does by itself and ends by itself, also when Ctrl-C reaches both."""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING

from console import CommandError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["run"]


def run(command: Sequence[str | Path], environ: Mapping[str, str], cwd: Path) -> int:
    """Run `command` to its end and return its exit code. Raises CommandError when it cannot be started.

    An engine that is told to stop finishes what is under way and records it; it is waited for.
    """
    try:
        process = subprocess.Popen(command, env=environ, cwd=cwd)
    except OSError as error:
        raise CommandError(f"{command[0]} cannot be started: {error.strerror}") from error
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # after the start: a child would inherit it
    try:
        return process.wait()
    finally:
        signal.signal(signal.SIGINT, before)
