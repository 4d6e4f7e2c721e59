"""Real servers in processes of their own."""

import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from serving.forms import compiled

DEADLINE_SECONDS = 30.0


class ServerProcess:
    """A server process; its stderr goes to a file, so that a full pipe can never block it."""

    def __init__(
        self, environ: dict[str, str], stderr: Path, inherited: tuple[int, ...], code: str | None
    ) -> None:
        self._stderr = stderr
        command = [sys.executable, *(("-c", code) if code else ("-m", "modelberth_server"))]
        with stderr.open("wb") as file:
            self.process = subprocess.Popen(
                command,
                env={**compiled(), "HOST": "127.0.0.1", "PORT": "0", **environ},
                stderr=file,
                pass_fds=inherited,
            )

    @property
    def log(self) -> str:
        return self._stderr.read_text()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens, as it says itself."""
        self.wait_for_log("listening on ")
        host, _, port = self.log.partition("listening on ")[2].split()[0].rpartition(":")
        return host, int(port)

    @property
    def url(self) -> str:
        return "http://{}:{}".format(*self.address)

    def wait_for_log(self, text: str) -> None:
        wait_until(lambda: text in self.log, lambda: f"no {text!r} in the log:\n{self.log}", self.process)

    def wait_until_ready(self) -> None:
        self.wait_for_log("ready: model")

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def exit_status(self) -> int:
        return self.process.wait(DEADLINE_SECONDS)


Launch = Callable[..., ServerProcess]


def wait_until(
    happened: Callable[[], bool],
    complaint: Callable[[], str],
    process: "subprocess.Popen[bytes] | None" = None,
) -> None:
    """Poll; fail with a complaint after the deadline, or at once where the process has ended before."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        ended = process is not None and process.poll() is not None
        if happened():
            return
        if ended or time.monotonic() > deadline:
            pytest.fail(complaint())
        time.sleep(0.01)


@contextlib.contextmanager
def launcher(folder: Path) -> Iterator[Launch]:
    """Start servers; none of them outlives the context."""
    servers: list[ServerProcess] = []

    def launch(
        environ: dict[str, str], inherited: tuple[int, ...] = (), code: str | None = None
    ) -> ServerProcess:
        server = ServerProcess(environ, folder / f"stderr-{len(servers)}", inherited, code)
        servers.append(server)
        return server

    try:
        yield launch
    finally:
        for server in servers:
            server.process.kill()
            server.process.wait()


def predict(client: httpx.Client, rows: object, **more: object) -> httpx.Response:
    return client.post("/predict", json={"input": rows}, **more)


def answer_on(connection: socket.socket) -> bytes:
    """One answer with a JSON body; its head and its body may arrive apart."""
    received = b""
    while not received.endswith(b"}"):
        part = connection.recv(65536)
        if not part:
            break
        received += part
    return received
