"""Our client before the fake Vertex AI, with a clock that does not wait and commands that end anywhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from modelberth.provider.vertex.client import VertexClient
from modelberth.provider.vertex.transport import Pace, Transport
from support.vertex_api import VertexApi, read

TOKEN = "a-token-that-nobody-may-see"


@dataclass
class Clock:
    """A time that passes only while somebody sleeps."""

    time: float = 0.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.slept.append(seconds)
        self.time += seconds

    def pace(self, **changes: Any) -> Pace:
        return Pace(sleep=self.sleep, now=lambda: self.time, **changes)


def plain() -> httpx.HTTPTransport:
    """Without TLS, whose certificates take longer to read than the rest of a test."""
    return httpx.HTTPTransport(verify=False)


class Crash(BaseException):
    """The command is killed."""


class Direct(httpx.BaseTransport):
    """Asks the fake without a connection, for tests that do so many thousand times."""

    def __init__(self, api: VertexApi) -> None:
        self._api = api

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode()
        code, answer = self._api.answer(read(request.method, path, request.headers, request.content))
        return httpx.Response(code, json=answer)


class Crashing(httpx.BaseTransport):
    """Kills the command at a request, before it goes out or before its answer is read."""

    def __init__(self, real: httpx.BaseTransport, at: int | None = None, *, answered: bool = False) -> None:
        self.count, self.at, self.answered = 0, at, answered
        self._real = real

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.count += 1
        if self.count == self.at and not self.answered:
            raise Crash
        answer = self._real.handle_request(request)
        if self.count == self.at:
            answer.read()
            raise Crash
        return answer

    def close(self) -> None:
        self._real.close()


@contextmanager
def client(
    api: VertexApi, clock: Clock | None = None, sending: httpx.BaseTransport | None = None, **changes: Any
) -> Iterator[VertexClient]:
    transport = Transport(
        api.address, lambda: TOKEN, pace=(clock or Clock()).pace(**changes), sending=sending or plain()
    )
    try:
        yield VertexClient(transport)
    finally:
        transport.close()
