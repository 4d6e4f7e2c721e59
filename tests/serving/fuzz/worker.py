"""What an attack does to the process that computes."""

import psutil

from serving.processes import ServerProcess

MIB = 1 << 20
# What the allocators of Python and C may keep between two rounds of the same mix.
ALLOWED_GROWTH = 8 * MIB


class Worker:
    """That process: whether it is still the same one, and by how much it has grown."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        self._process = psutil.Process(server.process.pid).children()[0]
        self._before = self._process.memory_info().rss

    def warm(self) -> None:
        """Compare its memory with what it takes now."""
        self._before = self._process.memory_info().rss

    def grown(self) -> str:
        grown = self._process.memory_info().rss - self._before
        return f"{self._before / MIB:.1f} MiB after the warm-up, {grown / MIB:+.1f} MiB after the rest"

    def faults(self) -> list[str]:
        log = self._server.log
        if psutil.Process(self._server.process.pid).children() != [self._process]:
            return [f"the worker died: {log[-3000:]}"]
        faults = []
        if "Traceback" in log:
            faults.append(f"a traceback in the log: {log[log.index('Traceback') :][:3000]}")
        if self._process.memory_info().rss - self._before > ALLOWED_GROWTH:
            faults.append(f"memory: {self.grown()}, {ALLOWED_GROWTH / MIB:.0f} MiB are allowed")
        return faults
