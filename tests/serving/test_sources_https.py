"""Downloads over https, from a server with a certificate on loopback."""

import hashlib
import logging
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from modelberth_server.sources import https, stream
from modelberth_server.sources.addresses import PrivateHosts
from modelberth_server.sources.https import open_https
from modelberth_server.sources.stream import SourceError, save
from serving.authorities import Authority
from serving.model_sources import Answer, StandIn

LOOPBACK = PrivateHosts.of(["127.0.0.1"])
BODY = bytes(range(256)) * 20_000


@pytest.fixture
def trust(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority.cert))


@pytest.fixture(autouse=True)
def fresh(site: StandIn) -> None:
    site.answers.clear()
    site.seen.clear()


def fetch(
    site: StandIn, path: str, target: Path, trust: ssl.SSLContext, most: int = 1 << 30, **options: Any
) -> str:
    with open_https(site.url + path, **{"allowed": LOOPBACK, "context": trust} | options) as source:
        return save(source, target, "the model", most)


def refused(
    site: StandIn, path: str, target: Path, trust: ssl.SSLContext, message: str, **options: Any
) -> str:
    with pytest.raises(SourceError, match=message) as caught:
        fetch(site, path, target, trust, **options)
    assert "secret" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_file(site: StandIn, trust: ssl.SSLContext, tmp_path: Path, chunked: bool) -> None:
    site.answers["/m.onnx?a=1"] = Answer(body=BODY, chunked=chunked)
    assert fetch(site, "/m.onnx?a=1", tmp_path / "m", trust) == hashlib.sha256(BODY).hexdigest()
    assert (tmp_path / "m").read_bytes() == BODY
    ((_, headers),) = site.seen
    assert headers["accept-encoding"] == "identity"
    assert "authorization" not in headers


def test_redirects_are_followed_without_credentials(
    site: StandIn, trust: ssl.SSLContext, tmp_path: Path
) -> None:
    site.answers["/m.onnx"] = Answer(302, headers={"location": "/1?sig=secret"})
    site.answers["/1?sig=secret"] = Answer(307, headers={"location": f"{site.url}/2"})
    site.answers["/2"] = Answer(body=b"x")
    fetch(site, "/m.onnx", tmp_path / "m", trust, headers={"Authorization": "Bearer secret"})
    assert [("authorization" in headers) for _, headers in site.seen] == [True, False, False]


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("http://127.0.0.1/x", "only https"),
        ("file:///etc/passwd", "only https"),
        ("https://user:secret@127.0.0.1/x", "without a login"),
        ("https://169.254.169.254/latest/meta-data", "no model is fetched from"),
        ("https://[::ffff:169.254.169.254]/", "no model is fetched from"),
        ("https://10.0.0.1/x", "not a public one"),
        ("https://[::1]/x", "not a public one"),
        ("//192.168.0.1/x", "not a public one"),
        ("https://127.0.0.1:99999/", "Port out of range"),
        ("https://[::1/x", "Invalid IPv6"),
        ("/a b", "URL can't contain control characters"),
        ("/loop", "redirected more than 5 times"),
    ],
)
def test_each_redirect_is_checked(
    site: StandIn, trust: ssl.SSLContext, tmp_path: Path, location: str, message: str
) -> None:
    site.answers["/m.onnx"] = Answer(302, headers={"location": location})
    site.answers["/loop"] = Answer(301, headers={"location": "/loop"})
    refused(site, "/m.onnx", tmp_path / "m", trust, message)
    assert len(site.seen) <= 6


def test_the_host_is_resolved_once_and_that_address_connected_to(
    site: StandIn, trust: ssl.SSLContext, tmp_path: Path
) -> None:
    """A name that has another address a moment later gets nothing: there is no second look."""
    asked: list[str] = []

    def rebinding(host: str, port: int, **_: object) -> list[Any]:
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "169.254.169.254"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    site.answers["/m.onnx"] = Answer(body=b"x")
    fetch(site, "/m.onnx", tmp_path / "m", trust, resolve=rebinding)
    assert asked == ["127.0.0.1"]
    site.answers["/m.onnx"] = Answer(302, headers={"location": "/2"})
    refused(site, "/m.onnx", tmp_path / "n", trust, "169.254.169.254, which no model", resolve=rebinding)


