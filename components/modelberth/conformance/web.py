"""Requests to the server, and its answers."""

import contextlib
import http.client
import json
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, Self
from urllib.parse import urlsplit

import httpx

from modelberth.conformance.cause import cause
from modelberth.conformance.outcome import DidNotHold, UnreachableError
from modelberth.conformance.target import Target

__all__ = ["Answer", "Web"]

_EXCERPT = 160
_READ = 1 << 16
_CONNECT_SECONDS = 10.0
# For the first answer: more than a server needs that is started for it, less than a person waits.
_FIRST_SECONDS = 15.0
# For each answer after one that did not come, so that a server that hangs is soon told so.
_HUNG_SECONDS = 5.0
_MOST_HUNG = 3


@dataclass(frozen=True)
class Answer:
    """A response, and the seconds until it was there."""

    request: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """What an error must not quote."""

    @property
    def media_type(self) -> str:
        """The media type without its parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json(self) -> Any:
        """Parse the body as RFC 8259 has it, so without NaN; raise DidNotHold where that is not possible."""
        return self.json_of(self.body)

    def json_of(self, text: bytes) -> Any:
        """Parse a part of the body."""
        try:
            return json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            raise self.unlike("a body of JSON") from None

    def unlike(self, expected: str) -> DidNotHold:
        """Make the error that shows the answer beside what was expected."""
        if self.status == 429:
            return DidNotHold(f"{self.request}: answered 429: raise the limit for this run")
        text = " ".join(self.body[:_READ].decode("utf-8", "replace").split())
        for secret in self.secrets:  # before the cut, which would leave a part of one
            text = text.replace(secret, "***")
        shown = text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}…"
        return DidNotHold(f"{self.request}: {self.status} {shown or '(no body)'}; expected {expected}")


class Web:
    """A client of one server; it talks to it directly, whatever proxies the environment names."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._answered = False
        self._hung = 0
        self._secrets = tuple(filter(None, target.headers.values()))
        self._tls = _tls(target)
        try:
            self._client = httpx.Client(
                base_url=target.url.rstrip("/"),
                headers=dict(target.headers),
                verify=self._tls,
                trust_env=False,
            )
        except (httpx.InvalidURL, ValueError) as error:
            raise UnreachableError(f"{error}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, path: str, **headers: str) -> Answer:
        """Send GET."""
        return self.send("GET", path, headers=headers)

    def post(self, path: str, value: Any, headers: Mapping[str, str] | None = None) -> Answer:
        """Send POST with a value as JSON."""
        body = json.dumps(value).encode()
        return self.send("POST", path, body, {"content-type": "application/json", **(headers or {})})

    def send(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request whose body is bytes, or an iterable of them that is sent in chunks.

        Raises:
            DidNotHold: there was no answer, or none that is HTTP.
            UnreachableError: it hung, as several requests in a row before it.

        """
        began = time.monotonic()
        seconds = self._patience()
        timeout = httpx.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS))
        try:
            answer = self._client.request(
                method, path, content=body, headers=dict(headers or {}), timeout=timeout
            )
        except httpx.HTTPError as error:
            waited = timeout.connect if isinstance(error, httpx.ConnectTimeout) else seconds
            raise self._failed(f"{method} {path}", error, waited or seconds) from None
        self._answered, self._hung = True, 0
        seconds = time.monotonic() - began
        return Answer(
            f"{method} {path}", answer.status_code, answer.headers, answer.content, seconds, self._secrets
        )

    def announce(self, path: str, length: int) -> Answer:
        """Send the headers of a POST with a body of `length` bytes, and none of the body."""
        began = time.monotonic()
        url = self._client.base_url
        connection = (
            http.client.HTTPSConnection(url.host, url.port, timeout=_CONNECT_SECONDS, context=self._tls)
            if url.scheme == "https"
            else http.client.HTTPConnection(url.host, url.port, timeout=_CONNECT_SECONDS)
        )
        full = url.path.rstrip("/") + path
        headers = {**self._target.headers, "content-type": "application/json", "content-length": str(length)}
        with contextlib.closing(connection):
            try:
                connection.putrequest("POST", full)
                for name, value in headers.items():
                    connection.putheader(name, value)
                connection.endheaders()
                response = connection.getresponse()
                found = {name.lower(): value for name, value in response.getheaders()}
                body = response.read()
            except (OSError, http.client.HTTPException) as error:
                what = f"POST {path} with content-length {length}"
                raise self._failed(what, error, _CONNECT_SECONDS) from None
        return Answer(f"POST {path}", response.status, found, body, time.monotonic() - began, self._secrets)

    def connect_seconds(self) -> float:
        """Return the time that a TCP connection takes, at best of three."""
        url = self._client.base_url
        port = url.port or (443 if url.scheme == "https" else 80)
        best = float("inf")
        for _ in range(3):
            began = time.monotonic()
            try:
                socket.create_connection((url.host, port), timeout=_CONNECT_SECONDS).close()
            except OSError as error:
                raise DidNotHold(f"no TCP connection: {error.strerror or type(error).__name__}") from None
            best = min(best, time.monotonic() - began)
        return best

    def _patience(self) -> float:
        """Return the seconds that the next answer may take."""
        if self._hung:
            return min(self._target.seconds, _HUNG_SECONDS)
        return self._target.seconds if self._answered else min(self._target.seconds, _FIRST_SECONDS)

    def _failed(self, request: str, error: Exception, seconds: float) -> DidNotHold | UnreachableError:
        url = self._client.base_url
        why = f"{request}: {cause(error, url.scheme, seconds, first=not self._answered)}"
        if isinstance(error, (httpx.TimeoutException, TimeoutError)):
            self._hung += 1
            if self._hung >= _MOST_HUNG:
                return UnreachableError(f"{why}, as to {_MOST_HUNG - 1} requests before it: given up")
        return DidNotHold(why)


def _tls(target: Target) -> ssl.SSLContext:
    if urlsplit(target.url).scheme not in ("http", "https"):
        raise UnreachableError("not an http or https URL")
    try:
        context = ssl.create_default_context(cafile=target.ca)
    except (OSError, ssl.SSLError) as error:
        raise UnreachableError(f"{target.ca} cannot be read as certificates in PEM: {error}") from None
    if target.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
