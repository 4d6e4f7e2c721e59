"""Callers who never retry: a steady loop of requests, and the count of what became of them."""

import asyncio
import collections
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

ROW: dict[str, Any] = {"input": [[5.1, 3.5, 1.4, 0.2]]}


@dataclass
class Counts:
    """What happened to the requests so far: `failed` counts by reason, `connections` are those opened."""

    sent: int = 0
    ok: int = 0
    connections: int = 0
    failed: collections.Counter[str] = field(default_factory=collections.Counter)
    answered_by: collections.Counter[str] = field(default_factory=collections.Counter)
    """By the value of the header, or the mark in the body, that the loop was told to look at."""

    def __str__(self) -> str:
        answered = f"{self.ok} of {self.sent} answered on {self.connections} connections"
        return f"{answered}; failed: {dict(self.failed)}"


@dataclass(frozen=True)
class RequestLoop:
    """`callers` who each send one request after the other; half of them open a connection for each.

    A request is sent once, whatever becomes of it. It counts as answered with status 200 and `expected` in
    the body; `pause_s` is how long a caller waits between an answer and its next request.
    """

    url: str
    callers: int = 4
    pause_s: float = 0.004
    timeout_s: float = 10.0
    body: dict[str, Any] = field(default_factory=lambda: ROW)
    expected: bytes = b'"setosa"'
    headers: dict[str, str] = field(default_factory=dict)
    header: str = ""
    """A header of the answer that tells who gave it."""
    marks: tuple[bytes, ...] = ()
    """In place of `expected`: parts of a body of which one must be there, and tells who gave it."""

    @contextlib.contextmanager
    def running(self) -> Iterator[Counts]:
        """Send requests, from a thread of their own, until the block ends; the counts grow meanwhile."""
        counts, stop = Counts(), threading.Event()
        thread = threading.Thread(target=lambda: asyncio.run(self._call(counts, stop)), daemon=True)
        thread.start()
        try:
            yield counts
        finally:
            stop.set()
            thread.join(self.timeout_s + 5)
            assert not thread.is_alive(), "a caller did not end"

    async def _call(self, counts: Counts, stop: threading.Event) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(self.callers):
                group.create_task(self._caller(counts, stop, keep_alive=number % 2 == 0))

    async def _caller(self, counts: Counts, stop: threading.Event, *, keep_alive: bool) -> None:
        request = self._request(keep_alive=keep_alive)
        while not stop.is_set():
            async with self._connection(counts) as streams:
                goes_on = True
                while streams and goes_on and not stop.is_set():
                    goes_on = await self._exchange(*streams, request, counts) and keep_alive
                    await asyncio.sleep(self.pause_s)
            if not streams:
                await asyncio.sleep(0.05)  # nobody listens: do not spin

    @contextlib.asynccontextmanager
    async def _connection(
        self, counts: Counts
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter] | None]:
        address = urlsplit(self.url)
        try:
            async with asyncio.timeout(self.timeout_s):
                streams = await asyncio.open_connection(address.hostname, address.port or 80)
        except (OSError, TimeoutError) as error:
            # The request that this connection was for is lost.
            counts.sent += 1
            counts.failed[f"no connection: {type(error).__name__}"] += 1
            yield None
            return
        counts.connections += 1
        try:
            yield streams
        finally:
            streams[1].close()
            with contextlib.suppress(OSError):
                await streams[1].wait_closed()

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, counts: Counts
    ) -> bool:
        """Send one request and count what comes back; tell whether the connection can take another."""
        counts.sent += 1
        try:
            async with asyncio.timeout(self.timeout_s):
                writer.write(request)
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                lines = head.split("\r\n")
                pairs = (line.partition(":") for line in lines[1:])
                headers = {name.lower(): value.strip() for name, _, value in pairs}
                body = await reader.readexactly(int(headers["content-length"]))
        except (OSError, EOFError, TimeoutError, ValueError, LookupError, asyncio.LimitOverrunError) as error:
            counts.failed[f"no answer: {type(error).__name__}"] += 1
            return False
        status = lines[0].split(" ")[1]
        if status != "200":
            counts.failed[f"status {status}: {body[:200].decode(errors='replace')}"] += 1
        elif not (found := [mark for mark in self.marks or (self.expected,) if mark in body]):
            counts.failed[f"another answer: {body[:200].decode(errors='replace')}"] += 1
        else:
            counts.ok += 1
            if self.marks:
                counts.answered_by[found[0].decode()] += 1
        if self.header:
            counts.answered_by[headers.get(self.header.lower(), "")] += 1
        return headers.get("connection", "").lower() != "close"

    def _request(self, *, keep_alive: bool) -> bytes:
        address = urlsplit(self.url)
        content = json.dumps(self.body).encode()
        headers = {
            "Host": address.netloc,
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
            "Connection": "keep-alive" if keep_alive else "close",
            **self.headers,
        }
        lines = [f"POST {address.path or '/predict'} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + content
