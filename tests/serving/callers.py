"""Many callers at once: one connection each, kept, and raw requests on it."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import orjson

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n")


@dataclass(frozen=True)
class Answer:
    """A response as it was on the wire."""

    status: int
    head: bytes
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def closes(self) -> bool:
        return b"\r\nconnection: close\r\n" in self.head


def post(path: str, body: bytes | object, *headers: str) -> bytes:
    """The bytes of a request; what is no bytes is sent as JSON."""
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    lines = [f"POST {path} HTTP/1.1", "host: x", *headers, f"content-length: {len(data)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode()


class Caller:
    """A client that keeps its connection, and opens another one only where it was told `close`."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter

    async def ask(self, request: bytes) -> Answer:
        """Send a request, and return the answer; OSError or IncompleteReadError where there is none."""
        if self._reader is None:
            self._reader, self._writer = await asyncio.open_connection(*self._address, limit=1 << 24)
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        assert length is not None, head
        answer = Answer(int(head[9:12]), head, await self._reader.readexactly(int(length[1])))
        if answer.closes:
            self.close()
        return answer

    def close(self) -> None:
        if self._reader is not None:
            self._writer.transport.abort()
            self._reader = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


async def at_once(address: tuple[str, int], requests: Iterable[bytes]) -> list[Answer]:
    """Send each on a connection of its own, all together once all connections are open."""
    pairs = [(Caller(address), request) for request in requests]
    await asyncio.gather(*(caller.ask(get("/health/live")) for caller, _ in pairs))
    try:
        return await asyncio.gather(*(caller.ask(request) for caller, request in pairs))
    finally:
        for caller, _ in pairs:
            caller.close()


class Load:
    """Callers that ask again and again until they are stopped; whatever goes wrong is kept.

    Args:
        address: of the server
        requests: the n-th caller sends the n-th one
        check: raises AssertionError for a wrong answer

    """

    def __init__(
        self, address: tuple[str, int], requests: Sequence[bytes], check: Callable[[int, Answer], None]
    ) -> None:
        self.answered = 0
        self.failures: list[str] = []
        self._address = address
        self._requests = requests
        self._check = check
        self._stop = False

    async def during(self, work: Callable[["Load"], Awaitable[None]]) -> None:
        """Ask while something else happens."""
        asking = [asyncio.create_task(self._ask(index)) for index in range(len(self._requests))]
        try:
            await work(self)
        finally:
            self._stop = True
            await asyncio.gather(*asking)

    async def more(self, number: int) -> None:
        """Wait until so many more are answered."""
        goal = self.answered + number
        async with asyncio.timeout(60):
            while self.answered < goal and not self.failures:
                await asyncio.sleep(0.01)

    async def _ask(self, index: int) -> None:
        with Caller(self._address) as caller:
            while not self._stop:
                try:
                    answer = await caller.ask(self._requests[index])
                    self._check(index, answer)
                except (OSError, asyncio.IncompleteReadError, AssertionError) as failure:
                    self.failures.append(repr(failure))
                    return
                self.answered += 1
