"""TLS with real handshakes on loopback, in both event loops that the server may run in."""

import asyncio
import contextlib
import logging
import os
import ssl
import warnings
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, cast

import pytest
import uvloop

import modelberth_server.access.tls as tls_module
from modelberth_server.access.access import Access
from modelberth_server.access.tls import Tls, certificate_caller
from modelberth_server.errors import RequestError, SettingsError
from modelberth_server.http.message import Request, Response
from modelberth_server.settings import Settings
from serving.authorities import Authority, Pair

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, Any]], Any]:
    def in_loop(coroutine: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            return runner.run(coroutine)

    return in_loop


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ours")


@pytest.fixture
def callers(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "callers")


@pytest.fixture
def server(ours: Authority) -> Pair:
    return ours.issue("server")


def environ(pair: Pair, **more: str) -> dict[str, str]:
    return {"MODELBERTH_TLS_CERT_FILE": str(pair.cert), "MODELBERTH_TLS_KEY_FILE": str(pair.key), **more}


def guarded(pair: Pair, **more: str) -> Access:
    return Access.from_settings(Settings.from_environ(environ(pair, **more)))


class NoSink:
    def answer(self, request: Request, response: Response) -> None:
        raise AssertionError("a check answers nothing")


class Connection(asyncio.Protocol):
    """Does what the server's connection does: takes the certificate's name once, and checks each request."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._caller = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transport has the methods, and not the class.
        self._transport = cast("asyncio.Transport", transport)
        self._caller = certificate_caller(transport.get_extra_info("peercert"))

    def data_received(self, data: bytes) -> None:
        request = Request("POST", "/predict", {}, data, NoSink(), peer="127.0.0.1")
        request.caller = self._caller
        try:
            self._access.check(request)
        except RequestError as error:
            self._transport.write(b"%d " % error.status + error.message.encode())
        else:
            self._transport.write(b"200 " + request.caller.encode())
        self._transport.close()


async def ask(
    port: int, context: ssl.SSLContext, host: str | None = "127.0.0.1"
) -> tuple[str, ssl.SSLObject]:
    """Return what the server answers, and the connection; OSError where it does not let us in."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=host)
    try:
        writer.write(b"{}")
        async with asyncio.timeout(10):
            # In TLS 1.3 a client learns that its certificate is refused only when it reads.
            answer = await reader.read()
        if not answer:
            raise ConnectionResetError("closed without an answer")
        return answer.decode(), writer.get_extra_info("ssl_object")
    finally:
        writer.transport.abort()


class Listening:
    def __init__(self, access: Access) -> None:
        self._access = access
        self._faults: list[dict[str, Any]] = []

    def _note(self, _loop: object, context: dict[str, Any]) -> None:
        # Refused handshakes are what is tested here, and asyncio reports them.
        if not isinstance(context.get("exception"), OSError):
            self._faults.append(context)

    async def __aenter__(self) -> int:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._note)
        assert self._access.tls is not None
        self._server = await loop.create_server(
            lambda: Connection(self._access), "127.0.0.1", 0, ssl=self._access.tls.context
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()
        assert not self._faults


async def once(access: Access, context: ssl.SSLContext) -> tuple[str, ssl.SSLObject]:
    async with Listening(access) as port:
        return await ask(port, context)


def handshake(
    server: ssl.SSLContext, client: ssl.SSLContext, session: ssl.SSLSession | None
) -> ssl.SSLObject:
    """Connect in memory and say a word; return the client's end, which then has a session to resume."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    caller = client.wrap_bio(to_client, to_server, server_hostname="127.0.0.1", session=session)
    called = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for end in (caller, called):
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()
    called.write(b"x")
    assert caller.read(1) == b"x"
    return caller


def test_a_session_is_not_resumed_where_certificates_count(
    server: Pair, mutual: Access, ours: Authority, callers: Authority
) -> None:
    client = ours.client(callers.issue("team-a"))
    client.minimum_version = ssl.TLSVersion.TLSv1_3
    resumed = []
    for access in (guarded(server), mutual):
        assert access.tls is not None
        first = handshake(access.tls.context, client, None)
        resumed.append(handshake(access.tls.context, client, first.session).session_reused)
    assert resumed == [True, False]


def why(access: Access, client: ssl.SSLContext) -> str | None:
    """Return the server's reason to refuse a client: asyncio closes before it has told it."""
    assert access.tls is not None
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname="127.0.0.1"),
        access.tls.context.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError as error:
                assert end is ends[1], "it was the client that refused"
                return error.reason
    return None


