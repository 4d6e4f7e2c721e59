"""One HTTP/1.1 connection: bytes in, requests out, responses back in order.

llhttp, the parser of Node.js, reads the protocol (through httptools) and uvloop the socket. What is left is
here: limits, the order of pipelined requests, and how a connection ends. It is called for every few bytes
that a stranger sends, so it stores and compares, and leaves everything else to `Request` and its handler.
"""

import asyncio
import logging
from collections import deque
from enum import Enum, auto
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import unquote_to_bytes

import httptools

from modelberth_server.access.tls import certificate_caller
from modelberth_server.errors import RequestError
from modelberth_server.http.limits import MAX_HEADER_BYTES, MAX_HEADERS, MAX_PIPELINED, MAX_URL_BYTES
from modelberth_server.http.message import Request, Response
from modelberth_server.tensors import shown

if TYPE_CHECKING:
    from modelberth_server.http.server import HttpServer

__all__ = ["Connection", "State"]

# A larger body is not copied behind its head.
JOIN_BYTES: Final = 16 * 1024
STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}
METHODS: Final = {method.encode(): method for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")}
# Smaller parts of a body are gathered: each on its own takes 33 bytes more than its length.
SMALL_PART_BYTES: Final = 1024
# Parsed in one go: a large read can hold thousands of requests, and all other connections would wait.
SLICE_BYTES: Final = 2 * 1024
BODY_SLICE_BYTES: Final = 16 * 1024
# What a client says of another protocol that it would rather speak.
_OFFER: Final = (b"upgrade", b"connection", b"http2-settings")

logger = logging.getLogger(__name__)


class State(Enum):
    """What a connection waits for."""

    IDLE = auto()
    HEAD = auto()
    BODY = auto()
    ANSWER = auto()
    END = auto()
    """The client's close: the last response is sent, and what still comes is discarded."""


class Connection(asyncio.Protocol):
    """A client's connection; also the sink of its requests.

    Attributes:
        state: what it waits for
        since: when that began, by the server's clock
        unread: bytes of responses that the client had not read at `since`, where it is slow to read

    """

    def __init__(self, server: "HttpServer") -> None:
        self.state = State.IDLE
        self.since = server.now
        self.unread = 0
        self._server = server
        self._transport: asyncio.Transport
        self._parser = httptools.HttpRequestParser(self)
        self._peer = ""
        self._caller = ""
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._header_lines = 0
        self._head_bytes = 0
        # Since the last byte of a body: of a head, of a trailer, between chunks.
        self._unended_bytes = 0
        # By the content-length; 0: by chunks, or no body.
        self._announced = 0
        self._body: list[bytes | bytearray] = []
        self._body_bytes = 0
        # What of the next request is being read, whatever is still computed for those before it.
        self._reading = State.IDLE
        self._error: RequestError | None = None
        self._current: Request | None = None
        self._keep_alive = True
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._next: asyncio.Handle | None = None
        # No request of what was read last was handled yet.
        self._first = True
        # What is not parsed before there is room for more requests.
        self._rest: bytes | memoryview = b""
        self._paused = False
        # The client has closed its sending side.
        self._no_more = False

    # From the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        # uvloop's are no subclass of it, and have all of its methods.
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if isinstance(peer, tuple) else ""
        self._caller = certificate_caller(transport.get_extra_info("peercert"))
        self._server.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Tell those who compute for this client that nobody waits."""
        if self._current is not None:
            self._current.abandoned = True
        self._waiting.clear()
        self._server.closed(self)

    def data_received(self, data: bytes) -> None:
        """Parse; each complete request is handled at once, or in its turn."""
        if self.state is State.END or self._error is not None:
            return
        if self.state is State.IDLE:
            self._wait_for(State.HEAD)
        if self._paused:
            self._rest = bytes(self._rest) + data
            return
        self._first = True
        self._read(data)

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
        self._read_on()
        self._continue()

    # From the parser

    def on_message_begin(self) -> None:
        """Start the next request."""
        self._url = b""
        self._headers = {}
        self._header_lines = 0
        self._head_bytes = 0
        self._unended_bytes = 0
        self._body = []
        self._body_bytes = 0
        self._reading = State.HEAD

    def on_url(self, part: bytes) -> None:
        """Take a part of the request's target."""
        self._url += part
        if len(self._url) > MAX_URL_BYTES:
            self._fail(RequestError(414, f"path: more than {MAX_URL_BYTES} bytes", close=True))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; of a repeated one the last. What follows the body is no header, and dropped."""
        name = name.lower()
        self._header_lines += 1
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > MAX_HEADER_BYTES or self._header_lines > MAX_HEADERS:
            self._fail(_too_many_headers())
            self._headers = {}
        elif self._reading is State.HEAD:
            if name == b"host" and name in self._headers:
                # RFC 9112, section 3.2: two that differ tell two servers in a row two things.
                self._fail(RequestError(400, "host: this header is there twice", close=True))
            self._headers[name] = value

    def on_headers_complete(self) -> None:
        """Refuse a body that says it is too long before any of it is read."""
        headers = self._headers
        self._reading = State.BODY
        if self._error is not None:
            return None
        if b"host" not in headers and self._parser.get_http_version() != "1.0":
            return self._fail(RequestError(400, "host: this header is missing", close=True))
        coding = headers.get(b"transfer-encoding", b"chunked")
        if coding.lower() != b"chunked":
            given = shown(coding.decode("latin-1"))
            return self._fail(RequestError(400, f"transfer-encoding: {given}, expected chunked", close=True))
        # The parser has made sure that it is a number.
        self._announced = int(headers.get(b"content-length", b"0"))
        self._check_size(self._announced)
        free = self._error is None and self._current is None and not self._waiting
        if free and headers.get(b"expect", b"").lower() == b"100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return None

    def on_body(self, part: bytes) -> None:
        """Take a part of the body."""
        if self._error is None:
            self._body_bytes += len(part)
            if not self._body or len(part) >= SMALL_PART_BYTES:
                self._body.append(part)
            elif isinstance(last := self._body[-1], bytearray):
                last += part
            else:
                self._body.append(bytearray(part))
            self._check_size(self._body_bytes)

    def on_message_complete(self) -> None:
        """Handle the request, or keep it until those before it are answered."""
        if self._error is not None or self._parser.should_upgrade():
            return
        self._reading = State.IDLE
        method = self._parser.get_method()
        target = self._url if self._url.startswith(b"/") else _origin_form(self._url)
        path, mark, query = target.partition(b"?")
        if b"%" in path:
            path = unquote_to_bytes(path)
        request = Request(
            METHODS.get(method) or method.decode("ascii"),
            path.decode("utf-8", "replace"),
            self._headers,
            bytes(self._body[0]) if len(self._body) == 1 else b"".join(self._body),
            self,
            self._peer,
        )
        if mark:
            request.query = query
        if self._caller:
            request.caller = self._caller
        self._body = []
        keep_alive = self._parser.should_keep_alive()
        if b"connection" in self._headers and self._parser.get_http_version() == "1.0":
            # Its clients would wait for a promise to keep the connection; RFC 9112, section 9.3.
            keep_alive = False
        if self._first and self._current is None and not self._waiting and not self.unread:
            self._first = False
            self._handle(request, keep_alive=keep_alive)
            return
        self._waiting.append((request, keep_alive))
        self._continue()
        if len(self._waiting) >= MAX_PIPELINED and not self._paused:
            self._paused = True
            self._transport.pause_reading()

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
        self._write(request, response, close=close)
        if close:
            self._end(discard=response.close or bool(self._waiting))
            return
        if self._waiting:
            self._wait_for(State.ANSWER)
            self._continue()
        else:
            self._settle()

    # From the server

    def expire(self) -> None:
        """End what takes too long: the client has to begin anew."""
        if self.state in (State.HEAD, State.BODY):
            part = "headers: they" if self.state is State.HEAD else "body: it"
            self._refuse(RequestError(408, f"{part} did not arrive in time", close=True))
        elif self._transport.is_closing() or self.state is not State.IDLE:
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
        self.state = State.ANSWER
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
        if self._paused and len(self._waiting) < MAX_PIPELINED // 2:
            self._paused = False
            rest, self._rest = self._rest, b""
            self._read(rest)
            self._read_on()

    def _read_on(self) -> None:
        if not self._paused and not self.unread and not self._transport.is_closing():
            self._transport.resume_reading()

    def _read(self, data: bytes | memoryview) -> None:
        if self.state is State.END or self._transport.is_closing():
            return
        headers, body_bytes = self._headers, self._body_bytes
        try:
            self._parse(data)
        except httptools.HttpParserCallbackError:
            logger.exception("unexpected error while reading a request")
            self._fail(RequestError(500, "internal error", close=True))
        except httptools.HttpParserError as error:
            self._fail(RequestError(400, f"request: {error}", close=True))
        if self._body_bytes != body_bytes:
            self._unended_bytes = 0
        elif self._headers is headers and self._reading is not State.IDLE:
            # The parser keeps a header, and a trailer after the body, until its line ends.
            self._unended_bytes += len(data)
            if self._unended_bytes > MAX_HEADER_BYTES + MAX_URL_BYTES:
                self._fail(_too_many_headers())
        self._settle()

    def _parse(self, data: bytes | memoryview) -> None:
        """Parse until all is parsed, or enough requests wait."""
        if len(data) > SLICE_BYTES:
            data = memoryview(data)
        while self._error is None:
            size = SLICE_BYTES
            if self._reading is State.BODY:
                size = max(BODY_SLICE_BYTES, self._announced - self._body_bytes)
            if self._paused:
                self._rest = data
                return
            try:
                self._parser.feed_data(data[:size])
            except httptools.HttpParserUpgrade as upgrade:
                data = memoryview(data)[upgrade.args[0] :]
                self._decline_upgrade()
            else:
                if len(data) <= size:
                    return
                data = data[size:]

    def _decline_upgrade(self) -> None:
        """Read a request that offers another protocol as if it did not, from its body on.

        The first request of Java's client does so (h2c). A server may leave the offer unheard, but the parser
        takes what follows for the other protocol's.
        """
        method = self._parser.get_method()
        if method == b"CONNECT":
            return self._fail(
                RequestError(400, "method: CONNECT is for proxies, and this is none", close=True)
            )
        head = [b"%s %s HTTP/1.1" % (method, self._url)]
        head += [b"%s: %s" % (name, value) for name, value in self._headers.items() if name not in _OFFER]
        if b"close" in self._headers.get(b"connection", b"").lower():
            head.append(b"connection: close")
        self._parser = httptools.HttpRequestParser(self)
        self._parser.feed_data(b"\r\n".join(head) + b"\r\n\r\n")
        return None

    def _check_size(self, size: int) -> None:
        limit = self._server.limits.max_body_bytes
        if size > limit:
            self._fail(RequestError(413, f"body: more than the {limit} bytes allowed", close=True))

    def _fail(self, error: RequestError) -> None:
        """Remember the first error; raising through the parser would lose it."""
        if self._error is None:
            self._error = error
            self._body = []

    def _settle(self) -> None:
        """As soon as all requests are answered, refuse the next one or go on to wait for it."""
        if self._current is not None or self._waiting or self.state is State.END:
            return
        if self._error is not None:
            self._refuse(self._error)
        elif self.state is not self._reading:
            self._wait_for(self._reading)

    def _refuse(self, error: RequestError) -> None:
        """Answer a request that never became one."""
        if self.state is State.END or self._transport.is_closing():
            return
        known = self._reading is State.BODY
        method = METHODS.get(self._parser.get_method(), "GET") if known else "GET"
        request = Request(method, "", self._headers, b"", self, self._peer)
        self._current = request
        self._server.refuse(request, error)

    def _write(self, request: Request, response: Response, *, close: bool) -> None:
        body = response.body
        extra = b""
        for name, value in response.headers:
            extra += b"%b: %b\r\n" % (name, value)
        if request.identifier:
            extra += b"x-request-id: %b\r\n" % request.identifier.encode("ascii")
        if close:
            extra += b"connection: close\r\n"
        head = b"%bcontent-type: %b\r\ncontent-length: %d\r\n%b%b\r\n" % (
            STATUS_LINES[response.status],
            response.content_type,
            len(body),
            self._server.date,
            extra,
        )
        if request.method == "HEAD":
            self._transport.write(head)
        elif len(body) <= JOIN_BYTES:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._transport.write(body)

    def _end(self, *, discard: bool) -> None:
        """Close; what the client still sends is discarded first: a reset might cost it the response."""
        self._waiting.clear()
        self._rest = b""
        if discard and self._transport.can_write_eof():
            self._wait_for(State.END)
            self._transport.write_eof()
            self._paused = False
            self._read_on()
        else:
            self._transport.close()

    def _wait_for(self, state: State) -> None:
        self.state = state
        self.since = self._server.now


def _too_many_headers() -> RequestError:
    limit = f"at most {MAX_HEADERS} with {MAX_HEADER_BYTES} bytes are read"
    return RequestError(431, f"headers: {limit}", close=True)


def _origin_form(target: bytes) -> bytes:
    """Turn the absolute form of a target, which a proxy may send, into the path that it asks for."""
    _, scheme, rest = target.partition(b"://")
    return b"/" + rest.partition(b"/")[2] if scheme else target
