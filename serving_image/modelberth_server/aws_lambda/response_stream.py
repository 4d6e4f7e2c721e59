"""Answers to a function URL whose invoke mode is RESPONSE_STREAM: without an envelope, and beyond 6 MB.

AWS's client library posts whole answers only, so these go to the Runtime API directly. Sources:
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming (how),
https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html (the limits); status and
headers go before the body as AWS's clients for Node.js and Rust write them.
"""

import logging
from collections.abc import Iterator
from typing import Final

import orjson

from modelberth_server.errors import RequestError
from modelberth_server.http.message import Response

__all__ = ["STREAM_LIMIT_BYTES", "ResponseStream", "pieces"]

STREAM_LIMIT_BYTES: Final = 200 * 1024 * 1024

_HEADERS: Final = {
    "Content-Type": "application/vnd.awslambda.http-integration-response",
    "Lambda-Runtime-Function-Response-Mode": "streaming",
    "Transfer-Encoding": "chunked",
    # The API takes the end of the connection for the end of the answer.
    "Connection": "close",
}
_SEPARATOR: Final = b"\0" * 8
_PIECE_BYTES: Final = 1024 * 1024
_ACCEPTED: Final = 202

logger = logging.getLogger(__name__)


class ResponseStream:
    """Posts answers to the Runtime API piece by piece."""

    def __init__(self, address: str) -> None:
        self._address = address

    def post(self, identifier: str, response: Response) -> None:
        """Answer an invocation; block until Lambda has taken all of it, which is at 2 MB/s after 6 MB.

        An answer that is not taken to its end, as when the caller has gone, ends that invocation alone:
        whether the Runtime API is there at all, the next request to it tells.
        """
        import http.client  # noqa: PLC0415 -- 10 ms that no other server has to wait for

        connection = http.client.HTTPConnection(self._address)
        path = f"/2018-06-01/runtime/invocation/{identifier}/response"
        try:
            connection.request("POST", path, pieces(response), _HEADERS, encode_chunked=True)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            logger.warning("invocation %s: the answer was not taken: %r", identifier, error)
        else:
            if status != _ACCEPTED:
                logger.warning("invocation %s: the answer was refused with status %d", identifier, status)
        finally:
            connection.close()


def pieces(response: Response) -> Iterator[bytes]:
    """Yield an answer as the Runtime API takes it; one beyond AWS's limit becomes a 413 that says so."""
    if len(response.body) > STREAM_LIMIT_BYTES:
        message = f"response: {len(response.body)} bytes, AWS Lambda passes on at most {STREAM_LIMIT_BYTES}"
        response = Response.error(RequestError(413, f"{message}: ask for fewer rows"))
    headers = {"content-type": response.content_type.decode("latin-1")}
    headers |= {name.decode("latin-1"): value.decode("latin-1") for name, value in response.headers}
    yield orjson.dumps({"statusCode": response.status, "headers": headers}) + _SEPARATOR
    for start in range(0, len(response.body), _PIECE_BYTES):
        yield response.body[start : start + _PIECE_BYTES]
