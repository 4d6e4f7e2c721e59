"""The processes of a cluster: started with a log each, known by their ids, ended in order."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from console import SetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Processes"]

_POLL_S = 0.1
_TAIL_LINES = 15


@dataclass(frozen=True)
class Processes:
    """What runs, by files `NAME.pid` and `NAME.log` in `folder`."""

    folder: Path

    def start(self, name: str, command: Sequence[str | Path], environ: Mapping[str, str]) -> None:
        """Start a process that goes on when this one ends."""
        # Not subprocess.Popen, which expects to see the end of what it starts.
        append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        pid = os.posix_spawnp(
            str(command[0]),
            [str(word) for word in command],
            environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(self.log(name)), append, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
        )
        # The time of its start tells it from a later process with the same id.
        self._pid_file(name).write_text(f"{pid} {_started(pid)}")

    def names(self) -> list[str]:
        """Return the names of those that were started and not stopped."""
        return sorted(path.stem for path in self.folder.glob("*.pid"))

    def log(self, name: str) -> Path:
        """Return the file that a process writes to."""
        return self.folder / f"{name}.log"

    def is_running(self, name: str) -> bool:
        """Tell whether it runs."""
        return self._pid(name) is not None

    def wait(self, what: str, ready: Callable[[], bool], timeout_s: float) -> None:
        """Wait until `ready`.

        Raises SetupError, with the end of its log, when a process ends before that, and after `timeout_s`.
        """
        deadline = time.monotonic() + timeout_s
        while not ready():
            for name in self.names():
                if not self.is_running(name):
                    raise SetupError(f"{name} ended before {what}:\n{self.tail(name)}")
            if time.monotonic() > deadline:
                newest = "\n".join(f"{name}: {self.tail(name, 3)}" for name in self.names())
                raise SetupError(f"not after {timeout_s:.0f} s: {what}. The ends of the logs:\n{newest}")
            time.sleep(_POLL_S)

    def stop(self, name: str, grace_s: float) -> None:
        """End a process, by SIGTERM and after `grace_s` seconds by SIGKILL."""
        pid = self._pid(name)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + grace_s
            while self.is_running(name):
                if time.monotonic() > deadline:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                    deadline += grace_s
                time.sleep(_POLL_S / 5)
        self._pid_file(name).unlink(missing_ok=True)

    def tail(self, name: str, lines: int = _TAIL_LINES) -> str:
        """Return the end of its log."""
        log = self.log(name)
        content = log.read_text(errors="replace").splitlines()[-lines:] if log.exists() else []
        return "\n".join([*content, f"(all of it: {log})"])

    def _pid_file(self, name: str) -> Path:
        return self.folder / f"{name}.pid"

    def _pid(self, name: str) -> int | None:
        """Return the id of the process while it runs."""
        with contextlib.suppress(FileNotFoundError, ValueError):
            pid, started = self._pid_file(name).read_text().split()
            with contextlib.suppress(ChildProcessError):
                os.waitpid(int(pid), os.WNOHANG)  # where it is a child of ours, it would stay as a zombie
            if _started(int(pid)) == started:
                return int(pid)
        return None


def _started(pid: int) -> str:
    """Return when a process started, in ticks since the boot (proc(5), field 22), or "" where none runs."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]
