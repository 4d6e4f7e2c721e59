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

if TYPE_CHECKING:
    from modelberth_server.http.server import HttpServer

__all__ = ["Connection", "State"]

# A larger body is not copied behind its head.
JOIN_BYTES: Final = 16 * 1024
STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}
METHODS: Final = {method.encode(): method for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")}
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
        self._head_bytes = 0
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._error: RequestError | None = None
        self._current: Request | None = None
        self._keep_alive = True
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._paused = False

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
        for request, _ in self._waiting:
            request.abandoned = True
        self._server.closed(self)

    def data_received(self, data: bytes) -> None:
        """Parse; each complete request is handled at once, or in its turn."""
        if self.state is State.END or self._error is not None:
            return
        if self.state is State.IDLE:
            self._wait_for(State.HEAD)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._decline_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserCallbackError:
            logger.exception("unexpected error while reading a request")
            self._fail(RequestError(500, "internal error", close=True))
        except httptools.HttpParserError as error:
            self._fail(RequestError(400, f"request: {error}", close=True))
        self._report()

    def eof_received(self) -> bool:
        """Keep the connection for the response where the client has only closed its sending side."""
        if self._current is None:
            return False
        self._keep_alive = False
        self._waiting.clear()
        return True

    def pause_writing(self) -> None:
        """Read no more from a client that does not read."""
        self.unread = self.unread_bytes()
        self.since = self._server.now
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        self.unread = 0
        self.since = self._server.now
        if not self._paused:
            self._transport.resume_reading()

    # From the parser

    def on_message_begin(self) -> None:
        """Start the next request."""
        self._url = b""
        self._headers = {}
        self._head_bytes = 0
        self._body = []
        self._body_bytes = 0

    def on_url(self, part: bytes) -> None:
        """Take a part of the request's target."""
        self._url += part
        if len(self._url) > MAX_URL_BYTES:
            self._fail(RequestError(414, f"path: more than {MAX_URL_BYTES} bytes", close=True))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; of a repeated one the last."""
        self._headers[name.lower()] = value
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > MAX_HEADER_BYTES or len(self._headers) > MAX_HEADERS:
            limit = f"at most {MAX_HEADERS} with {MAX_HEADER_BYTES} bytes are read"
            self._fail(RequestError(431, f"headers: {limit}", close=True))
            self._headers = {}

    def on_headers_complete(self) -> None:
        """Refuse a body that says it is too long before any of it is read."""
        headers = self._headers
        if self._error is not None:
            return None
        if b"host" not in headers and self._parser.get_http_version() == "1.1":
            return self._fail(RequestError(400, "host: this header is missing", close=True))
        # The parser has made sure that it is a number.
        self._check_size(int(headers.get(b"content-length", b"0")))
        if self._error is None and self._current is None:
            self._wait_for(State.BODY)
            if headers.get(b"expect", b"").lower() == b"100-continue":
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return None

    def on_body(self, part: bytes) -> None:
        """Take a part of the body."""
        if self._error is None:
            self._body_bytes += len(part)
            self._body.append(part)
            self._check_size(self._body_bytes)

    def on_message_complete(self) -> None:
        """Handle the request, or keep it until those before it are answered."""
        if self._error is not None or self._parser.should_upgrade():
            return
        method = self._parser.get_method()
        target = self._url if self._url.startswith(b"/") else _origin_form(self._url)
        path, mark, query = target.partition(b"?")
        if b"%" in path:
            path = unquote_to_bytes(path)
        request = Request(
            METHODS.get(method) or method.decode("ascii"),
            path.decode("utf-8", "replace"),
            self._headers,
            self._body[0] if len(self._body) == 1 else b"".join(self._body),
            self,
            self._peer,
        )
        if mark:
            request.query = query
        if self._caller:
            request.caller = self._caller
        self._body = []
        keep_alive = self._parser.should_keep_alive()
        if self._current is None:
            self._handle(request, keep_alive=keep_alive)
            return
        self._waiting.append((request, keep_alive))
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
        close = response.close or not self._keep_alive or self._server.draining
        self._write(request, response, close=close)
        if close:
            self._end(discard=response.close or bool(self._waiting))
        elif self._waiting:
            if self._paused and len(self._waiting) < MAX_PIPELINED // 2:
                self._paused = False
                self._transport.resume_reading()
            following, keep_alive = self._waiting.popleft()
            self._handle(following, keep_alive=keep_alive)
        else:
            self._wait_for(State.IDLE)
            self._report()

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

    def _decline_upgrade(self, rest: bytes) -> None:
        """Read a request that offers another protocol as if it did not, from its body on.

        The first request of Java's client does so (h2c). A server may leave the offer unheard, but the parser
        takes what follows for the other protocol's.
        """
        head = [b"%s %s HTTP/1.1" % (self._parser.get_method(), self._url)]
        head += [b"%s: %s" % (name, value) for name, value in self._headers.items() if name not in _OFFER]
        if b"close" in self._headers.get(b"connection", b"").lower():
            head.append(b"connection: close")
        self._parser = httptools.HttpRequestParser(self)
        self.data_received(b"\r\n".join(head) + b"\r\n\r\n" + rest)

    def _check_size(self, size: int) -> None:
        limit = self._server.limits.max_body_bytes
        if size > limit:
            self._fail(RequestError(413, f"body: more than the {limit} bytes allowed", close=True))

    def _fail(self, error: RequestError) -> None:
        """Remember the first error; raising through the parser would lose it."""
        if self._error is None:
            self._error = error
            self._body = []

    def _report(self) -> None:
        """Answer with the error, if there is one, as soon as all requests before it are answered."""
        if self._error is not None and self._current is None:
            self._refuse(self._error)

    def _refuse(self, error: RequestError) -> None:
        """Answer a request that never became one."""
        if self.state is State.END or self._transport.is_closing():
            return
        method = "GET" if self.state is State.HEAD else METHODS.get(self._parser.get_method(), "GET")
        request = Request(method, "", self._headers, b"", self, self._peer)
        self._current = request
        self._server.refuse(request, error)

    def _write(self, request: Request, response: Response, *, close: bool) -> None:
        body = response.body
        parts = [
            STATUS_LINES[response.status],
            b"content-type: ",
            response.content_type,
            b"\r\ncontent-length: %d\r\n" % len(body),
            self._server.date,
        ]
        if request.identifier:
            parts += (b"x-request-id: ", request.identifier.encode("ascii"), b"\r\n")
        for name, value in response.headers:
            parts += (name, b": ", value, b"\r\n")
        parts.append(b"connection: close\r\n\r\n" if close else b"\r\n")
        if request.method == "HEAD":
            body = b""
        if len(body) <= JOIN_BYTES:
            parts.append(body)
            self._transport.write(b"".join(parts))
        else:
            self._transport.write(b"".join(parts))
            self._transport.write(body)

    def _end(self, *, discard: bool) -> None:
        """Close; what the client still sends is discarded first: a reset might cost it the response."""
        if discard and self._transport.can_write_eof():
            self._wait_for(State.END)
            self._transport.write_eof()
        else:
            self._transport.close()

    def _wait_for(self, state: State) -> None:
        self.state = state
        self.since = self._server.now


def _origin_form(target: bytes) -> bytes:
    """Turn the absolute form of a target, which a proxy may send, into the path that it asks for."""
    _, scheme, rest = target.partition(b"://")
    return b"/" + rest.partition(b"/")[2] if scheme else target
