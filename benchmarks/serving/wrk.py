"""The closed-loop client: wrk, one thread, connections that are kept and always have one request out."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from timing import BenchmarkError
from wire import Exchange

__all__ = ["Load", "run"]

_SCRIPT = Path(__file__).with_name("wrk.lua")
_PATIENCE = 60


@dataclass(frozen=True)
class Load:
    """What wrk saw. Times in seconds."""

    requests: int
    seconds: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Answered requests a second."""
        return self.requests / self.seconds

    @classmethod
    def parse(cls, output: str) -> Self:
        """Read the line that `wrk.lua` prints among wrk's own.

        Raises:
            BenchmarkError: there is none, nothing was answered, or something was answered with an error.
        """
        lines = [line for line in output.splitlines() if line.startswith("{")]
        if len(lines) != 1:
            raise BenchmarkError(f"wrk printed no result, but:\n{output}")
        seen = json.loads(lines[0])
        if not seen["requests"] or seen["status"] or seen["lost"]:
            raise BenchmarkError(
                f"of {seen['requests']} requests {seen['status']} were answered with an error, "
                f"{seen['lost']} connections or answers were lost"
            )
        return cls(seen["requests"], seen["microseconds"] / 1e6, seen["p50"] / 1e6, seen["p99"] / 1e6)


def run(address: str, exchange: Exchange, *, connections: int, seconds: int, core: int, body: Path) -> Load:
    """Load `http://ADDRESS` from one core; `body` is a file to keep the request's body in.

    Raises:
        BenchmarkError: see `Load.parse`, or wrk failed.
    """
    body.write_bytes(exchange.body)
    command: list[str | Path] = ["taskset", "--cpu-list", str(core), "wrk", "--threads", "1"]
    command += ["--connections", str(connections), "--duration", f"{seconds}s", "--timeout", f"{_PATIENCE}s"]
    command += ["--script", _SCRIPT, f"http://{address}{exchange.path}", "--", body]
    for header in exchange.headers.items():
        command += header
    finished = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=seconds + 2 * _PATIENCE
    )
    if finished.returncode:
        raise BenchmarkError(
            f"wrk ended with exit status {finished.returncode}: {finished.stderr}{finished.stdout}"
        )
    return Load.parse(finished.stdout)
