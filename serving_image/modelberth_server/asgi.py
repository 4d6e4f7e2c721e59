"""The server's side of one ASGI exchange: read a bounded body, send one response.

Source: https://asgi.readthedocs.io/en/latest/specs/www.html.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

from modelberth_server.errors import RequestError
from modelberth_server.json_body import render

__all__ = ["DisconnectedError", "Headers", "Receive", "Response", "Scope", "Send", "read_body", "respond"]

Scope = Mapping[str, Any]
Headers = Mapping[bytes, bytes]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# A connection that is closed on unread bytes is reset, and the client may lose the response. So what it still
# sends is read and dropped for this long, as nginx does (`lingering_close`).
LINGER_SECONDS: Final = 5.0


class DisconnectedError(Exception):
    """The client went away before its request was complete: nobody is left to answer."""


@dataclass(frozen=True)
class Response:
    """A whole response; `close` ends the connection after it."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    close: bool = False

    @classmethod
    def json(cls, value: Any, status: int = 200) -> "Response":
        """Make a response of a JSON value."""
        return cls(status, render(value))

    @classmethod
    def error(cls, error: RequestError) -> "Response":
        """Make the response `{"error": message}`."""
        body = render({"error": error.message})
        return cls(error.status, body, headers=error.headers, close=error.close)


async def read_body(headers: Headers, receive: Receive, limit: int) -> bytes:
    """Read a request's body, of at most `limit` bytes.

    Raises:
        RequestError: 413; by the Content-Length before anything is read, else at the first byte too many.
        DisconnectedError: the body ended early.

    """
    # The HTTP parser has made sure that it is a number.
    _check_size(int(headers.get(b"content-length", b"0")), limit)
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        body += message.get("body", b"")
        _check_size(len(body), limit)
        if not message.get("more_body", False):
            return bytes(body)


async def respond(response: Response, receive: Receive, send: Send) -> None:
    """Send a response."""
    headers = (
        ("content-type", response.content_type),
        ("content-length", str(len(response.body))),
        *response.headers,
        *((("connection", "close"),) if response.close else ()),
    )
    await send(
        {
            "type": "http.response.start",
            "status": response.status,
            "headers": [(name.encode("ascii"), value.encode("ascii")) for name, value in headers],
        }
    )
    await send({"type": "http.response.body", "body": response.body, "more_body": response.close})
    if response.close:
        await _discard(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise RequestError(413, f"body: more than the {limit} bytes allowed", close=True)


async def _discard(receive: Receive) -> None:
    try:
        async with asyncio.timeout(LINGER_SECONDS):
            while (await receive()).get("more_body", False):
                pass
    except TimeoutError:
        pass
