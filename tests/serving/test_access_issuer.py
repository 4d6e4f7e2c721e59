"""An issuer on loopback: discovery, refreshes, and everything that it can do wrong."""

import asyncio
import contextlib
import hashlib
import json
import logging
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from modelberth_server.access.access import Access
from modelberth_server.access.fetch import FetchError, check_url, fetch
from modelberth_server.access.issuer_keys import IssuerKeys
from modelberth_server.access.tokens import Tokens
from modelberth_server.errors import RequestError
from modelberth_server.settings import Settings
from serving.authorities import Authority
from serving.test_access_tokens import (
    AUDIENCE,
    ISSUER,
    RIGHT,
    RSA_KEY,
    RSA_OTHER,
    caller,
    ed_jwk,
    key_set,
    refusal,
    request,
    rsa_jwk,
    token,
)

DISCOVERY = f"{ISSUER}/.well-known/openid-configuration"
KEYS = "https://keys.example/jwks"
OLD, NEW = key_set(rsa_jwk(RSA_KEY, "rsa")).source, key_set(rsa_jwk(RSA_OTHER, "next"), ed_jwk()).source


class Issuer:
    """Answers for the addresses of an issuer, or fails as it is told."""

    def __init__(self) -> None:
        discovery = {"issuer": ISSUER, "jwks_uri": KEYS}
        self.answers: dict[str, bytes | Exception] = {DISCOVERY: json.dumps(discovery).encode(), KEYS: OLD}
        self.asked: list[str] = []

    def __call__(self, url: str) -> bytes:
        self.asked.append(url)
        answer = self.answers[url]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def running(keys: IssuerKeys) -> Any:
    task = asyncio.create_task(keys.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("address", [None, KEYS])
def test_keys_are_found(issuer: Issuer, address: str | None) -> None:
    keys = IssuerKeys(ISSUER, address, fetch=issuer)
    asyncio.run(keys.refresh())
    assert caller(Tokens(ISSUER, AUDIENCE, 30, keys), RIGHT) == "jwt:alice"
    assert issuer.asked == ([KEYS] if address else [DISCOVERY, KEYS])


def test_an_issuer_with_a_slash_at_its_end(issuer: Issuer) -> None:
    named = f"{ISSUER}/"
    issuer.answers[DISCOVERY] = json.dumps({"issuer": named, "jwks_uri": KEYS}).encode()
    keys = IssuerKeys(named, None, fetch=issuer)
    asyncio.run(keys.refresh())
    assert keys.keys is not None


@pytest.mark.parametrize(
    ("url", "answer", "fault"),
    [
        (DISCOVERY, FetchError("down"), "down"),
        (DISCOVERY, b"<html>", "not JSON"),
        (DISCOVERY, b"[]", "its issuer is not"),
        (DISCOVERY, b"[" * 5000, "not JSON"),
        (
            DISCOVERY,
            json.dumps({"issuer": "https://evil.example", "jwks_uri": KEYS}).encode(),
            "its issuer is",
        ),
        (DISCOVERY, json.dumps({"issuer": ISSUER}).encode(), "jwks_uri: None"),
        (DISCOVERY, json.dumps({"issuer": ISSUER, "jwks_uri": "http://keys.example"}).encode(), "jwks_uri"),
        (DISCOVERY, json.dumps({"issuer": ISSUER, "jwks_uri": "file:///etc/passwd"}).encode(), "jwks_uri"),
        (KEYS, FetchError("down"), "down"),
        (KEYS, b"{}", "no JSON Web Key Set"),
        (KEYS, b'{"keys":[{"kty":"oct","k":"AA"}]}', "no usable key"),
        (KEYS, RuntimeError("a bug"), "unexpected error"),
    ],
)
def test_a_failure_is_logged_and_the_last_keys_stay(
    issuer: Issuer, url: str, answer: bytes | Exception, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    keys = IssuerKeys(ISSUER, None, fetch=issuer)
    good = issuer.answers[url]
    issuer.answers[url] = answer
    asyncio.run(keys.refresh())
    assert keys.keys is None
    assert fault in caplog.text
    assert "answered with 503" in caplog.text
    issuer.answers[url] = good
    asyncio.run(keys.refresh())
    known = keys.keys
    assert known is not None
    caplog.clear()
    issuer.answers[url] = answer
    asyncio.run(keys.refresh())
    assert keys.keys is known
    assert "the last ones stay" in caplog.text


def test_the_same_keys_again_are_the_same_object(issuer: Issuer) -> None:
    # Or every refresh would make every token be verified anew.
    keys = IssuerKeys(ISSUER, None, fetch=issuer)
    asyncio.run(keys.refresh())
    known = keys.keys
    asyncio.run(keys.refresh())
    assert keys.keys is known
    issuer.answers[KEYS] = NEW
    asyncio.run(keys.refresh())
    assert keys.keys is not known


def test_refreshed_in_time(issuer: Issuer) -> None:
    async def scenario() -> None:
        keys = IssuerKeys(ISSUER, KEYS, fetch=issuer, refresh_seconds=0.01)
        await keys.refresh()
        issuer.answers[KEYS] = NEW
        async with running(keys):
            await until(lambda: keys.keys is not None and keys.keys.knows("next"))

    asyncio.run(scenario())
    assert len(issuer.asked) >= 2


def test_tried_again_soon_after_a_failure(issuer: Issuer) -> None:
    async def scenario() -> None:
        issuer.answers[KEYS] = FetchError("down")
        keys = IssuerKeys(ISSUER, KEYS, fetch=issuer, retry_seconds=0.01)
        await keys.refresh()
        async with running(keys):
            await until(lambda: len(issuer.asked) >= 4)
            issuer.answers[KEYS] = OLD
            await until(lambda: keys.keys is not None)

    asyncio.run(scenario())


def test_unknown_kids_ask_at_most_once_in_ten_seconds(issuer: Issuer) -> None:
    async def scenario() -> None:
        clock = Clock()
        keys = IssuerKeys(ISSUER, KEYS, fetch=issuer, clock=clock)
        await keys.refresh()
        verifier = Tokens(ISSUER, AUDIENCE, 30, keys)
        rotated = token(key=RSA_OTHER, kid="next")
        issuer.answers[KEYS] = NEW
        async with running(keys):
            clock.now += 3.5
            for number in range(100):
                error = refusal(verifier, token(kid=f"invented-{number}"))
                assert (error.status, dict(error.headers)["Retry-After"]) == (401, "7")
            await asyncio.sleep(0.05)
            assert len(issuer.asked) == 1
            clock.now += 6.5
            assert dict(refusal(verifier, rotated).headers)["Retry-After"] == "1"
            await until(lambda: len(issuer.asked) == 2 and keys.keys is not None and keys.keys.knows("next"))
            assert caller(verifier, rotated) == "jwt:alice"
            for number in range(100):
                assert refusal(verifier, token(kid=f"again-{number}")).status == 401
            await asyncio.sleep(0.05)
            assert len(issuer.asked) == 2

    asyncio.run(scenario())


def test_a_slow_issuer_blocks_neither_the_loop_nor_the_end() -> None:
    release = threading.Event()

    def slow(url: str) -> bytes:
        assert release.wait(10)
        return OLD

    async def scenario() -> int:
        environ = {
            "MODELBERTH_JWT_ISSUER": ISSUER,
            "MODELBERTH_JWT_AUDIENCE": AUDIENCE,
            "MODELBERTH_JWT_JWKS": KEYS,
        }
        guard = Access.from_settings(Settings.from_environ(environ), fetch=slow)
        starting = asyncio.create_task(guard.start())
        turns = 0
        for _ in range(20):
            await asyncio.sleep(0.001)
            with pytest.raises(RequestError) as caught:
                guard.check(request(authorization=b"Bearer " + RIGHT))
            turns += caught.value.status == 503
        release.set()
        await starting
        guard.check(request(authorization=b"Bearer " + RIGHT))
        await guard.close()
        return turns

    assert asyncio.run(scenario()) == 20


def test_an_unreachable_issuer_does_not_stop_the_start_nor_the_callers_with_keys(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"bob {hashlib.sha256(b'b').hexdigest()}\n")
    environ = {
        "MODELBERTH_JWT_ISSUER": ISSUER,
        "MODELBERTH_JWT_AUDIENCE": AUDIENCE,
        "MODELBERTH_API_KEYS_FILE": str(tmp_path / "keys"),
    }

    def down(url: str) -> bytes:
        raise FetchError(f"{url}: connection refused")

    async def scenario() -> None:
        guard = Access.from_settings(Settings.from_environ(environ), fetch=down)
        await guard.start()
        guard.check(request(x_api_key=b"b"))
        with pytest.raises(RequestError) as caught:
            guard.check(request(authorization=b"Bearer " + RIGHT))
        assert caught.value.status == 503
        await guard.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scenario())


def test_a_changed_file_is_found_by_the_running_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelberth_server.access.access.POLL_SECONDS", 0.01)
    path = tmp_path / "keys"
    path.write_text(f"bob {hashlib.sha256(b'b').hexdigest()}\n")

    async def scenario() -> None:
        guard = Access.from_settings(Settings.from_environ({"MODELBERTH_API_KEYS_FILE": str(path)}))
        await guard.start()
        path.write_text(f"robert {hashlib.sha256(b'r').hexdigest()}\n")

        def is_in() -> bool:
            try:
                guard.check(request(x_api_key=b"r"))
            except RequestError:
                return False
            return True

        await until(is_in)
        await guard.close()

    asyncio.run(scenario())


class Handler(BaseHTTPRequestHandler):
    """A host with good and bad documents."""

    def do_GET(self) -> None:
        with contextlib.suppress(OSError):
            getattr(self, self.path.strip("/"))()

    def log_message(self, *_: Any) -> None:
        pass

    def _send(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def keys(self) -> None:
        self._send(200, OLD)

    def missing(self) -> None:
        self._send(404, b"no")

    def broken(self) -> None:
        self._send(500)

    def moved(self) -> None:
        self._send(302, Location="/keys")

    def inside(self) -> None:
        self._send(307, Location="http://169.254.169.254/latest/meta-data")

    def huge(self) -> None:
        self._send(200, b" " * 300_000)

    def endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        while True:
            self.wfile.write(b" " * 65536)

    def silent(self) -> None:
        time.sleep(3)

    def slow_head(self) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 60:
            self.wfile.write(bytes([byte]))
            time.sleep(0.05)

    def slow_body(self) -> None:
        self.send_response(200)
        self.end_headers()
        for _ in range(60):
            self.wfile.write(b" ")
            time.sleep(0.05)

    def cut(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"{")

    def nonsense(self) -> None:
        self.wfile.write(b"\x00\x01\x02 nonsense\r\n\r\n")


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that refuses our certificate is no error of this test."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "issuers")


@pytest.fixture(scope="module")
def host(authority: Authority) -> Iterator[str]:
    pair = authority.issue("issuer")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert, pair.key)
    server = QuietServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"https://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_fetched_over_https(host: str, authority: Authority) -> None:
    assert fetch(f"{host}/keys", context=authority.client()) == OLD


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("missing", "status 404"),
        ("broken", "status 500"),
        ("moved", "status 302"),
        ("inside", "status 307"),
        ("huge", "larger than 262144 bytes"),
        ("endless", "larger than 262144 bytes"),
        ("silent", r"no answer within 0\.3 s|timed out"),
        ("slow_head", r"no answer within 0\.3 s"),
        ("slow_body", r"no answer within 0\.3 s"),
        ("cut", "broke off after 1 bytes"),
        ("nonsense", "nonsense|BadStatusLine"),
    ],
)
def test_a_bad_answer_is_an_error_within_bounds(
    host: str, authority: Authority, path: str, fault: str
) -> None:
    # The bound counts the writes of a slow sender (3 s): it is cut before it comes to its end.
    with pytest.raises(FetchError, match=fault) as caught:
        fetch(
            f"{host}/{path}",
            context=authority.client(),
            seconds=0.3 if "slow" in path or path == "silent" else 5,
        )
    assert str(caught.value).startswith(host)


