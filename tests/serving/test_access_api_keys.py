"""API keys: the file, its rotation, and requests that carry one."""

import hashlib
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from modelberth_server.access.access import MAX_CREDENTIAL, Access
from modelberth_server.access.api_keys import parse_keys
from modelberth_server.access.new_key import main, new_key
from modelberth_server.errors import RequestError, SettingsError
from modelberth_server.http.message import Request, Response
from modelberth_server.settings import Settings


class NoSink:
    def answer(self, request: Request, response: Response) -> None:
        raise AssertionError("a check answers nothing")


def request(peer: str = "192.0.2.7", **headers: str) -> Request:
    lower = {name.replace("_", "-").lower().encode(): value.encode() for name, value in headers.items()}
    return Request("POST", "/predict", lower, b"", NoSink(), peer=peer)


def line(name: str, key: str) -> str:
    return f"{name} {hashlib.sha256(key.encode()).hexdigest()}\n"


def access(path: Path, **environ: str) -> Access:
    return Access.from_settings(Settings.from_environ({"MODELBERTH_API_KEYS_FILE": str(path), **environ}))


def refused(guard: Access, asked: Request) -> RequestError:
    with pytest.raises(RequestError) as caught:
        guard.check(asked)
    assert asked.caller == ""
    return caught.value


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.write_text("# rotated in May\n\n" + line("alice", "old") + line("alice", "new") + line("bob", "b"))
    return path


@pytest.mark.parametrize(
    ("headers", "caller"),
    [
        ({"x_api_key": "old"}, "key:alice"),
        ({"x_api_key": "new"}, "key:alice"),
        ({"x_api_key": "b"}, "key:bob"),
        ({"authorization": "Bearer b"}, "key:bob"),
        ({"authorization": "bEARER  b "}, "key:bob"),
        # The token of a platform in front, beside the key that is meant for us.
        ({"x_api_key": "b", "authorization": "Bearer of-the-platform"}, "key:bob"),
    ],
)
def test_known_keys(keys: Path, headers: dict[str, str], caller: str) -> None:
    asked = request(**headers)
    access(keys).check(asked)
    assert asked.caller == caller


@pytest.mark.parametrize(
    ("headers", "challenge"),
    [
        ({}, 'Bearer realm="modelberth"'),
        ({"authorization": "Basic Yjo="}, 'Bearer realm="modelberth"'),
        ({"authorization": "Bearer"}, 'Bearer realm="modelberth"'),
        ({"authorization": "Bearer "}, 'Bearer realm="modelberth"'),
        ({"authorization": "b"}, 'Bearer realm="modelberth"'),
        ({"x_api_key": ""}, "not a known key"),
        ({"x_api_key": "B"}, "not a known key"),
        ({"x_api_key": "b "}, "not a known key"),
        ({"x_api_key": hashlib.sha256(b"b").hexdigest()}, "not a known key"),
        ({"x_api_key": "wrong", "authorization": "Bearer b"}, "not a known key"),
        ({"authorization": "Bearer wrong"}, "not a known key"),
        ({"x_api_key": "k" * (MAX_CREDENTIAL + 1)}, "more than 16384 bytes"),
    ],
)
def test_unknown_keys(keys: Path, headers: dict[str, str], challenge: str) -> None:
    error = refused(access(keys), request(**headers))
    assert error.status == 401
    ((name, value),) = error.headers
    assert name == "WWW-Authenticate"
    assert value.startswith('Bearer realm="modelberth"')
    assert challenge in value
    assert ("error=" in value) == (challenge != 'Bearer realm="modelberth"')
    assert "wrong" not in error.message
    assert error.message.startswith(
        "x-api-key:" if "x_api_key" in headers else ("authorization:", "no credential")
    )


def test_another_header(keys: Path) -> None:
    guard = access(keys, MODELBERTH_API_KEY_HEADER="X-Team-Key")
    asked = request(x_team_key="b")
    guard.check(asked)
    assert asked.caller == "key:bob"
    assert "x-team-key" in refused(guard, request(x_api_key="b")).message


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", "no key in it"),
        ("# nobody\n", "no key in it"),
        ("alice\n", "line 1: allowed is NAME SHA256"),
        ("alice secret-in-clear\n", "line 1: allowed is NAME SHA256"),
        (f"\nalice {'a' * 63}\n", "line 2: allowed is NAME SHA256"),
        (f"alice {'a' * 64} more\n", "line 1: allowed is NAME SHA256"),
        (f"al/ice {'a' * 64}\n", "line 1: allowed is NAME SHA256"),
        (f"{'n' * 129} {'a' * 64}\n", "line 1: allowed is NAME SHA256"),
        (f"alice {'a' * 64}\nbob {'A' * 64}\n", "line 2: the same key as in line 1"),
        ("\xff\xfe", "not UTF-8"),
    ],
)
def test_a_bad_file_stops_the_start_and_is_not_quoted(tmp_path: Path, content: str, fault: str) -> None:
    path = tmp_path / "keys"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(SettingsError) as caught:
        access(path)
    assert str(caught.value).startswith(f"MODELBERTH_API_KEYS_FILE: {path}: {fault}")
    assert "secret" not in str(caught.value)


