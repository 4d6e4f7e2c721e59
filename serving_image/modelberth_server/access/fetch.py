"""One small document over HTTPS, within bounds of time and size."""

import contextlib
import http.client
import socket
import ssl
import threading
import urllib.error
import urllib.request
from typing import IO, Any, Final
from urllib.parse import urlsplit

__all__ = ["FetchError", "check_url", "fetch"]

SECONDS: Final = 5.0
MAX_BYTES: Final = 256 * 1024


class FetchError(Exception):
    """The document could not be had; the message says from where and why."""


def check_url(url: object) -> str:
    """Return an https address with a host and without a login; anything else is a ValueError."""
    if isinstance(url, str) and url.isascii() and url.isprintable() and " " not in url:
        with contextlib.suppress(ValueError):
            parts = urlsplit(url)
            # To read the port is to check it.
            if parts.scheme == "https" and parts.hostname and "@" not in parts.netloc and parts.port != 0:
                return url
    raise ValueError(f"{url!r}: allowed is https://HOST/..., without a login")


def fetch(
    url: str, *, context: ssl.SSLContext | None = None, seconds: float = SECONDS, max_bytes: int = MAX_BYTES
) -> bytes:
    """Return the body of a 200 response; blocks for at most `seconds` from the connection on.

    Redirects are refused: an address of keys is a fixed one, and a redirect could lead inside the network.
    The environment's `HTTPS_PROXY`, `NO_PROXY` and `SSL_CERT_FILE` are honoured.

    Raises:
        FetchError: no connection, no valid certificate, another status, too large, too slow.

    """
    try:
        check_url(url)
    except ValueError as error:
        raise FetchError(str(error)) from None
    https = _Https(context or ssl.create_default_context())
    opener = urllib.request.build_opener(https, _NoRedirect)
    # A timeout of the socket bounds each read, and a sender of single bytes has as many reads as he likes.
    guard = threading.Timer(seconds, https.cut)
    guard.start()
    try:
        with opener.open(url, timeout=seconds) as response:
            body: bytes = response.read(max_bytes + 1)
            is_whole = not response.length
    except urllib.error.HTTPError as error:
        error.close()
        raise FetchError(f"{url}: status {error.code}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = f"no answer within {seconds:g} s" if https.is_cut else str(error) or repr(error)
        raise FetchError(f"{url}: {reason}") from None
    finally:
        guard.cancel()
        https.close()
    if https.is_cut:
        raise FetchError(f"{url}: no answer within {seconds:g} s")
    if len(body) > max_bytes:
        raise FetchError(f"{url}: larger than {max_bytes} bytes")
    if not is_whole:
        raise FetchError(f"{url}: the answer broke off after {len(body)} bytes")
    return body


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> None:
        """Follow nothing: the redirect's own status becomes the error."""


class _Recorded(http.client.HTTPConnection):
    """Keeps a second handle of its socket, which TLS then takes the first one of."""

    handle: socket.socket | None = None

    def connect(self) -> None:
        super().connect()
        self.handle = self.sock.dup()


class _Connection(http.client.HTTPSConnection, _Recorded):
    """HTTPS, whose own `connect` calls the recording one before the TLS handshake."""


class _Https(urllib.request.HTTPSHandler):
    """Opens a connection that another thread can cut."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(context=context)
        self._tls = context
        self._connection: _Connection | None = None
        self.is_cut = False

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connect, req)

    def _connect(self, host: str, **options: Any) -> http.client.HTTPSConnection:
        self._connection = _Connection(host, context=self._tls, **options)
        return self._connection

    def cut(self) -> None:
        """End the connection, and with it a read that waits for it."""
        self.is_cut = True
        handle = self._connection.handle if self._connection else None
        if handle is not None:
            with contextlib.suppress(OSError):
                handle.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the second handle."""
        handle = self._connection.handle if self._connection else None
        if handle is not None:
            handle.close()