def test_a_stranger_in_the_issuers_place(host: str) -> None:
    with pytest.raises(FetchError, match="CERTIFICATE_VERIFY_FAILED"):
        fetch(f"{host}/keys")


def test_nobody_there(authority: Authority) -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as closed:
        port = closed.server_address[1]
    with pytest.raises(FetchError, match="refused"):
        fetch(f"https://127.0.0.1:{port}/keys", context=authority.client())


@pytest.mark.parametrize(
    "url",
    [
        "http://keys.example/jwks",
        "file:///etc/passwd",
        "ftp://keys.example",
        "https://",
        "https:///path",
        "https://user:word@keys.example/",
        "https://keys.example/\r\nX: y",
        "https://keys.example/ü",
        "https://keys.example:port/",
        "https://[::1/",
        "",
        None,
        7,
    ],
)
def test_no_address_of_keys(url: Any) -> None:
    with pytest.raises(ValueError, match="allowed is https://HOST"):
        check_url(url)
    if isinstance(url, str):
        with pytest.raises(FetchError):
            fetch(url)


def test_the_whole_way(host: str, authority: Authority) -> None:
    async def scenario() -> str:
        environ = {
            "MODELBERTH_JWT_ISSUER": ISSUER,
            "MODELBERTH_JWT_AUDIENCE": AUDIENCE,
            "MODELBERTH_JWT_JWKS": f"{host}/keys",
        }
        context = authority.client()
        guard = Access.from_settings(
            Settings.from_environ(environ), fetch=lambda url: fetch(url, context=context)
        )
        await guard.start()
        asked = request(authorization=b"Bearer " + RIGHT)
        guard.check(asked)
        await guard.close()
        return asked.caller

    assert asyncio.run(scenario()) == "jwt:alice"


def test_warnings_and_news_are_logged(issuer: Issuer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        asyncio.run(IssuerKeys(ISSUER, None, fetch=issuer).refresh())
    assert "rsa" in caplog.text