def test_plain_http_where_nothing_is_configured() -> None:
    access = Access.from_settings(Settings.from_environ({}))
    assert access.tls is None
    assert access.is_open


def test_a_client_without_a_certificate_where_none_is_asked_for(
    run: Any, server: Pair, ours: Authority
) -> None:
    access = guarded(server)
    assert access.is_open
    client = ours.client()
    client.set_alpn_protocols(["h2", "http/1.1"])
    answer, connection = run(once(access, client))
    assert answer == "200 "
    assert (connection.version(), connection.selected_alpn_protocol()) == ("TLSv1.3", "http/1.1")


def test_a_client_that_does_not_know_our_authority(run: Any, server: Pair, callers: Authority) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        run(once(guarded(server), callers.client()))


@pytest.fixture
def mutual(server: Pair, callers: Authority) -> Access:
    return guarded(server, MODELBERTH_TLS_CLIENT_CA_FILE=str(callers.cert))


REFUSED = (ssl.SSLError, ConnectionError)
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("common_name", "uri", "caller"),
    [
        ("team-a", None, "200 cert:team-a"),
        ("team-a", "spiffe://cluster/ns/x/sa/y", "200 cert:spiffe://cluster/ns/x/sa/y"),
        ("Jörg's laptop", None, "200 cert:Jörg's laptop"),
        (None, None, "403 client certificate: it has no URI, common name or DNS name"),
        ("two\nlines", None, "403 client certificate: it has no URI, common name or DNS name"),
    ],
)
def test_a_caller_is_named_by_its_certificate(
    run: Any,
    mutual: Access,
    ours: Authority,
    callers: Authority,
    version: ssl.TLSVersion,
    common_name: str | None,
    uri: str | None,
    caller: str,
) -> None:
    assert not mutual.is_open
    client = ours.client(callers.issue(common_name, uri=uri, stem="client"))
    client.minimum_version = client.maximum_version = version
    assert run(once(mutual, client))[0] == caller


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("none", "PEER_DID_NOT_RETURN_A_CERTIFICATE"),
        ("of another authority", "CERTIFICATE_VERIFY_FAILED"),
        ("of the server's authority", "CERTIFICATE_VERIFY_FAILED"),
        ("expired", "CERTIFICATE_VERIFY_FAILED"),
        ("good", None),
    ],
)
def test_only_a_good_certificate_gets_a_connection(
    run: Any,
    mutual: Access,
    tmp_path: Path,
    ours: Authority,
    callers: Authority,
    version: ssl.TLSVersion,
    fault: str,
    reason: str | None,
) -> None:
    pairs: dict[str, Callable[[], Pair | None]] = {
        "none": lambda: None,
        "of another authority": lambda: Authority(tmp_path, "strangers").issue("team-a"),
        "of the server's authority": lambda: ours.issue("team-a"),
        "expired": lambda: callers.issue("team-a", expired=True),
        "good": lambda: callers.issue("team-a"),
    }
    client = ours.client(pairs[fault]())
    client.minimum_version = client.maximum_version = version
    assert why(mutual, client) == reason
    if reason is None:
        assert run(once(mutual, client))[0] == "200 cert:team-a"
        return
    with pytest.raises(REFUSED):
        run(once(mutual, client))


@pytest.mark.parametrize(
    ("least", "highest", "is_let_in"),
    [
        ("1.2", "TLSv1_1", False),
        ("1.2", "TLSv1_2", True),
        ("1.3", "TLSv1_2", False),
        ("1.3", "TLSv1_3", True),
    ],
)
def test_old_versions(
    run: Any, server: Pair, ours: Authority, least: str, highest: str, is_let_in: bool
) -> None:
    access = guarded(server, MODELBERTH_TLS_MIN_VERSION=least)
    client = ours.client()
    # OpenSSL 3 offers the old versions only at this level.
    client.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        client.minimum_version = ssl.TLSVersion.TLSv1
        client.maximum_version = ssl.TLSVersion[highest]
    if is_let_in:
        assert run(once(access, client))[0] == "200 "
        return
    assert why(access, client) == "UNSUPPORTED_PROTOCOL"
    with pytest.raises(REFUSED):
        run(once(access, client))


def serial(connection: ssl.SSLObject) -> str:
    certificate = connection.getpeercert()
    assert certificate is not None
    return str(certificate["serialNumber"])


