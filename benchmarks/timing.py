"""What a command costs."""

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

__all__ = ["BenchmarkError", "Cost", "Finished", "timed"]

_TAIL = 2000


class BenchmarkError(Exception):
    """What was to be measured did not happen; the message says what happened instead."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds by the clock, and seconds of processor time where they can be told."""

    wall: float
    cpu: float | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that succeeded: its cost and what it printed on stdout."""

    cost: Cost
    output: str

    def require(self, text: str) -> Cost:
        """Return the cost, if `text` was printed: a command that did something else was not measured.

        Raises:
            BenchmarkError: it did not print it.
        """
        if text not in self.output:
            raise BenchmarkError(f"{text!r} was not printed, but:\n{self.output[-_TAIL:]}")
        return self.cost


def timed(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    environ: Mapping[str, str] | None = None,
    exit_status: int = 0,
) -> Finished:
    """Run a command; its processor time is that of all its descendants that were waited for.

    A process that detaches itself, such as a served endpoint, is not in it.

    Raises:
        BenchmarkError: it ended with another exit status than `exit_status`.
    """
    # Files, not pipes: nobody has to read while the clock runs.
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=cwd, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=errors
        )
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except KeyboardInterrupt:
            process.wait()  # the signal is for it as well, and it may have to tidy up
            raise
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        printed, complaints = _text(output), _text(errors)
    if process.returncode != exit_status:
        line = " ".join(map(str, command))
        said = f"{printed[-_TAIL:]}\n{complaints[-_TAIL:]}".strip()
        raise BenchmarkError(f"`{line}` ended with exit status {process.returncode}:\n{said}")
    return Finished(Cost(wall, usage.ru_utime + usage.ru_stime), printed)


def _text(file: IO[str]) -> str:
    file.seek(0)
    return file.read()