def test_the_certificate_is_checked_against_the_name(
    site: StandIn, trust: ssl.SSLContext, tmp_path: Path
) -> None:
    def resolve(host: str, port: int, **_: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    site.answers["/m.onnx"] = Answer(body=b"x")
    site_by_name = StandIn(port=site.port, host="models.corp")
    named = PrivateHosts.of(["models.corp"])
    message = r"certificate is not valid: .*models\.corp"
    refused(site_by_name, "/m.onnx", tmp_path / "m", trust, message, allowed=named, resolve=resolve)
    refused(site, "/m.onnx", tmp_path / "m", ssl.create_default_context(), "certificate is not valid")
    assert site.seen == []


@pytest.mark.parametrize("allowed", [PrivateHosts(), PrivateHosts.of(["10.0.0.0/8"])])
def test_loopback_is_private(
    site: StandIn, trust: ssl.SSLContext, tmp_path: Path, allowed: PrivateHosts
) -> None:
    refused(site, "/m.onnx", tmp_path / "m", trust, "not a public one", allowed=allowed)
    assert site.seen == []


def test_a_status_other_than_200(site: StandIn, trust: ssl.SSLContext, tmp_path: Path) -> None:
    for status in (204, 206, 304, 401, 403, 404, 500):
        site.answers["/m.onnx?sig=secret"] = Answer(status)
        refused(site, "/m.onnx?sig=secret", tmp_path / "m", trust, f"/m.onnx: answered with status {status}")
    assert not (tmp_path / "m").exists()


def test_more_bytes_than_allowed(site: StandIn, trust: ssl.SSLContext, tmp_path: Path) -> None:
    site.answers["/long"] = Answer(body=BODY)
    site.answers["/endless"] = Answer(body=BODY, chunked=True)
    refused(site, "/long", tmp_path / "a", trust, "has 5120000 bytes, at most 1000 are fetched", most=1000)
    assert not (tmp_path / "a").exists()
    refused(site, "/endless", tmp_path / "b", trust, "has more than 1000 bytes", most=1000)
    assert (tmp_path / "b").stat().st_size <= 1000


def test_a_length_that_lies(site: StandIn, trust: ssl.SSLContext, tmp_path: Path) -> None:
    site.answers["/short"] = Answer(body=b"x" * 500, length=1000)
    refused(site, "/short", tmp_path / "a", trust, "ended after 500 of 1000 bytes|IncompleteRead")
    site.answers["/long"] = Answer(body=b"x" * 500, length=100)
    assert fetch(site, "/long", tmp_path / "b", trust) == hashlib.sha256(b"x" * 100).hexdigest()


def test_a_server_that_says_nothing(
    trust: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(https, "CONNECT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        site = StandIn(port=silent.getsockname()[1])
        refused(site, "/m.onnx", tmp_path / "m", trust, "timed out")
    refused(site, "/m.onnx", tmp_path / "m", trust, "Connection refused")


def test_a_download_has_an_end(
    site: StandIn, trust: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(https, "TOTAL_SECONDS", -1.0)
    site.answers["/m.onnx"] = Answer(body=b"x")
    refused(site, "/m.onnx", tmp_path / "m", trust, "not done after")


def test_big_files_tell_how_far_they_are(
    site: StandIn, trust: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    site.answers["/m.onnx"] = Answer(body=BODY)
    with caplog.at_level(logging.INFO):
        fetch(site, "/m.onnx", tmp_path / "a", trust)
        assert len(caplog.messages) == 1
        caplog.clear()
        monkeypatch.setattr(stream, "_QUIET_BYTES", 1)
        fetch(site, "/m.onnx", tmp_path / "b", trust)
    assert 5 <= len(caplog.messages) <= 11
    assert caplog.messages[-1].startswith("the model: fetched 5120000 bytes in ")
    assert " of 4 MiB" in caplog.messages[0]
