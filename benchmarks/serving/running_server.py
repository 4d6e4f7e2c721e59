"""A server in a process of its own on one core, from its start to its end."""

import http.client
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from onnx_models import Array
from process_tree import ProcessTree
from timing import BenchmarkError
from wire import Exchange, check

__all__ = ["Command", "RunningServer", "Start", "free_port", "start"]

_PATIENCE = 120
_POLL = 0.005
_TAIL = 2000
_REFUSALS = frozenset({400, 401, 403, 405, 411, 413, 415, 422})  # of the request, not for want of a model

_T = TypeVar("_T")


@dataclass(frozen=True)
class Command:
    """How to start a server. `environ` is added to the few variables that every process needs."""

    arguments: Sequence[str | Path]
    environ: Mapping[str, str]
    folder: Path


@dataclass(frozen=True)
class Start:
    """Seconds from the start of the process to the first right answer, and of the first two requests.

    The first is sent once the server says that it is ready: one that waits for the model would measure that.
    """

    answered: float
    first_request: float
    second_request: float


@dataclass(frozen=True)
class RunningServer:
    """A server that has answered."""

    address: str
    tree: ProcessTree
    start: Start

    def ask(self, exchange: Exchange, expected: Mapping[str, Array]) -> float:
        """Send one request on a new connection and check the answer; the seconds that it took.

        Raises:
            BenchmarkError: the answer is an error or wrong.
        """
        return _ask(self.address, exchange, expected)


@contextmanager
def start(
    command: Command,
    port: int,
    exchange: Exchange,
    expected: Mapping[str, Array],
    *,
    ready: str | None,
    core: int,
    log: Path,
) -> Iterator[RunningServer]:
    """Start a server and wait for its first right answer; end it and all its processes on leaving.

    Args:
        command: what to start
        port: where it will listen, on loopback
        exchange: the request
        expected: the outputs that are to come back
        ready: path that answers 200 once the model serves; None where the server has none
        core: the processor that it may use
        log: file for what it says

    Raises:
        BenchmarkError: it ended, answered wrongly, or did not answer in two minutes.
    """
    address = f"127.0.0.1:{port}"
    tree = ProcessTree.new()
    environ = {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
        **command.environ,
        **tree.environment,
    }
    pinned = ["taskset", "--cpu-list", str(core), *command.arguments]
    with log.open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            pinned,
            cwd=command.folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        patience = _Patience(process, began, log)
        if ready:
            patience.until(lambda: _is_ready(address, ready))
        first = patience.until(lambda: _ask(address, exchange, expected))
        answered = time.perf_counter() - began
        yield RunningServer(address, tree, Start(answered, first, _ask(address, exchange, expected)))
    finally:
        tree.stop()
        process.wait()


def free_port() -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


@dataclass(frozen=True)
class _Patience:
    """Waiting for a process that began at a time, while it lives."""

    process: "subprocess.Popen[bytes]"
    began: float
    log: Path

    def until(self, answers: Callable[[], _T]) -> _T:
        """Try until there is an answer, and return it."""
        reason: Exception | None = None
        while time.perf_counter() - self.began < _PATIENCE:
            if self.process.poll() is not None:
                status = self.process.returncode
                raise BenchmarkError(f"the server ended with exit status {status}:\n{self._said()}")
            try:
                return answers()
            except (OSError, http.client.HTTPException, _NotReadyError) as error:
                reason = error
                time.sleep(_POLL)
        raise BenchmarkError(f"no right answer after {_PATIENCE} s, the last: {reason}\n{self._said()}")

    def _said(self) -> str:
        return self.log.read_text(errors="replace")[-_TAIL:]


class _NotReadyError(BenchmarkError):
    """An answer that another may follow: the model is not loaded yet, as far as one can tell."""


def _is_ready(address: str, path: str) -> None:
    connection = http.client.HTTPConnection(address, timeout=_PATIENCE)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        if response.status != http.client.OK:
            raise _NotReadyError(f"{response.status} of {path}: {response.read()[:_TAIL]!r}")
    finally:
        connection.close()


def _ask(address: str, exchange: Exchange, expected: Mapping[str, Array]) -> float:
    connection = http.client.HTTPConnection(address, timeout=_PATIENCE)
    try:
        began = time.perf_counter()
        connection.request("POST", exchange.path, exchange.body, dict(exchange.headers))
        response = connection.getresponse()
        body = response.read()
        took = time.perf_counter() - began
    finally:
        connection.close()
    if response.status != http.client.OK:
        is_final = response.status in _REFUSALS
        raise (BenchmarkError if is_final else _NotReadyError)(f"{response.status} {body[:_TAIL]!r}")
    check(exchange.read({name.lower(): value for name, value in response.getheaders()}, body), expected)
    return took
