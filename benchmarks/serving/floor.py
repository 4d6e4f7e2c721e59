"""The kernel's part of a request, which no server can do without, by one in C that looks at no byte."""

import http.client
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from running_server import Command
from timing import BenchmarkError
from wire import Exchange

__all__ = ["Floor", "answer_of"]

_SOURCE: Final = Path(__file__).with_name("floor.c")
_PATIENCE: Final = 60


@dataclass(frozen=True)
class Floor:
    """The compiled program."""

    program: Path

    @classmethod
    def build(cls, folder: Path) -> Self | None:
        """Compile it; None where there is no C compiler named `cc`.

        Raises:
            BenchmarkError: it does not compile.
        """
        compiler = shutil.which("cc")
        if compiler is None:
            return None
        program = folder / "floor"
        command: list[str | Path] = [compiler, "-std=c11", "-O2", "-o", program, _SOURCE]
        finished = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE)
        if finished.returncode:
            raise BenchmarkError(f"cc does not compile {_SOURCE}:\n{finished.stderr.strip()}")
        return cls(program)

    def command(self, port: int, answer: bytes, model: float) -> Command:
        """What to start, so that each request on `port` is answered with these bytes.

        Args:
            port: on loopback
            answer: a whole response, with its head
            model: seconds to sleep for each request, as long as the model computes it
        """
        folder = self.program.parent
        file = folder / "floor-answer"
        file.write_bytes(answer)
        return Command([self.program, str(port), file, str(round(model * 1e9))], {}, folder)


def answer_of(address: str, exchange: Exchange) -> bytes:
    """The bytes with which a server answers a request."""
    connection = http.client.HTTPConnection(address, timeout=_PATIENCE)
    try:
        connection.request("POST", exchange.path, exchange.body, dict(exchange.headers))
        response = connection.getresponse()
        lines = "".join(f"{name}: {value}\r\n" for name, value in response.getheaders())
        head = f"HTTP/1.1 {response.status} {response.reason}\r\n{lines}\r\n"
        return head.encode("latin-1") + response.read()
    finally:
        connection.close()
