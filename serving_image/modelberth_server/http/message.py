"""One request and its response, whatever carried them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from modelberth_server.errors import RequestError
from modelberth_server.json_body import render

__all__ = ["Request", "Response", "Sink"]

JSON: Final = b"application/json"
FOREVER: Final = float("inf")


@dataclass(slots=True)
class Response:
    """A whole response; `close` ends the connection after it."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()
    close: bool = False

    @classmethod
    def json(cls, value: Any, status: int = 200) -> "Response":
        """Make a response of a JSON value."""
        return cls(status, render(value))

    @classmethod
    def error(cls, error: RequestError) -> "Response":
        """Make the response `{"error": message}`."""
        headers = tuple((name.encode("ascii"), value.encode("ascii")) for name, value in error.headers)
        return cls(error.status, render({"error": error.message}), headers=headers, close=error.close)


class Request:
    """A complete request.

    Attributes:
        method: `GET`, `POST`, …
        path: percent-decoded, without the query
        query: raw, without the question mark
        headers: by lower-case name; of a repeated header the last one
        parts: a body that came in several or is large, until it is asked for as a whole
        peer: the caller's address
        started: when its headers were complete, by `time.monotonic()`
        deadline: when its caller stops to wait, by `time.monotonic()`
        sink: what carries the response back
        abandoned: nobody waits any more; a response is dropped
        route: template of the route that it matched, for metrics
        caller: who it is, where the server authenticates
        identifier: of the request, for logs and traces
        contract: that it speaks, where that is another one than its path says

    """

    # Most requests keep most of these: what is not set costs nothing.
    query = b""
    parts: Sequence[bytes | bytearray | memoryview] = ()
    started = 0.0
    abandoned = False
    route = ""
    caller = ""
    identifier = ""
    contract: Callable[..., Any] | None = None

    def __init__(
        self,
        method: str,
        path: str,
        headers: dict[bytes, bytes],
        body: bytes | Sequence[bytes | bytearray | memoryview],
        sink: "Sink",
        peer: str = "",
    ) -> None:
        self.method = method
        self.path = path
        self.deadline = FOREVER
        self.headers = headers
        self._body: bytes | None = None
        if isinstance(body, bytes):
            self._body = body
        else:
            self.parts = body
        self.sink = sink
        self.peer = peer

    @property
    def body(self) -> bytes:
        """The whole body, within the limits."""
        body = self._body
        if body is None:
            body = self._body = b"".join(self.parts)
            self.parts = ()
        return body


class Sink(Protocol):
    """What carries a response back to the caller: a connection, a Lambda invocation."""

    def answer(self, request: Request, response: Response) -> None:
        """Send the response; called once for each request, in the event loop's thread."""
        ...
