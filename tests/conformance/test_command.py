"""`modelberth conformance`."""

import json
import socket
import subprocess
import sys
from importlib import resources
from pathlib import Path
from threading import Event

import pytest
from click.testing import Result
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from conformance.faulty import Exchange, faulty
from conformance.platforms import PlatformProcess, started
from modelberth.cli.failure import Exit, Failure
from modelberth.cli.main import app
from modelberth.conformance import CONTRACTS, Target, UnreachableError, examine, web
from serving.authorities import Authority
from serving.models import ModelFile

SECRET = "s3cret-of-a-caller"
MODELBERTH = (sys.executable, "-c", "from modelberth.cli import main; main()")
SCHEMA = json.loads(resources.files("modelberth.conformance").joinpath("report.schema.json").read_text())


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["conformance", *arguments])


def failure_of(result: Result) -> Failure:
    assert isinstance(result.exception, Failure), result.output
    return result.exception


def test_a_server_that_keeps_its_contracts(target: Target) -> None:
    result = run(target.url, "--contract", "plain,tensorflow", "--contract", "open-inference")
    assert result.exit_code == Exit.OK, result.output
    checks = sum(len(CONTRACTS[name].checks) for name in ("plain", "tensorflow", "open-inference"))
    assert result.stdout.count("✓") == checks
    assert f"model iris: {checks} held, 0 did not hold" in result.stdout
    assert "kept: plain, tensorflow, open-inference" in result.stdout


def test_the_report_as_json(target: Target) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    result = run(
        *(target.url, "--json", "--grpc", target.grpc or ""),
        *("--predict-route", "/vertex/predict", "--health-route", "/vertex/health"),
    )
    assert result.exit_code == Exit.OK, result.output
    report = json.loads(result.stdout)
    Draft202012Validator(SCHEMA).validate(report)
    assert report["contracts"] == dict.fromkeys(CONTRACTS, "held")
    assert report["counts"] == {"held": 98, "did not hold": 0, "not offered": 0, "not checked": 0}
    assert len(report["findings"]) == 98
    assert not Draft202012Validator(SCHEMA).is_valid({**report, "held": "yes"})
    assert not Draft202012Validator(SCHEMA).is_valid({**report, "more": 1})


def test_what_did_not_hold_is_shown_with_its_source(target: Target) -> None:
    def fault(exchange: Exchange) -> None:
        exchange.replace(b'"id":"42"', b'"id":"41"')

    with faulty(target.url, fault) as url:
        result = run(url, "--contract", "open-inference")
        as_json = run(url, "--contract", "open-inference", "--json")
    assert result.exit_code == as_json.exit_code == Exit.FAILED
    assert "✗ the id comes back" in result.stdout
    assert "expected the id '42' of the request" in result.stdout
    assert "source: https://github.com/kserve/open-inference-protocol" in result.stdout
    report = json.loads(as_json.stdout)
    Draft202012Validator(SCHEMA).validate(report)
    (finding,) = (one for one in report["findings"] if one["verdict"] == "did not hold")
    assert finding["check"] == "the id comes back"
    assert (report["held"], report["contracts"]) == (False, {"open-inference": "did not hold"})


def test_a_contract_that_is_asked_for_has_to_be_there(target: Target) -> None:
    result = run(target.url, "--contract", "plain,grpc")
    assert result.exit_code == Exit.FAILED
    assert "✗ the server speaks it" in result.stdout
    assert "name it with --grpc HOST:PORT" in result.stdout


def test_the_key_of_a_caller_is_never_shown(iris: ModelFile, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    sha256 = subprocess.run(["sha256sum"], input=SECRET.encode(), capture_output=True, check=True).stdout
    keys.write_text(f"tester {sha256.split()[0].decode()}\n")
    environ = iris.environ(HOST="127.0.0.1", PORT="0", MODELBERTH_API_KEYS_FILE=str(keys))
    headers = tmp_path / "headers"
    headers.write_text(f"x-api-key: {SECRET}\n\n")

    def telling(exchange: Exchange) -> None:
        if exchange.path.endswith("/infer"):
            exchange.status, exchange.body = 500, (exchange.headers["x-api-key"] * 40).encode()

    with started(environ) as server:
        refused = failure_of(run(server.url))
        assert refused.status == Exit.USAGE
        assert "401, the server wants to know who calls: give --header" in str(refused)
        for header in (f"x-api-key: {SECRET}", f"@{headers}"):
            result = run(server.url, "--header", header)
            assert result.exit_code == Exit.OK, result.output
            assert SECRET not in result.output
        with faulty(server.url, telling) as url:
            for form in ((), ("--json",)):
                result = run(url, "--header", f"x-api-key: {SECRET}", "--contract", "open-inference", *form)
                assert result.exit_code == Exit.FAILED
                assert "***" in result.output
                assert SECRET not in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--contract", "plane"], "--contract: no contract 'plane', there are plain, tensorflow"),
        (["--header", SECRET], "--header: expected 'NAME: VALUE'"),
        (["--header", "@/no/such/file"], "--header: /no/such/file cannot be read"),
        (["--row", "[1,"], "--row: not JSON"),
        (["--row", "[1]", "--input", "x"], "--row and --input: give one of them"),
        (["--input", "/no/such/file"], "--input: /no/such/file cannot be read"),
        (["--predict-route", "predict"], "--predict-route: 'predict' is not a path"),
        (["--ca", "/no/such/file"], "/no/such/file cannot be read as certificates"),
    ],
)
def test_a_wrong_command_line(target: Target, arguments: list[str], message: str) -> None:
    refused = failure_of(run(target.url, *arguments))
    assert refused.status == Exit.USAGE
    assert message in str(refused)
    assert SECRET not in str(refused)


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1", "127.0.0.1:8080", "http://127.0.0.1:99999", "http://[::1"]
)
def test_a_url_that_is_none(url: str) -> None:
    assert failure_of(run(url)).status == Exit.USAGE