@pytest.mark.parametrize("version", VERSIONS)
def test_rotation_is_seen_by_the_next_handshake(
    run: Any, server: Pair, ours: Authority, version: ssl.TLSVersion, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        access = guarded(server)
        client = ours.client()
        client.minimum_version = client.maximum_version = version
        async with Listening(access) as port:
            first = serial((await ask(port, client))[1])
            ours.issue("server")
            assert serial((await ask(port, client))[1]) == first
            access.refresh()
            second = serial((await ask(port, client))[1])
            assert second != first
            # A client that names no host is served the new one as well.
            client.check_hostname = False
            assert serial((await ask(port, client, ""))[1]) == second
            client.check_hostname = True

            good = server.key.read_bytes()
            for damage in (b"", b"nonsense", ours.issue("another").key.read_bytes()):
                server.key.write_bytes(damage)
                caplog.clear()
                for _ in range(3):
                    access.refresh()
                assert serial((await ask(port, client))[1]) == second
                errors = [record for record in caplog.records if record.levelno == logging.ERROR]
                assert len(errors) == 1
                assert errors[0].getMessage().startswith("MODELBERTH_TLS_KEY_FILE: ")
            server.cert.unlink()
            access.refresh()
            assert serial((await ask(port, client))[1]) == second
            ours.issue("server")
            assert server.key.read_bytes() != good
            access.refresh()
            assert serial((await ask(port, client))[1]) not in {first, second}

    run(scenario())


@pytest.mark.parametrize("version", VERSIONS)
def test_an_authority_can_be_taken_back(
    run: Any, server: Pair, tmp_path: Path, ours: Authority, version: ssl.TLSVersion
) -> None:
    async def scenario() -> None:
        old, new = Authority(tmp_path, "old"), Authority(tmp_path, "new")
        bundle = tmp_path / "bundle.pem"
        bundle.write_bytes(old.cert.read_bytes())
        access = guarded(server, MODELBERTH_TLS_CLIENT_CA_FILE=str(bundle))
        before, after = ours.client(old.issue("a")), ours.client(new.issue("b"))
        for client in (before, after):
            client.minimum_version = client.maximum_version = version
        async with Listening(access) as port:
            assert (await ask(port, before))[0] == "200 cert:a"
            with pytest.raises(REFUSED):
                await ask(port, after)
            bundle.write_bytes(old.cert.read_bytes() + new.cert.read_bytes())
            access.refresh()
            assert [(await ask(port, client))[0] for client in (before, after)] == [
                "200 cert:a",
                "200 cert:b",
            ]
            bundle.write_bytes(new.cert.read_bytes())
            access.refresh()
            assert (await ask(port, after))[0] == "200 cert:b"
            with pytest.raises(REFUSED):
                await ask(port, before)

    run(scenario())


def test_the_link_of_kubernetes(tmp_path: Path, ours: Authority) -> None:
    pairs = []
    for number in (1, 2):
        pair = ours.issue("server", stem=f"pair-{number}")
        folder = tmp_path / f"..{number}"
        folder.mkdir()
        for source, name in ((pair.cert, "tls.crt"), (pair.key, "tls.key")):
            source.rename(folder / name)
            os.utime(folder / name, (1, 1))
        pairs.append(folder)
    data = tmp_path / "..data"
    data.symlink_to("..1")
    for name in ("tls.crt", "tls.key"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    tls = Tls(tmp_path / "tls.crt", tmp_path / "tls.key", None, "1.2")
    first = tls._current
    tls.refresh()
    assert tls._current is first
    (tmp_path / "..next").symlink_to("..2")
    (tmp_path / "..next").rename(data)
    tls.refresh()
    assert tls._current is not first


def test_a_link_that_turns_while_the_files_are_read(
    tmp_path: Path, ours: Authority, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for number in (1, 2, 3):
        (tmp_path / f"..{number}").mkdir()
        pair = ours.issue("server", stem=f"..{number}/tls")
        assert pair.key.exists()
    data = tmp_path / "..data"

    def turn(number: int) -> None:
        (tmp_path / "..next").symlink_to(f"..{number}")
        (tmp_path / "..next").rename(data)

    turn(1)
    tls = Tls(data / "tls.crt", data / "tls.key", None, "1.2")
    seen = [tls._current]
    load = tls_module._load_authorities

    def load_and_turn(*arguments: Any) -> None:
        load(*arguments)
        turn(3)

    turn(2)
    with monkeypatch.context() as patch:
        patch.setattr(tls_module, "_load_authorities", load_and_turn)
        tls.refresh()
    seen.append(tls._current)
    tls.refresh()
    seen.append(tls._current)
    assert len(set(map(id, seen))) == 3
    assert not caplog.records


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        (
            {"MODELBERTH_TLS_KEY_FILE": None},
            "MODELBERTH_TLS_KEY_FILE: required with MODELBERTH_TLS_CERT_FILE",
        ),
        (
            {"MODELBERTH_TLS_CERT_FILE": None},
            "MODELBERTH_TLS_CERT_FILE: required with MODELBERTH_TLS_KEY_FILE",
        ),
        (
            {
                "MODELBERTH_TLS_CERT_FILE": None,
                "MODELBERTH_TLS_KEY_FILE": None,
                "MODELBERTH_TLS_CLIENT_CA_FILE": "ca",
            },
            "MODELBERTH_TLS_CERT_FILE: required with MODELBERTH_TLS_CLIENT_CA_FILE",
        ),
        ({"MODELBERTH_TLS_CERT_FILE": "none"}, "MODELBERTH_TLS_CERT_FILE: .*none: No such file"),
        ({"MODELBERTH_TLS_KEY_FILE": "none"}, "MODELBERTH_TLS_KEY_FILE: .*none: No such file"),
        ({"MODELBERTH_TLS_CLIENT_CA_FILE": "none"}, "MODELBERTH_TLS_CLIENT_CA_FILE: .*none: No such file"),
        ({"MODELBERTH_TLS_CERT_FILE": "nonsense"}, "MODELBERTH_TLS_CERT_FILE: .*no certificate in it"),
        ({"MODELBERTH_TLS_CERT_FILE": "empty"}, "MODELBERTH_TLS_CERT_FILE: .*no certificate in it"),
        (
            {"MODELBERTH_TLS_CERT_FILE": "torn"},
            "MODELBERTH_TLS_CERT_FILE: .*torn is not a certificate in PEM",
        ),
        ({"MODELBERTH_TLS_CERT_FILE": "server.key"}, "MODELBERTH_TLS_CERT_FILE: .*no certificate in it"),
        ({"MODELBERTH_TLS_KEY_FILE": "nonsense"}, "MODELBERTH_TLS_KEY_FILE: .*no private key in PEM"),
        ({"MODELBERTH_TLS_KEY_FILE": "server.crt"}, "MODELBERTH_TLS_KEY_FILE: .*no private key in PEM"),
        (
            {"MODELBERTH_TLS_KEY_FILE": "other.key"},
            "MODELBERTH_TLS_KEY_FILE: .*is not the key of the certificate",
        ),
        ({"MODELBERTH_TLS_KEY_FILE": "locked.key"}, "MODELBERTH_TLS_KEY_FILE: .*is encrypted"),
        (
            {"MODELBERTH_TLS_CLIENT_CA_FILE": "nonsense"},
            "MODELBERTH_TLS_CLIENT_CA_FILE: .*no certificate in it",
        ),
        (
            {"MODELBERTH_TLS_CLIENT_CA_FILE": "torn"},
            "MODELBERTH_TLS_CLIENT_CA_FILE: .*torn is not a certificate",
        ),
        ({"MODELBERTH_TLS_MIN_VERSION": "1.1"}, "MODELBERTH_TLS_MIN_VERSION: '1.1' is not 1.2 or 1.3"),
    ],
)
def test_settings_that_do_not_fit(
    tmp_path: Path, ours: Authority, server: Pair, changes: dict[str, str | None], fault: str
) -> None:
    ours.issue("other")
    ours.issue("locked", passphrase=b"secret")
    (tmp_path / "nonsense").write_bytes(b"\x00\xffnonsense")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "torn").write_bytes(server.cert.read_bytes()[:200] + b"\n-----END CERTIFICATE-----\n")
    whole = environ(server)
    for name, value in changes.items():
        if value is None:
            whole.pop(name)
        else:
            whole[name] = str(tmp_path / value) if name.endswith("_FILE") else value
    with pytest.raises(SettingsError, match=fault):
        Access.from_settings(Settings.from_environ(whole))


@pytest.mark.parametrize(
    ("certificate", "caller"),
    [
        (None, ""),
        ({}, ""),
        ({"subject": ((("organizationName", "x"),),)}, ""),
        ({"subject": ((("commonName", "a" * 256),),)}, ""),
        ({"subject": ((("commonName", ""),),)}, ""),
        ({"subject": ((("organizationName", "x"), ("commonName", "y")),)}, "cert:y"),
        ({"subject": (), "subjectAltName": (("DNS", "a.example"), ("DNS", "b.example"))}, "cert:a.example"),
    ],
)
def test_names_of_certificates(certificate: Any, caller: str) -> None:
    assert certificate_caller(certificate) == caller
