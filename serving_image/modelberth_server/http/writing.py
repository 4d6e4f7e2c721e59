"""Response -> bytes: the status line, the headers and the body of an HTTP/1.1 message."""

from http import HTTPStatus
from typing import Final

from modelberth_server.http.message import Request, Response

__all__ = ["CONTINUE", "message"]

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
# A larger body is not copied behind its head.
JOIN_BYTES: Final = 16 * 1024
STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}


def message(request: Request, response: Response, date: bytes, *, close: bool) -> tuple[bytes, ...]:
    """Return the pieces to write, in order; the answer to HEAD is a head that tells of a body.

    Args:
        request: whose identifier is told to its caller
        response: what to say
        date: the header of that name, as a line
        close: whether the connection ends with this response

    """
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
        date,
        extra,
    )
    if request.method == "HEAD":
        return (head,)
    if len(body) <= JOIN_BYTES:
        return (head + body,)
    return head, body
