"""Why a request had no answer, in the words of whoever has to do something about it."""

import http.client
import socket
import ssl
from collections.abc import Iterator

import httpx

__all__ = ["cause"]

_CLOSED = (httpx.RemoteProtocolError, httpx.ReadError, http.client.HTTPException, ConnectionResetError)


def cause(error: BaseException, scheme: str, seconds: float, *, first: bool) -> str:
    """Name the cause of a failed request.

    Args:
        error: what the client raised
        scheme: `http` or `https`, by which the request was sent
        seconds: that it was waited for
        first: the server has not answered any request yet, so the URL may be at fault

    """
    for one in _chain(error):
        match one:
            case ssl.SSLCertVerificationError():
                return (
                    f"its certificate is not trusted: {one.verify_message}: give --ca FILE with its "
                    "authority, or --insecure"
                )
            case ssl.SSLError() if first and one.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"):
                return "it does not speak TLS there: try http://"
            case ssl.SSLError():
                return f"TLS failed: {(one.reason or 'no reason given').lower().replace('_', ' ')}"
            case ConnectionRefusedError():
                return "connection refused"
            case socket.gaierror():
                return "the name of the host is not known"
            case httpx.TimeoutException() | TimeoutError():
                return f"no answer within {seconds:g} s"
    if first and scheme == "http" and isinstance(error, _CLOSED):
        return "no HTTP came back: does it speak TLS? try https://"
    return f"no answer, {type(error).__name__}"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the causes of an error, the innermost first: the client's own errors say less."""
    if error is not None:
        yield from _chain(error.__cause__ or error.__context__)
        yield error