def test_nothing_there_is_one_line_and_a_status() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    done = subprocess.run(
        [*MODELBERTH, "conformance", f"http://user:{SECRET}@127.0.0.1:{port}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == Exit.USAGE
    assert done.stdout == ""
    expected = f"error: http://***@127.0.0.1:{port}: GET /v2: connection refused\n"
    assert done.stderr.endswith(expected), done.stderr
    assert done.stderr.count("\n") == 1


def test_http_where_tls_was_asked_for(target: Target) -> None:
    refused = failure_of(run(target.url.replace("http", "https")))
    assert str(refused).endswith("GET /v2: it does not speak TLS there: try http://")


def test_a_host_that_is_none() -> None:
    refused = failure_of(run("http://no-such-host.invalid"))
    assert str(refused).endswith("GET /v2: the name of the host is not known")


def test_a_server_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "_FIRST_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        refused = failure_of(run(f"http://127.0.0.1:{silent.getsockname()[1]}"))
    assert refused.status == Exit.USAGE
    assert str(refused).endswith("GET /v2: no answer within 0.1 s")


def test_a_server_that_hangs_later_is_given_up(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "_HUNG_SECONDS", 0.1)
    over = Event()

    def fault(exchange: Exchange) -> None:
        if exchange.path != "/v2":
            over.wait(20)

    with faulty(target.url, fault) as url:
        with pytest.raises(
            UnreachableError, match=r"no answer within 0\.1 s, as to 2 requests before it: given"
        ):
            examine(Target(url, seconds=1.0))
        over.set()


def test_a_limit_on_the_rate_is_named(target: Target) -> None:
    def fault(exchange: Exchange) -> None:
        if exchange.method == "POST":
            exchange.status, exchange.body = 429, b'{"error": "too many requests"}'

    with faulty(target.url, fault) as url:
        result = run(url, "--contract", "plain,modelberth")
    assert result.exit_code == Exit.FAILED
    assert result.stdout.count("answered 429: raise the limit for this run") > 5
    assert "too many requests" not in result.stdout


def test_rows_of_the_callers_own(server: PlatformProcess, tmp_path: Path) -> None:
    rows = tmp_path / "rows.json"
    rows.write_text('{"instances": [[6.0, 2.2, 4.0, 1.0], [5.1, 3.5, 1.4, 0.2]]}')
    for given in (["--row", "[6.0, 2.2, 4.0, 1.0]"], ["--input", str(rows)]):
        assert run(server.url, *given, "--contract", "plain").exit_code == Exit.OK
    wrong = run(server.url, "--row", "[1, 2]", "--contract", "plain")
    assert wrong.exit_code == Exit.FAILED
    assert "expected 200" in wrong.stdout
    empty = tmp_path / "empty.json"
    empty.write_text("[]")
    assert "expected a list of rows" in str(failure_of(run(server.url, "--input", str(empty))))


def test_tls(iris: ModelFile, tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    pair = authority.issue("server")
    environ = iris.environ(
        HOST="127.0.0.1",
        PORT="0",
        MODELBERTH_GRPC_PORT="0",
        MODELBERTH_TLS_CERT_FILE=str(pair.cert),
        MODELBERTH_TLS_KEY_FILE=str(pair.key),
    )
    with started(environ) as server:
        url = f"https://127.0.0.1:{server.address[1]}"
        grpc = ("--grpc", f"127.0.0.1:{server.port_of('gRPC')}")
        verified = run(url, *grpc, "--ca", str(authority.cert), "--contract", "plain,modelberth,grpc")
        assert verified.exit_code == Exit.OK, verified.output
        for wrong, message in (
            (url, "its certificate is not trusted: "),
            (url, "give --ca FILE with its authority, or --insecure"),
            (url.replace("https", "http"), "no HTTP came back: does it speak TLS? try https://"),
        ):
            refused = failure_of(run(wrong))
            assert refused.status == Exit.USAGE
            assert message in str(refused)
        unverified = run(url, *grpc, "--insecure", "--json")
        assert unverified.exit_code == Exit.OK, unverified.output
        contracts = json.loads(unverified.stdout)["contracts"]
        assert (contracts["plain"], contracts["grpc"]) == ("held", "not checked")
