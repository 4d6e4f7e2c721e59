"""Bytes -> requests: what one client sends, read within limits, whatever carries it.

llhttp, the parser of Node.js, reads the protocol (through httptools). It calls back for every few bytes that
a stranger sends, so what it calls stores and compares, and leaves everything else to `Request`.
"""

import logging
from typing import Final, Literal

import httptools

from modelberth_server.errors import RequestError
from modelberth_server.http.consumer import Consumer
from modelberth_server.http.head import body_length, path_and_query, without_offer
from modelberth_server.http.large_body import LARGE_BYTES, LargeBody
from modelberth_server.http.limits import MAX_HEADER_BYTES, MAX_HEADERS, MAX_URL_BYTES
from modelberth_server.http.message import Request

__all__ = ["Part", "Reader"]

METHODS: Final = {method.encode(): method for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")}
# Smaller parts of a body are gathered: each on its own takes 33 bytes more than its length.
SMALL_PART_BYTES: Final = 1024
# Parsed in one go: a large read can hold thousands of requests, and all other connections would wait.
SLICE_BYTES: Final = 2 * 1024
BODY_SLICE_BYTES: Final = 16 * 1024
TOO_MANY_HEADERS: Final = f"headers: at most {MAX_HEADERS} with {MAX_HEADER_BYTES} bytes are read"

# What of a request is being read. No Enum: each look-up of a member takes 0.1 µs on Python 3.11.
Part = Literal["none", "head", "body"]

logger = logging.getLogger(__name__)


class Reader:
    """Reads the requests of one client.

    Args:
        consumer: takes each request as soon as it is complete
        peer: the client's address
        max_body_bytes: allowed in the body of one request

    Attributes:
        part: what of the next request is being read, whatever is still computed for those before it
        error: why nothing more can be read
        large: the body that is being read, where its next bytes are to be written to `large.vacant`

    """

    def __init__(self, consumer: Consumer, peer: str, max_body_bytes: int) -> None:
        self.part: Part = "none"
        self.error: RequestError | None = None
        self.large: LargeBody | None = None
        self._consumer = consumer
        self._peer = peer
        self._max_body_bytes = max_body_bytes
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._header_lines = 0
        self._head_bytes = 0
        # Since the last byte of a body: of a head, of a trailer, between chunks.
        self._unended_bytes = 0
        # By the content-length.
        self._announced = 0
        self._body: list[bytes | bytearray | memoryview] = []
        self._body_bytes = 0
        # What is not parsed before the consumer has room.
        self._rest = b""

    def read(self, data: bytes | memoryview) -> None:
        """Read on; `part` and `error` tell how far it came. The memory of `data` may be used again then."""
        if self._consumer.full:
            self._rest += data
            return
        headers, body_bytes = self._headers, self._body_bytes
        try:
            self._parse(data)
        except (httptools.HttpParserCallbackError, MemoryError):
            logger.exception("unexpected error while reading a request")
            self._fail(RequestError(500, "internal error", close=True))
        except httptools.HttpParserError as error:
            self._fail(RequestError(400, f"request: {error}", close=True))
        if self._body_bytes != body_bytes:
            self._unended_bytes = 0
        elif self._headers is headers and self.part != "none":
            # The parser keeps a header, and a trailer after the body, until its line ends.
            self._unended_bytes += len(data)
            if self._unended_bytes > MAX_HEADER_BYTES + MAX_URL_BYTES:
                self._fail(RequestError(431, TOO_MANY_HEADERS, close=True))

    def filled(self, count: int) -> None:
        """Read on behind `count` bytes that were written to `large.vacant`."""
        assert self.large is not None
        self.large.filled(count)
        self._body_bytes += count
        if not self.large.vacant:
            self.read(b"")

    def read_rest(self) -> None:
        """Read what was kept while the consumer was full."""
        rest, self._rest = self._rest, b""
        self.read(rest)

    def drop_rest(self) -> None:
        """Forget what was kept: nobody takes a request any more."""
        self._rest = b""
        self.large = None

    def incomplete(self) -> Request:
        """Return what is known of the request that is being read, to answer it with an error."""
        method = METHODS.get(self._parser.get_method()) if self.part == "body" else None
        return Request(method or "GET", "", self._headers, b"", self._consumer, self._peer)

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
        self.part = "head"

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
            self._fail(RequestError(431, TOO_MANY_HEADERS, close=True))
            self._headers = {}
        elif self.part == "head":
            if name == b"host" and name in self._headers:
                # RFC 9112, section 3.2: two that differ tell two servers in a row two things.
                self._fail(RequestError(400, "host: this header is there twice", close=True))
            self._headers[name] = value

    def on_headers_complete(self) -> None:
        """Refuse a body that says it is too long before any of it is read."""
        headers = self._headers
        self.part = "body"
        if self.error is not None:
            return
        if b"host" not in headers and self._parser.get_http_version() != "1.0":
            self._fail(RequestError(400, "host: this header is missing", close=True))
            return
        try:
            self._announced = body_length(headers)
        except RequestError as error:
            self._fail(error)
            return
        if self._fits(self._announced) and headers.get(b"expect", b"").lower() == b"100-continue":
            self._consumer.proceed()

    def on_body(self, part: bytes) -> None:
        """Take a part of the body."""
        if self.error is None:
            self._body_bytes += len(part)
            if not self._body or len(part) >= SMALL_PART_BYTES:
                self._body.append(part)
            elif isinstance(last := self._body[-1], bytearray):
                last += part
            else:
                self._body.append(bytearray(part))
            self._fits(self._body_bytes)

    def on_message_complete(self) -> None:
        """Hand the request over."""
        if self.error is not None or self._parser.should_upgrade():
            return
        self.part = "none"
        method = self._parser.get_method()
        body = self._body
        path, query = path_and_query(self._url)
        request = Request(
            METHODS.get(method) or method.decode("ascii"),
            path,
            self._headers,
            bytes(body[0]) if len(body) == 1 and type(body[0]) is not memoryview else body,
            self._consumer,
            self._peer,
        )
        if query:
            request.query = query
        self._body = []
        keep_alive = self._parser.should_keep_alive()
        if b"connection" in self._headers and self._parser.get_http_version() == "1.0":
            # Its clients would wait for a promise to keep the connection; RFC 9112, section 9.3.
            keep_alive = False
        self._consumer.take(request, keep_alive=keep_alive)

    def _parse(self, data: bytes | memoryview) -> None:
        """Parse until all is parsed, or the consumer is full."""
        if len(data) > SLICE_BYTES:
            data = memoryview(data)
        while self.error is None:
            size = SLICE_BYTES
            if self.part == "body":
                size = max(BODY_SLICE_BYTES, self._announced - self._body_bytes)
            if self._consumer.full:
                self._rest = bytes(data)
                return
            if self.large or (self.part == "body" and self._announced - self._body_bytes >= LARGE_BYTES):
                data = self._read_large(data)
                if not data:
                    return
                continue
            try:
                self._parser.feed_data(data[:size])
            except httptools.HttpParserUpgrade as upgrade:
                data = memoryview(data)[upgrade.args[0] :]
                self._decline_upgrade()
            else:
                if len(data) <= size:
                    return
                data = data[size:]

    def _read_large(self, data: bytes | memoryview) -> bytes | memoryview:
        """Take what is of a large body, past the parser, hand over what it completes, and return the rest."""
        large = self.large = self.large or LargeBody(self._announced, self._headers, self._body)
        count = large.take(data)
        self._body_bytes += count
        if not large.vacant:
            self.large = None
            self._body = [large.complete()]
            self.on_message_complete()
            # The one before still waits for the body.
            self._parser = httptools.HttpRequestParser(self)
        return data[count:]

    def _decline_upgrade(self) -> None:
        """Read a request that offers another protocol as if it did not, from its body on.

        The first request of Java's client does so (h2c). A server may leave the offer unheard, but the parser
        takes what follows for the other protocol's.
        """
        try:
            head = without_offer(self._parser.get_method(), self._url, self._headers)
        except RequestError as error:
            self._fail(error)
            return
        self._parser = httptools.HttpRequestParser(self)
        self._parser.feed_data(head)

    def _fits(self, size: int) -> bool:
        """Tell whether so many bytes are allowed in a body; an error where they are not."""
        if size <= self._max_body_bytes:
            return True
        message = f"body: more than the {self._max_body_bytes} bytes allowed"
        self._fail(RequestError(413, message, close=True))
        return False

    def _fail(self, error: RequestError) -> None:
        """Remember the first error; raising through the parser would lose it."""
        if self.error is None:
            self.error = error
            self._body = []
