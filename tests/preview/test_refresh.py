# ruff: noqa: E501 (a table is read by its lines)
"""Refreshing from the three lists, played by a server on a loopback port."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from modelberth.preview.cost.price_lists import PriceListError, PriceLists
from modelberth.preview.cost.prices import Prices
from modelberth.preview.cost.refresh import Change, Kept, Refreshed, refresh, write
from support.costs import PRICES, TODAY
from support.price_servers import PriceServer, aws_row, catalog, price_server, retail

OLD = date(2026, 1, 1)
RUN = "152E-C115-5142"
FILE = """
prices = [
  { id = "aws.lambda.requests.arm64", regions = ["us-east-1"], unit = "1M requests", usd = 0.25, date = 2026-01-01, sku = "a", source = "old", doubt = "old", lookup = { service = "AWSLambda", group = "AWS-Lambda-Requests-ARM", unit = "Requests", per = 1000000 } },
  { id = "aws.lambda.duration.arm64", regions = ["us-east-1"], unit = "GB-s", usd = 0.0000133334, date = 2026-01-01, sku = "b", source = "old", lookup = { service = "AWSLambda", group = "AWS-Lambda-Duration-ARM", unit = "Lambda-GB-Second" } },
  { id = "aws.lambda.duration.arm64", regions = ["us-east-1"], unit = "GB-s", usd = 0.0000120001, above = 7500000000, date = 2026-01-01, sku = "b", source = "old", lookup = { service = "AWSLambda", group = "AWS-Lambda-Duration-ARM", unit = "Lambda-GB-Second" } },
  { id = "aws.ec2.g6.xlarge", regions = ["us-east-1"], unit = "h", usd = 0.8048, date = 2026-01-01, sku = "c", source = "old", lookup = { service = "AmazonEC2", usagetype = "BoxUsage:g6.xlarge", operation = "RunInstances", unit = "Hrs" } },
  { id = "aws.kms.key", regions = ["us-east-1"], unit = "month", usd = 1, date = 2026-01-01, sku = "d", source = "old" },
  { id = "azure.containerapps.cpu.active", regions = ["westeurope"], unit = "vCPU-s", usd = 0.000034, date = 2026-01-01, sku = "e", source = "old", lookup = { service = "Azure Container Apps", meterName = "Standard vCPU Active Usage", unit = "1 Second" } },
  { id = "azure.vm.Standard_NC4as_T4_v3", regions = ["eastus"], unit = "h", usd = 0.526, date = 2026-01-01, sku = "f", source = "old", lookup = { service = "Virtual Machines", armSkuName = "Standard_NC4as_T4_v3", unit = "1 Hour" } },
  { id = "gcp.run.request.cpu", regions = ["us-central1", "us-west2"], unit = "vCPU-s", usd = 0.00002, date = 2026-01-01, sku = "g", source = "old", lookup = { service = "152E-C115-5142", description = "Services CPU (Request-based billing)", unit = "s" } },
]
"""
VM = {"serviceName": "Virtual Machines", "armRegionName": "eastus", "armSkuName": "Standard_NC4as_T4_v3"}


@pytest.fixture
def server() -> Iterator[PriceServer]:
    with price_server() as told:
        told.aws["AWSLambda", "us-east-1"] = [
            aws_row("A1", "0.0000002000", "Requests", "Request-ARM", group="AWS-Lambda-Requests-ARM"),
            aws_row("A0", "0", "Requests", "Request-ARM", group="AWS-Lambda-Requests-ARM", Location="Any"),
            aws_row("B1", "0.0000133334", "Lambda-GB-Second", "Lambda-GB-Second-ARM", group="AWS-Lambda-Duration-ARM"),
            aws_row("B1", "0.0000110000", "Lambda-GB-Second", "Lambda-GB-Second-ARM", group="AWS-Lambda-Duration-ARM", start="7500000000"),
            aws_row("C1", "0.0000166667", "Lambda-GB-Second", "Lambda-GB-Second", group="AWS-Lambda-Duration"),
        ]  # fmt: skip
        told.aws["AWSLambda", "eu-central-1"] = [
            aws_row("A2", "0.0000002400", "Requests", "EUC1-Request-ARM", group="AWS-Lambda-Requests-ARM"),
        ]
        told.aws["AmazonEC2", "us-east-1"] = [
            aws_row("D1", "0.9000000000", "Hrs", "BoxUsage:g6.xlarge", operation="RunInstances"),
            aws_row("D2", "1.1000000000", "Hrs", "BoxUsage:g6.xlarge", operation="RunInstances:0002"),
            aws_row(
                "D3", "0.5000000000", "Hrs", "BoxUsage:g6.xlarge", operation="RunInstances", term="Reserved"
            ),
            aws_row("D4", "0.0000000000", "Hrs", "UnusedBox:g6.xlarge", operation="RunInstances"),
        ]
        told.azure = [
            retail("Standard vCPU Active Usage", 3.4e-5, "1 Second"),
            retail("NC4as T4 v3", 0.55, "1 Hour", **VM, productName="Virtual Machines NCasT4 v3 Series"),
            retail("NC4as T4 v3 Spot", 0.1, "1 Hour", **VM, productName="Virtual Machines NCasT4 v3 Series"),
            retail(
                "NC4as T4 v3", 0.71, "1 Hour", **VM, productName="Virtual Machines NCasT4 v3 Series Windows"
            ),
        ]
        told.gcp = [
            catalog("Jobs CPU in us-central1", 18000, "s", "us-central1"),
            catalog(
                "Services CPU (Request-based billing)", 24000, "s", "us-central1", "us-east1", free=180000
            ),
            catalog("Services CPU Tier 2  (Request-based billing)", 33600, "s", "us-west2", free=180000),
            catalog("Services Memory (Request-based billing)", 2500, "GiBy.s", "us-central1"),
        ]
        yield told


@pytest.fixture
def old(tmp_path: Path) -> Prices:
    (tmp_path / "prices.toml").write_text(FILE)
    return Prices.load(tmp_path / "prices.toml", TODAY)


def run(server: PriceServer, prices: Prices, *regions: str, key: str | None = "secret-key") -> Refreshed:
    urls = {"aws": server.url, "azure": server.url, "gcp": server.url}
    with httpx.Client(trust_env=False) as client:
        return refresh(prices, PriceLists(client, google_key=key, **urls), TODAY, regions)


def test_what_the_lists_say_is_taken_and_the_rest_is_kept(server: PriceServer, old: Prices) -> None:
    found = run(server, old)
    assert found.changes == (
        Change("aws.lambda.requests.arm64@us-east-1", (0.25,), (0.2,)),
        Change("aws.lambda.duration.arm64@us-east-1", (0.0000133334, 0.0000120001), (0.0000133334, 0.000011)),
        Change("aws.ec2.g6.xlarge@us-east-1", (0.8048,), (0.9,)),
        Change("azure.vm.Standard_NC4as_T4_v3@eastus", (0.526,), (0.55,)),
        Change("gcp.run.request.cpu@us-central1", (0.00002,), (0.000024,)),
        Change("gcp.run.request.cpu@us-west2", (0.00002,), (0.0000336,)),
    )
    assert found.confirmed == 1
    assert found.kept == (
        Kept("aws.kms.key@us-east-1", "the row does not say where the vendor's list has it"),
    )
    rows = {(row.id, row.above, row.regions): row for row in found.rows}
    assert len(rows) == 9
    assert rows["aws.lambda.duration.arm64", 7_500_000_000, ("us-east-1",)].usd == 0.000011
    requests = rows["aws.lambda.requests.arm64", 0, ("us-east-1",)]
    assert (requests.date, requests.doubt, requests.sku, requests.usd) == (TODAY, "", "A1", 0.2)
    assert rows["azure.containerapps.cpu.active", 0, ("westeurope",)].date == TODAY
    assert rows["aws.kms.key", 0, ("us-east-1",)].date == OLD


def test_each_list_is_read_once(server: PriceServer, old: Prices) -> None:
    run(server, old)
    assert sorted(path for path in server.asked if path.endswith("csv")) == [
        "/offers/v1.0/aws/AWSLambda/20261120170746/us-east-1/index.csv",
        "/offers/v1.0/aws/AmazonEC2/20261120170746/us-east-1/index.csv",
    ]
    assert server.asked.count(f"/v1/services/{RUN}/skus") == 2  # its two pages, for two regions
    keys = [headers.get("x-goog-api-key") for headers in server.headers]
    assert keys.count("secret-key") == 2


def test_what_is_written_reads_the_same(server: PriceServer, old: Prices, tmp_path: Path) -> None:
    found = run(server, old)
    write(tmp_path / "deep" / "prices.toml", found.rows)
    again = Prices.load(tmp_path / "deep" / "prices.toml", TODAY)
    assert again.rows == found.rows
    assert run(server, again).changes == ()
    assert list((tmp_path / "deep").iterdir()) == [tmp_path / "deep" / "prices.toml"]


def test_the_shipped_file_survives_being_written(tmp_path: Path) -> None:
    write(tmp_path / "prices.toml", PRICES.rows)
    assert Prices.load(tmp_path / "prices.toml", TODAY).rows == PRICES.rows


def test_a_further_region(server: PriceServer, old: Prices) -> None:
    found = run(server, old, "eu-central-1")
    assert Change("aws.lambda.requests.arm64@eu-central-1", (), (0.24,)) in found.changes
    assert Kept("aws.lambda.duration.arm64@eu-central-1", "not in the vendor's list") in found.kept
    assert Kept("aws.ec2.g6.xlarge@eu-central-1", "not in the vendor's list") in found.kept
    known = {region for row in found.rows if row.id == "aws.lambda.requests.arm64" for region in row.regions}
    assert known == {"us-east-1", "eu-central-1"}
    assert {
        region for row in found.rows if row.id == "aws.lambda.duration.arm64" for region in row.regions
    } == {"us-east-1"}


def test_google_is_not_read_without_a_key(server: PriceServer, old: Prices) -> None:
    found = run(server, old, key=None)
    assert Kept("gcp.run.request.cpu@us-central1", "GOOGLE_API_KEY is not set") in found.kept
    assert not any(path.startswith("/v1/") for path in server.asked)
    (row,) = [row for row in found.rows if row.id == "gcp.run.request.cpu"]
    assert (row.regions, row.date) == (("us-central1", "us-west2"), OLD)


@pytest.mark.parametrize(
    ("usd", "unit", "said"),
    [
        ("0.9", "Second", "the vendor's list has it by 'Second', not by 'Hrs'"),
        ("900", "Hrs", "the vendor's list has 900 USD in place of 0.8048: too far off to be believed"),
        ("0", "Hrs", "not in the vendor's list"),
    ],
)
def test_a_price_that_cannot_be_right_is_not_taken(
    server: PriceServer, old: Prices, usd: str, unit: str, said: str
) -> None:
    server.aws["AmazonEC2", "us-east-1"] = [
        aws_row("D1", usd, unit, "BoxUsage:g6.xlarge", operation="RunInstances")
    ]
    assert Kept("aws.ec2.g6.xlarge@us-east-1", said) in run(server, old).kept


def test_two_prices_for_one_thing_are_not_taken(server: PriceServer, old: Prices) -> None:
    server.azure.append(retail("Standard vCPU Active Usage", 3.5e-5, "1 Second"))
    said = "the vendor's list has several prices for it"
    assert Kept("azure.containerapps.cpu.active@westeurope", said) in run(server, old).kept


@pytest.mark.parametrize(
    ("path", "status", "body", "said"),
    [
        ("/offers/v1.0/aws/AWSLambda/current", 403, None, "answered 403 Forbidden"),
        ("/offers/v1.0/aws/AWSLambda/2026", 500, None, "answered 500 Internal Server Error"),
        ("/offers/v1.0/aws/AWSLambda/current", 200, b"<html>", "not a JSON document"),
        ("/offers/v1.0/aws/AWSLambda/current", 200, b"[]", "the index of AWSLambda is not of the known form"),
        ("/offers/v1.0/aws/AWSLambda/2026", 200, b"<html></html>", "not a price list with the known columns"),
        ("/api/retail/prices", 429, None, "answered 429 Too Many Requests"),
        ("/api/retail/prices", 200, b'{"Items": [{}]}', "the answer is not of the known form"),
        ("/api/retail/prices", 200, b'{"Items": [], "NextPageLink": "http://other.example/"}', "on another host"),
        ("/v1/services", 400, b'{"error": {"message": "API key not valid"}}', "answered 400 Bad Request"),
        ("/v1/services", 200, b'{"skus": [{"description": "x"}]}', "is not of the known form"),
        ("/v1/services", 200, b"{}", "the answer is not of the known form"),
    ],
)  # fmt: skip
def test_a_list_that_cannot_be_read_is_named(
    server: PriceServer, old: Prices, path: str, status: int, body: bytes | None, said: str
) -> None:
    server.status[path] = status
    if body is not None:
        server.bodies[path] = body
    with pytest.raises(PriceListError) as failure:
        run(server, old)
    assert said in str(failure.value)
    assert "secret-key" not in str(failure.value)


def test_a_row_without_a_number_is_named(server: PriceServer, old: Prices) -> None:
    server.aws["AmazonEC2", "us-east-1"] = [
        aws_row("D1", "free", "Hrs", "BoxUsage:g6.xlarge", operation="RunInstances")
    ]
    with pytest.raises(PriceListError, match="the row of D1 has no price in USD"):
        run(server, old)


def test_no_network(old: Prices) -> None:
    with price_server() as gone:
        pass
    with pytest.raises(PriceListError, match=r"not reachable \(ConnectError\)"):
        run(gone, old)


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "prices.toml"
    file.write_text(FILE)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write(file, PRICES.rows)
    assert file.read_text() == FILE
    assert [path.name for path in tmp_path.iterdir()] == ["prices.toml"]


def test_every_lookup_that_is_shipped_is_of_a_known_list() -> None:
    looked_up = [row for row in PRICES.rows if row.lookup]
    for row in looked_up:
        assert row.lookup is not None
        named = row.lookup.model_dump(exclude_defaults=True).keys() - {"service", "unit", "per"}
        allowed = {
            "aws": {"usagetype", "operation", "group"},
            "azure": {"meterName", "armSkuName"},
            "gcp": {"description"},
        }
        assert named, row.id
        assert named <= allowed[row.vendor], row.id
    assert len(looked_up) >= 70
