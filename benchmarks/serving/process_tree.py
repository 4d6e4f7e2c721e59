"""A server's processes: all that were started from one command, also those that left its process group."""

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from uuid import uuid4

__all__ = ["ProcessTree"]

_PROC = Path("/proc")
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_MARK = "BENCHMARK_RUN"


@dataclass(frozen=True)
class ProcessTree:
    """Processes that carry one mark in their environment, which every descendant inherits. Linux only.

    Source of the fields: proc(5).
    """

    mark: str

    @classmethod
    def new(cls) -> Self:
        """A tree of no process yet."""
        return cls(f"{_MARK}={uuid4().hex}")

    @property
    def environment(self) -> dict[str, str]:
        """What the first process has to be started with."""
        name, _, value = self.mark.partition("=")
        return {name: value}

    def processes(self) -> list[int]:
        """Ids of the processes that live."""
        mark = self.mark.encode()
        return [
            int(folder.name)
            for folder in _PROC.iterdir()
            if folder.name.isdecimal() and mark in _bytes(folder / "environ").split(b"\0")
        ]

    def cpu_seconds(self) -> float:
        """Processor time so far: of the living, and of the dead that a living one waited for."""
        return (
            sum(_cpu_ticks(_bytes(_PROC / str(pid) / "stat")) for pid in self.processes()) / _TICKS_PER_SECOND
        )

    def resident_bytes(self) -> int:
        """Resident set sizes added up; pages that processes share count in each."""
        return (
            sum(_kilobytes(_bytes(_PROC / str(pid) / "status"), b"VmRSS:") for pid in self.processes()) << 10
        )

    def stop(self, patience: float = 10) -> None:
        """End them: SIGTERM to the oldest, and after `patience` seconds SIGKILL to what is left."""
        deadline = time.monotonic() + patience
        if first := self.processes():
            _signal(min(first), signal.SIGTERM)
        while left := self.processes():
            if time.monotonic() > deadline:
                for pid in left:
                    _signal(pid, signal.SIGKILL)
            time.sleep(0.05)


def _cpu_ticks(stat: bytes) -> int:
    """utime, stime, cutime and cstime: fields 14 to 17, counted behind the name, which may hold anything."""
    fields = stat.rpartition(b")")[2].split()
    return sum(map(int, fields[11:15]))


def _kilobytes(status: bytes, name: bytes) -> int:
    for line in status.splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    return 0


def _bytes(file: Path) -> bytes:
    """A file of a process, empty once the process is gone."""
    try:
        return file.read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return b""


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
