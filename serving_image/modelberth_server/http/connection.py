"""One HTTP/1.1 connection: requests in, responses back in their order, and how it ends.

uvloop reads the socket, `Reader` the protocol. What is left is here: the order of pipelined requests, clients
that send faster than they are answered or do not read, and how a connection ends.
"""

import asyncio
from collections import deque
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, cast

from modelberth_server.access.tls import certificate_caller
from modelberth_server.errors import RequestError
from modelberth_server.http import writing
from modelberth_server.http.limits import MAX_PIPELINED
from modelberth_server.http.message import Request, Response
from modelberth_server.http.reading import Part, Reader

if TYPE_CHECKING:
    from modelberth_server.http.server import HttpServer

__all__ = ["Connection", "State"]


class State(Enum):
    """What a connection waits for."""

    IDLE = auto()
    HEAD = auto()
    BODY = auto()
    ANSWER = auto()
    END = auto()
    """The client's close: the last response is sent, and what still comes is discarded."""


# Each look-up in the class takes 0.1 µs on Python 3.11, and a request needs several.
IDLE, HEAD, BODY, ANSWER, END = State
WHILE_READING: Final[dict[Part, State]] = {"none": IDLE, "head": HEAD, "body": BODY}


class Connection(asyncio.BufferedProtocol):
    """A client's connection: the consumer of its requests, and their sink.

    Attributes:
        state: what it waits for
        since: when that began, by the server's clock
        unread: bytes of responses that the client had not read at `since`, where it is slow to read
        full: as many requests wait as may; the client's next ones stay in its socket

    """

    def __init__(self, server: "HttpServer") -> None:
        self.state = IDLE
        self.since = server.now
        self.unread = 0
        self.full = False
        self._server = server
        self._transport: asyncio.Transport
        self._reader: Reader
        self._caller = ""
        self._current: Request | None = None
        self._keep_alive = True
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._next: asyncio.Handle | None = None
        # No request of what was read last was handled yet.
        self._first = True
        # The client has closed its sending side.
        self._no_more = False

    # From the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        # uvloop's are no subclass of it, and have all of its methods.
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        address = peer[0] if isinstance(peer, tuple) else ""
        self._reader = Reader(self, address, self._server.limits.max_body_bytes)
        self._caller = certificate_caller(transport.get_extra_info("peercert"))
        self._server.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Tell those who compute for this client that nobody waits."""
        if self._current is not None:
            self._current.abandoned = True
        self._waiting.clear()
        self._server.closed(self)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        """Say where the next bytes are to be written: to a large body itself, which saves copies of it."""
        large = self._reader.large
        return self._server.buffer if large is None else large.vacant

    def buffer_updated(self, nbytes: int) -> None:
        """Read; each complete request is handled at once, or in its turn."""
        if self.state is END or self._reader.error is not None or self._transport.is_closing():
            return
        if self.state is IDLE:
            self._wait_for(HEAD)
        self._first = True
        if self._reader.large is None:
            self._reader.read(self._server.buffer[:nbytes])
        else:
            self._reader.filled(nbytes)
        self._settle()

    def eof_received(self) -> bool:
        """Keep the connection for the responses where the client has only closed its sending side."""
        self._no_more = True
        # TLS has no such thing.
        return (self._current is not None or bool(self._waiting)) and self._transport.can_write_eof()

    def pause_writing(self) -> None:
        """Read no more from a client that does not read."""
        self.unread = self.unread_bytes()
        self.since = self._server.now
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        self.unread = 0
        self.since = self._server.now
        self._receive()
        self._continue()

    # From the reader

    def take(self, request: Request, *, keep_alive: bool) -> None:
        """Handle a request, or keep it until those before it are answered."""
        if self._caller:
            request.caller = self._caller
        if self._first and self._current is None and not self._waiting and not self.unread:
            self._first = False
            self._handle(request, keep_alive=keep_alive)
            return
        self._waiting.append((request, keep_alive))
        self._continue()
        if len(self._waiting) >= MAX_PIPELINED and not self.full:
            self.full = True
            self._transport.pause_reading()

    def proceed(self) -> None:
        """Ask for the body, unless answers to other requests come first."""
        if self._current is None and not self._waiting:
            self._transport.write(writing.CONTINUE)

    # From the handler

    def answer(self, request: Request, response: Response) -> None:
        """Send the response of the current request, then go on with the next one."""
        if self._current is not request:
            return
        self._current = None
        if self._transport.is_closing():
            return
        last = (self._server.draining or self._no_more) and not self._waiting
        close = response.close or not self._keep_alive or last
        for piece in writing.message(request, response, self._server.date, close=close):
            self._transport.write(piece)
        if close:
            self._end(discard=response.close or bool(self._waiting))
            return
        if self._waiting:
            self._wait_for(ANSWER)
            self._continue()
        else:
            self._settle()

    # From the server

    def expire(self) -> None:
        """End what takes too long: the client has to begin anew."""
        if self.state in (HEAD, BODY):
            part = "headers: they" if self.state is HEAD else "body: it"
            self._refuse(RequestError(408, f"{part} did not arrive in time", close=True))
        elif self._transport.is_closing() or self.state is not IDLE:
            self._transport.abort()
        else:
            self._transport.close()

    def unread_bytes(self) -> int:
        """Return how much of the responses the client has not read, beyond what the kernel keeps for it."""
        return self._transport.get_write_buffer_size()

    def abort(self) -> None:
        """Cut the connection."""
        self._transport.abort()

    def _handle(self, request: Request, *, keep_alive: bool) -> None:
        self._current = request
        self._keep_alive = keep_alive
        self.state = ANSWER
        self._server.handle(request)

    def _continue(self) -> None:
        """Handle the next waiting request in the next turn of the loop: others have their turn before it."""
        if self._next is None and self._waiting and self._current is None and not self.unread:
            self._next = self._server.loop.call_soon(self._handle_next)

    def _handle_next(self) -> None:
        self._next = None
        if not self._waiting or self._current is not None or self.unread or self._transport.is_closing():
            return
        request, keep_alive = self._waiting.popleft()
        self._handle(request, keep_alive=keep_alive)
        if self.full and len(self._waiting) < MAX_PIPELINED // 2 and not self._transport.is_closing():
            self.full = False
            self._reader.read_rest()
            self._settle()
            self._receive()

    def _receive(self) -> None:
        """Let the client send, where nothing is in the way."""
        if not self.full and not self.unread and not self._transport.is_closing():
            self._transport.resume_reading()

    def _settle(self) -> None:
        """As soon as all requests are answered, refuse the next one or go on to wait for it."""
        if self._current is not None or self._waiting or self.state is END:
            return
        reader = self._reader
        if reader.error is not None:
            self._refuse(reader.error)
            return
        state = WHILE_READING[reader.part]
        if self.state is not state:
            self._wait_for(state)

    def _refuse(self, error: RequestError) -> None:
        """Answer a request that never became one."""
        if self.state is END or self._transport.is_closing():
            return
        self._current = request = self._reader.incomplete()
        self._server.refuse(request, error)

    def _end(self, *, discard: bool) -> None:
        """Close; what the client still sends is discarded first: a reset might cost it the response."""
        self._waiting.clear()
        self._reader.drop_rest()
        if discard and self._transport.can_write_eof():
            self._wait_for(END)
            self._transport.write_eof()
            self.full = False
            self._receive()
        else:
            self._transport.close()

    def _wait_for(self, state: State) -> None:
        self.state = state
        self.since = self._server.now
