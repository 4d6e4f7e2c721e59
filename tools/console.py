"""What a person sees of the set-up: a line a step, progress of what takes long, errors with a way out."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

__all__ = ["CommandError", "Progress", "SetupError", "exit_code", "run", "say"]

TICK_S = 0.5
REPORT_EVERY_S = 15.0
_INTERRUPTED = 130  # what a POSIX shell gives for SIGINT
_TAIL_BYTES = 4096
_TAIL_LINES = 15


class SetupError(Exception):
    """The set-up cannot go on; the message says why and what to do about it."""


class CommandError(SetupError):
    """A command ended with an error, could not be started or took too long."""


def exit_code(main: Callable[[], int]) -> int:
    """Run a script and return its exit code; what went wrong is a line on stderr, never a traceback."""
    try:
        return main()
    except SetupError as error:
        print(f"error: {error}", file=sys.stderr)
    except OSError as error:
        print(f"error: {error.filename or 'the set-up'}: {error.strerror or error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted: run the same command again to go on", file=sys.stderr)
        return _INTERRUPTED
    return 1


def say(step: str, text: str) -> None:
    """Print one line: what `step` chose or did, and why."""
    print(f"{step:<9} {text}", flush=True)


class Progress:
    """Tells that something still goes on: in place on a terminal, else a line every 15 seconds."""

    def __init__(self, step: str, doing: str) -> None:
        self._step = step
        self._doing = doing
        self._started = self._reported = time.monotonic()
        self._terminal = sys.stdout.isatty()

    def tick(self, detail: str) -> None:
        """Report, if it is time to; `detail` is the newest thing known about the work."""
        now = time.monotonic()
        text = f"{self._step:<9} {self._doing}: {now - self._started:.0f} s  {detail}"
        if self._terminal:
            # Clear the line, and stay within it: a wrapped one could not be overwritten.
            sys.stdout.write("\r\033[K" + text[: shutil.get_terminal_size().columns - 1])
            sys.stdout.flush()
        elif now - self._reported >= REPORT_EVERY_S:
            self._reported = now
            print(text, flush=True)

    def done(self) -> float:
        """End the progress and return the seconds that it took."""
        if self._terminal:
            sys.stdout.write("\r\033[K")
            sys.stdout.flush()
        return time.monotonic() - self._started


def run(
    command: Sequence[str | Path],
    *,
    step: str,
    doing: str,
    environ: Mapping[str, str],
    cwd: Path | None = None,
    timeout_s: float | None = None,
) -> float:
    """Run `command` with progress and return the seconds that it took.

    Its output is shown only when it fails: its end is part of the error. Raises CommandError when the command
    cannot be started, ends with an error or runs past `timeout_s`.
    """
    progress = Progress(step, doing)
    with tempfile.TemporaryFile() as log:
        try:
            process = subprocess.Popen(
                command, env=environ, cwd=cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        except OSError as error:
            raise CommandError(f"{command[0]} cannot be started: {error.strerror}") from error
        deadline = time.monotonic() + timeout_s if timeout_s else None
        try:
            while process.poll() is None:
                if deadline and time.monotonic() > deadline:
                    raise CommandError(f"{doing}: no end after {timeout_s:.0f} s\n{_tail(log.fileno())}")
                progress.tick(_tail(log.fileno(), lines=1))
                _wait(process)
        finally:
            seconds = progress.done()
            if process.poll() is None:
                process.kill()
                process.wait()
        if process.returncode:
            line = shlex.join(str(part) for part in command)
            raise CommandError(f"`{line}` ended with code {process.returncode}:\n{_tail(log.fileno())}")
    return seconds


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(TICK_S)
    except subprocess.TimeoutExpired:
        return


def _tail(file: int, lines: int = _TAIL_LINES) -> str:
    # pread: the child writes at the offset that it shares with this descriptor.
    size = os.fstat(file).st_size
    text = os.pread(file, _TAIL_BYTES, max(0, size - _TAIL_BYTES)).decode(errors="replace")
    return "\n".join(text.rstrip().splitlines()[-lines:])
