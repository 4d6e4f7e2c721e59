"""The HTTP server: it accepts connections, ends the slow and the idle ones, and drains at the end."""

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import Callable
from typing import Final

from modelberth_server.errors import RequestError
from modelberth_server.http.connection import Connection, State
from modelberth_server.http.date import http_date
from modelberth_server.http.limits import KEEP_ALIVE_SECONDS, Limits
from modelberth_server.http.message import Request

__all__ = ["HttpServer"]

SWEEP_SECONDS: Final = 0.1
# That a client gets to read a last response and close.
LINGER_SECONDS: Final = 2.0
# Read in one go; what is left of a large body is read to its own memory.
BUFFER_BYTES: Final = 64 * 1024
# Accepted in one go by uvloop; the kernel keeps no more than net.core.somaxconn.
BACKLOG: Final = 2048

logger = logging.getLogger(__name__)


class HttpServer:
    """Accepts on a socket and hands complete requests to `handle`, in the event loop's thread.

    Args:
        handle: called with every request, which it answers through `request.sink`
        refuse: called with a request that could not be read to its end, and why
        limits: of every connection

    Attributes:
        loop: the event loop
        now: the time by `time.monotonic()`, as old as `SWEEP_SECONDS`
        date: the header of that name, as a line
        buffer: what each connection reads to, and is done with before another one does

    """

    def __init__(
        self,
        handle: Callable[[Request], None],
        refuse: Callable[[Request, RequestError], None],
        limits: Limits,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.handle = handle
        self.refuse = refuse
        self.limits = limits
        self.draining = False
        self.now = time.monotonic()
        self.date = b""
        self.buffer = memoryview(bytearray(BUFFER_BYTES))
        self._second = 0
        # In the order of their opening.
        self._connections: dict[Connection, None] = {}
        self._servers: list[asyncio.Server] = []
        self._sweeper: asyncio.TimerHandle | None = None

    @property
    def connections(self) -> int:
        """Number of open connections."""
        return len(self._connections)

    async def accept(self, sock: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Accept connections on a listening socket, which is closed at the end."""
        if self._sweeper is None:
            self._sweep()
        handshake = self.limits.header_seconds if tls else None
        self._servers.append(
            await self.loop.create_server(
                lambda: Connection(self),
                sock=sock,
                ssl=tls,
                backlog=BACKLOG,
                ssl_handshake_timeout=handshake,
            )
        )

    def opened(self, connection: Connection) -> None:
        """Count a connection; one too many costs the one that has been idle for longest its own."""
        self._connections[connection] = None
        if len(self._connections) > self.limits.max_connections:
            waiting = [
                other
                for other in self._connections
                if (other.state in (State.IDLE, State.HEAD, State.END) or other.unread)
                and other is not connection
            ]
            victim = min(waiting, key=lambda other: other.since, default=connection)
            logger.debug("%d connections are open: one is closed", len(self._connections))
            # Not only when it hears of its end: the next one too many would choose it again.
            self.closed(victim)
            victim.abort()

    def closed(self, connection: Connection) -> None:
        """Forget a connection."""
        self._connections.pop(connection, None)

    async def drain(self, seconds: float) -> None:
        """Accept nothing more; end each connection after one more answer, or `seconds` from now.

        A client that is about to use an idle connection loses no request: the connection is closed with the
        answer to it, and not before it had time to send one.
        """
        loop = self.loop
        # What waits in the socket's queue was accepted by the kernel: a client counts on it.
        await asyncio.sleep(SWEEP_SECONDS / 2)
        for server in self._servers:
            server.close()
        self.draining = True
        logger.info("draining: %d connections, idle ones for at most %g s", self.connections, seconds)
        deadline = loop.time() + seconds
        # What is in flight ends by its own deadline; this bounds a client that does not read its response.
        last = deadline + self.limits.request_seconds + 1
        while self._connections and loop.time() < last:
            if loop.time() >= deadline:
                for connection in list(self._connections):
                    if connection.state in (State.IDLE, State.HEAD):
                        connection.expire()
            await asyncio.sleep(SWEEP_SECONDS / 2)
        self.close()

    def close(self) -> None:
        """End everything at once."""
        for server in self._servers:
            server.close()
        for connection in list(self._connections):
            connection.abort()
        if self._sweeper is not None:
            self._sweeper.cancel()

    def _sweep(self) -> None:
        """Look at every connection: cheaper than a timer for each, which almost no request needs."""
        self._sweeper = self.loop.call_later(SWEEP_SECONDS, self._sweep)
        self.now = now = time.monotonic()
        second = int(time.time())
        if second != self._second:
            self._second = second
            self.date = b"date: " + http_date(second) + b"\r\n"
        allowed = {
            State.IDLE: KEEP_ALIVE_SECONDS,
            State.HEAD: self.limits.header_seconds,
            State.BODY: self.limits.request_seconds,
            State.ANSWER: float("inf"),
            State.END: LINGER_SECONDS,
        }
        for connection in list(self._connections):
            if connection.unread:
                self._check_reader(connection, now)
            elif now - connection.since > allowed[connection.state]:
                connection.expire()

    def _check_reader(self, connection: Connection, now: float) -> None:
        """Cut a connection whose client has stopped to read."""
        unread = connection.unread_bytes()
        if unread < connection.unread:
            connection.unread, connection.since = unread, now
        elif now - connection.since > self.limits.header_seconds:
            connection.abort()
