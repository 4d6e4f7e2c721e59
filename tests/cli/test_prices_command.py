# ruff: noqa: E501 (a table is read by its lines)
"""`modelberth prices show` and `modelberth prices refresh`."""

import functools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from modelberth.cli import prices as command
from modelberth.cli.failure import Exit, Failure
from modelberth.cli.price_file import prices_for
from modelberth.preview.cost.price_lists import PriceLists
from modelberth.preview.cost.prices import OWN, SHIPPED, Prices
from support.price_servers import PriceServer, aws_row, price_server

ROW = """prices = [
  { id = "aws.kms.key", regions = ["us-east-1"], unit = "month", usd = 1, date = 2020-01-01, sku = "d", source = "old",
    lookup = { service = "awskms", usagetype = "KMS-Keys", unit = "Keys" } },
]""".replace("\n    lookup", " lookup")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("GOOGLE_API_KEY", "MODELBERTH_PRICES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PriceServer]:
    with price_server() as told:
        there = functools.partial(PriceLists, aws=told.url, azure=told.url, gcp=told.url)
        monkeypatch.setattr(command, "PriceLists", there)
        told.aws["awskms", "us-east-1"] = [aws_row("K1", "2.0000000000", "Keys", "us-east-1-KMS-Keys")]
        yield told


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command.prices_app, list(arguments))


def failure_of(result: Result) -> Failure:
    assert isinstance(result.exception, Failure), result.output
    return result.exception


def test_every_price_is_shown_with_its_age() -> None:
    result = run("show")
    assert result.exit_code == 0, result.output
    rows = Prices.load().rows
    assert f"{len(rows)} prices from {SHIPPED}" in result.output
    assert (
        "aws.sagemaker.hosting.ml.g5.xlarge: 1.408 USD per h\n    in us-east-1\n    2026-08-17, "
        in result.output
    )
    assert "aws.lambda.duration.x86_64: 0.000015 USD per GB-s above 6,000,000,000" in result.output
    assert result.output.count(" days ago") == len(rows) + 1
    assert result.output.count("    doubtful: ") == sum(1 for row in rows if row.doubt)


def test_machines_get_the_rows(folder: Path) -> None:
    (folder / "mine.toml").write_text(ROW)
    shown = json.loads(run("show", "--json", "--prices", "mine.toml").output)
    assert shown["file"] == "mine.toml"
    (row,) = shown["prices"]
    assert (row["id"], row["usd"], row["regions"], row["date"]) == (
        "aws.kms.key",
        1,
        ["us-east-1"],
        "2020-01-01",
    )
    assert row["age_days"] > 2000


def test_an_old_file_says_so(folder: Path) -> None:
    (folder / "mine.toml").write_text(ROW)
    output = run("show", "--prices", "mine.toml").output
    assert "1 of 1 prices are more than 90 days old, the oldest is from 2020-01-01" in output
    assert "`modelberth prices refresh`" in output


def test_a_wrong_file_ends_with_its_own_status(folder: Path) -> None:
    (folder / "mine.toml").write_text(ROW.replace("usd = 1", "usd = -1"))
    failure = failure_of(run("show", "--prices", "mine.toml"))
    assert failure.status is Exit.PRICES
    assert "price file mine.toml" in str(failure)
    assert "prices[0] (aws.kms.key).usd: given -1" in str(failure)


def test_refresh_writes_the_projects_file(folder: Path, server: PriceServer) -> None:
    (folder / OWN).parent.mkdir()
    (folder / OWN).write_text(ROW)
    result = run("refresh")
    assert result.exit_code == 0, result.output
    assert "aws.kms.key@us-east-1: 1 -> 2 USD" in result.output
    assert f"{OWN}: 1 changed, 0 confirmed, 0 kept as they were" in result.output
    assert "aws: awskms in us-east-1" in result.stderr
    (row,) = Prices.load(folder / OWN).rows
    assert (row.usd, row.sku, row.source) == (2, "K1", "AWS Price List Bulk API")
    assert prices_for(Path.cwd()).file == folder / OWN


def test_refresh_begins_with_what_is_shipped(folder: Path, server: PriceServer) -> None:
    server.bodies["/api/retail"] = b'{"Items": []}'
    server.bodies["/offers"] = b'{"regions": {}}'
    result = run("refresh", "--file", "new.toml")
    assert result.exit_code == 0, result.output
    assert "aws.ec2.g5.xlarge@us-east-1: kept, not in the vendor's list" in result.output
    assert "gcp.run.requests@us-central1: kept, GOOGLE_API_KEY is not set" in result.output
    assert Prices.load(folder / "new.toml").find("aws.ec2.g5.xlarge", "us-east-1")[0].usd == 1.006


def test_a_list_that_cannot_be_read_leaves_the_file(folder: Path, server: PriceServer) -> None:
    (folder / "mine.toml").write_text(ROW)
    server.status["/offers"] = 503
    failure = failure_of(run("refresh", "--file", "mine.toml"))
    assert failure.status is Exit.PRICES
    assert "answered 503 Service Unavailable" in str(failure)
    assert "mine.toml was not changed" in str(failure)
    assert (folder / "mine.toml").read_text() == ROW


def test_a_file_that_cannot_be_written(folder: Path, server: PriceServer) -> None:
    (folder / "mine.toml").write_text(ROW)
    (folder / "nothing").write_text("")
    server.bodies["/api/retail"] = b'{"Items": []}'
    server.bodies["/offers"] = b'{"regions": {}}'
    failure = failure_of(run("refresh", "--file", "nothing/prices.toml"))
    assert failure.status is Exit.PRICES
    assert "cannot be written" in str(failure)