def test_a_missing_file_and_a_huge_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"MODELBERTH_API_KEYS_FILE: .*: No such file"):
        access(tmp_path / "none")
    with pytest.raises(SettingsError, match=r"MODELBERTH_API_KEYS_FILE: .*: Is a directory"):
        access(tmp_path)
    (tmp_path / "huge").write_bytes(b"#" * ((1 << 20) + 1))
    with pytest.raises(SettingsError, match="larger than 1048576 bytes"):
        access(tmp_path / "huge")


def test_authorization_is_no_header_for_keys(keys: Path) -> None:
    with pytest.raises(SettingsError, match="MODELBERTH_API_KEY_HEADER: authorization"):
        access(keys, MODELBERTH_API_KEY_HEADER="Authorization")


def test_rotation_by_a_link_as_kubernetes_does_it(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"..{number}").mkdir()
        generation = tmp_path / f"..{number}" / "keys"
        generation.write_text(line("alice", f"key-{number}"))
        # Neither time nor size tells the two apart, only the inode does.
        os.utime(generation, (1, 1))
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "keys").symlink_to("..data/keys")
    guard = access(tmp_path / "keys")
    guard.check(request(x_api_key="key-1"))
    (tmp_path / "..next").symlink_to("..2")
    (tmp_path / "..next").rename(tmp_path / "..data")
    refused(guard, request(x_api_key="key-2"))
    guard.refresh()
    guard.check(request(x_api_key="key-2"))
    refused(guard, request(x_api_key="key-1"))


def test_a_broken_new_file_keeps_the_old_keys(keys: Path, caplog: pytest.LogCaptureFixture) -> None:
    guard = access(keys)
    good = keys.read_text()
    broken = (lambda: keys.write_text("alice oops\n"), lambda: keys.write_text(""), keys.unlink)
    for number, damage in enumerate(broken, start=1):
        damage()
        for _ in range(3):
            guard.refresh()
        guard.check(request(x_api_key="b"))
        errors = [record for record in caplog.records if record.levelno == logging.ERROR]
        assert len(errors) == number
        assert "stays in force" in errors[-1].getMessage()
        assert "oops" not in errors[-1].getMessage()
    keys.write_text(good.replace(line("bob", "b"), ""))
    guard.refresh()
    refused(guard, request(x_api_key="b"))
    guard.check(request(x_api_key="new"))


def test_a_new_key_opens_what_its_line_is_in(tmp_path: Path) -> None:
    key, entry = new_key("carol")
    assert new_key("carol")[0] != key
    assert key not in entry
    (tmp_path / "keys").write_text(entry)
    asked = request(x_api_key=key)
    access(tmp_path / "keys").check(asked)
    assert asked.caller == "key:carol"


def test_the_command_prints_the_line_apart_from_the_key() -> None:
    command = [sys.executable, "-m", "modelberth_server.access.new_key", "dave"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (digest,) = parse_keys(done.stdout.encode())
    key = done.stderr.split()[-1]
    assert hashlib.sha256(key.encode()).digest() == digest


@pytest.mark.parametrize("arguments", [[], ["a", "b"], ["not a name"], ["-h"], [""]])
def test_the_command_refuses(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "NAME" in shown.err


def test_everybody_may_call_where_nothing_is_configured() -> None:
    guard = Access.from_settings(Settings.from_environ({}))
    assert guard.is_open
    asked = request(x_api_key="whatever")
    asked.caller = "cert:somebody"
    guard.check(asked)
    assert asked.caller == ""


def test_the_limit_is_by_caller_where_one_is_known_and_by_address_else(keys: Path) -> None:
    limited = {"MODELBERTH_RATE_LIMIT_PER_MINUTE": "2"}
    guard = access(keys, **limited)
    assert not guard.is_open
    for peer, key in (("192.0.2.1", "old"), ("192.0.2.2", "new")):
        guard.check(request(peer, x_api_key=key))
    with pytest.raises(RequestError) as caught:
        guard.check(request("192.0.2.3", x_api_key="old"))
    assert (caught.value.status, dict(caught.value.headers)) == (429, {"Retry-After": "30"})
    guard.check(request("192.0.2.1", x_api_key="b"))

    everybody = Access.from_settings(Settings.from_environ(limited))
    for forwarded in ("203.0.113.1", "203.0.113.2"):
        everybody.check(request("192.0.2.1", x_forwarded_for=forwarded))
    with pytest.raises(RequestError, match="rate limit: 2 requests a minute"):
        everybody.check(request("192.0.2.1", x_forwarded_for="203.0.113.3"))
    everybody.check(request("192.0.2.2"))


def test_refused_keys_take_nothing_from_anybodys_rate(keys: Path) -> None:
    guard = access(keys, MODELBERTH_RATE_LIMIT_PER_MINUTE="1")
    statuses = {refused(guard, request(x_api_key=f"guess-{number}")).status for number in range(20)}
    assert statuses == {401}
    guard.check(request(x_api_key="b"))
