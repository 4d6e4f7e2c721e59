"""Fetch over https from public hosts: the address that was checked is the one that is connected to."""

import http.client
import socket
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Final
from urllib.parse import urljoin, urlsplit

from modelberth_server.sources.addresses import PrivateHosts, Resolve, checked
from modelberth_server.sources.stream import CHUNK, SourceError, Stream

__all__ = ["open_https"]

MAX_REDIRECTS: Final = 5
CONNECT_SECONDS: Final = 10.0
READ_SECONDS: Final = 30.0
TOTAL_SECONDS: Final = 3600.0
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


class _Connection(http.client.HTTPSConnection):
    """To given addresses instead of what the name resolves to by now; TLS still checks the name."""

    def __init__(self, host: str, port: int, addresses: Sequence[str], context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=CONNECT_SECONDS, context=context)
        self._addresses = addresses
        self._tls = context

    def connect(self) -> None:
        """Connect to the first address that answers."""
        failure: OSError | None = None
        for address in self._addresses:
            try:
                plain = socket.create_connection((address, self.port), self.timeout)
            except OSError as error:
                failure = error
                continue
            self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)
            self.sock.settimeout(READ_SECONDS)
            return
        assert failure is not None
        raise failure


@contextmanager
def open_https(
    url: str,
    *,
    allowed: PrivateHosts,
    headers: Mapping[str, str] | None = None,
    context: ssl.SSLContext | None = None,
    resolve: Resolve = socket.getaddrinfo,
) -> Iterator[Stream]:
    """Ask for a file, following at most five redirects, each of which is checked like the first address.

    Proxies of the environment are not used: behind one, the address connected to could not be checked.
    `headers` go to the first host only: a redirect leads to another one's storage.

    Raises:
        SourceError: no https, an address that is not allowed, no answer, or one that is not 200.

    """
    context = context or ssl.create_default_context()
    shown = url.partition("?")[0]
    sent = dict(headers or {})
    deadline = time.monotonic() + TOTAL_SECONDS
    for _ in range(MAX_REDIRECTS + 1):
        connection = _connect(url, shown, allowed, context, resolve)
        with closing(connection):
            response = _ask(connection, url, shown, sent)
            location = response.headers.get("location")
            if response.status not in _REDIRECTS or location is None:
                if response.status != 200:
                    raise SourceError(f"{shown}: answered with status {response.status}")
                yield Stream(_length(response), _chunks(response, shown, deadline))
                return
        url, sent = _joined(url, location, shown), {}
    raise SourceError(f"{shown}: redirected more than {MAX_REDIRECTS} times")


def _connect(
    url: str, shown: str, allowed: PrivateHosts, context: ssl.SSLContext, resolve: Resolve
) -> _Connection:
    try:
        host, port = _host(url)
        return _Connection(host, port, checked(host, port, allowed, resolve), context)
    except ValueError as error:
        raise SourceError(f"{shown}: {error}") from None


def _joined(url: str, location: str, shown: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise SourceError(f"{shown}: redirected to no address: {error}") from None


def _host(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.username is not None:
        raise ValueError("only https addresses without a login are fetched from")
    return parts.hostname, parts.port or 443


def _ask(
    connection: _Connection, url: str, shown: str, headers: Mapping[str, str]
) -> http.client.HTTPResponse:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    # Without "identity" a server may compress, and the bytes would be others than the pinned ones.
    sent = {"Accept-Encoding": "identity", "User-Agent": "modelberth", **headers}
    try:
        connection.request("GET", target, headers=sent)
        return connection.getresponse()
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise SourceError(f"{shown}: {_reason(error)}") from None


def _length(response: http.client.HTTPResponse) -> int | None:
    text = response.headers.get("content-length")
    return int(text) if text is not None and text.isascii() and text.isdigit() else None


def _chunks(response: http.client.HTTPResponse, shown: str, deadline: float) -> Iterator[bytes]:
    while True:
        try:
            chunk = response.read1(CHUNK)
        except (OSError, http.client.HTTPException) as error:
            raise SourceError(f"{shown}: {_reason(error)}") from None
        if not chunk:
            return
        if time.monotonic() > deadline:
            raise SourceError(f"{shown}: not done after {TOTAL_SECONDS:.0f} s")
        yield chunk


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {error.verify_message}"
    text = (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__
    return " ".join(text.split())[:300]
