"""The shipped price file as a whole, and what is said of one that is wrong."""

import json
import re
import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

from modelberth.preview.cost.prices import MAX_AGE, OWN, SHIPPED, PriceFileError, Prices
from support.costs import PRICES, TODAY

ROW = {
    "id": "aws.x",
    "regions": ["us-east-1"],
    "unit": "h",
    "usd": 1.5,
    "date": date(2026, 11, 1),
    "sku": "SKU",
    "source": "https://example.com",
}


def toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    return str(value) if isinstance(value, date) else json.dumps(value)


def file(folder: Path, *rows: dict[str, object]) -> Path:
    path = folder / "prices.toml"
    path.write_text("prices = [\n" + ",\n".join(toml(row) for row in rows) + "\n]\n")
    return path


def test_every_row_that_is_shipped_says_where_it_is_from() -> None:
    assert len(PRICES.rows) >= 90
    for row in PRICES.rows:
        assert row.vendor in {"aws", "azure", "gcp"}, row.id
        assert row.usd > 0, row.id
        assert row.date <= TODAY, row.id
        assert len(row.source) > 10, row.id
        is_vendors = re.search(r"Price List API|Retail Prices API|Cloud Billing|^https://cloud", row.source)
        assert row.doubt or is_vendors, f"{row.id}: {row.source}"
    assert sum(1 for row in PRICES.rows if row.lookup) >= 70


def test_a_price_is_found_with_its_tiers_and_only_in_its_region() -> None:
    tiers = PRICES.find("aws.lambda.duration.arm64", "us-east-1")
    assert [(tier.above, tier.usd) for tier in tiers] == [
        (0, 0.0000133334),
        (7_500_000_000, 0.0000120001),
        (18_750_000_000, 0.0000106667),
    ]
    assert PRICES.find("aws.lambda.duration.arm64", "eu-north-1") == ()
    assert PRICES.regions("aws.ec2.p5.48xlarge") == ("us-east-2",)
    assert PRICES.regions("aws.ec2.nothing") == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"usd": -1}, "prices[1] (aws.y).usd: given -1, allowed: 0 or more"),
        ({"usd": "1"}, "prices[1] (aws.y).usd: given '1', allowed: a number. Without quotes."),
        ({"unit": "hour"}, "prices[1] (aws.y).unit: given 'hour', allowed: one of 1M requests, GB, "),
        ({"source": None}, "prices[1] (aws.y).source: given nothing, allowed: a text"),
        ({"sku": " "}, "prices[1] (aws.y).sku: given ' ', allowed: a text that is not empty"),
        ({"regions": []}, "prices[1] (aws.y).regions: given a list, allowed: 1 entries or more"),
        (
            {"date": date(2026, 11, 22)},
            "prices[1] (aws.y).date: given 2026-11-22, allowed: a day up to today, 2026-11-21",
        ),
        ({"price": 3}, "prices[1] (aws.y).price: "),
        (
            {"id": "aws.x"},
            "prices (aws.x): given two rows for us-east-1 above 0, allowed: one price for each tier",
        ),
        (
            {"above": 5},
            "prices (aws.y): given no row for us-east-1 with above = 0, allowed: tiers that begin at 0",
        ),
        (
            {"id": "aws.x", "above": 5, "unit": "s"},
            "prices (aws.x): given several units in us-east-1, allowed: one unit",
        ),
        ({"lookup": {"service": "x"}}, "prices[1] (aws.y).lookup.unit: given nothing, allowed: a text"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, change: dict[str, object], said: str) -> None:
    row = {key: value for key, value in {**ROW, "id": "aws.y", **change}.items() if value is not None}
    path = file(tmp_path, ROW, row)
    with pytest.raises(PriceFileError) as failure:
        Prices.load(path, TODAY)
    assert str(failure.value).startswith(f"price file {path}: 1 problem:\n")
    assert said in str(failure.value)


def test_every_wrong_row_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(PriceFileError, match="2 problems"):
        Prices.load(file(tmp_path, {**ROW, "usd": -1}, {**ROW, "unit": "x"}), TODAY)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prices = [", "a TOML document"),
        ("", "prices: given nothing, allowed: a list of one price or more"),
        ("prices = []", "prices: given a list, allowed: a list of one price or more"),
        ("prices = [1]", "prices[0]: given 1, allowed: a mapping with the keys id, "),
        ("\udc80", "a TOML document"),
    ],
)
def test_what_is_no_price_file(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "prices.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(PriceFileError) as failure:
        Prices.load(path, TODAY)
    assert said in str(failure.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PriceFileError, match="No such file or directory, allowed: a file that can be read"):
        Prices.load(tmp_path / "none.toml")


def test_old_prices_say_their_age(tmp_path: Path) -> None:
    old = {**ROW, "date": TODAY - MAX_AGE - timedelta(days=6)}
    prices = Prices.load(file(tmp_path, old, {**ROW, "id": "aws.y", "date": TODAY - MAX_AGE}), TODAY)
    assert prices.age_days(TODAY) == 96
    (note,) = prices.notes(TODAY)
    assert note == (
        "1 of 2 prices are more than 90 days old, the oldest is from 2026-08-17, 96 days ago: "
        "`modelberth prices refresh`"
    )
    assert prices.notes(TODAY, ["aws.y@us-east-1"]) == ()
    assert prices.notes(TODAY, ["aws.x@us-east-1"]) != ()
    assert prices.notes(TODAY - timedelta(days=6)) == ()


def test_the_projects_own_file_is_preferred_while_it_is_newer(tmp_path: Path) -> None:
    assert Prices.choose(None, tmp_path, TODAY).file == SHIPPED
    own = tmp_path / OWN
    own.parent.mkdir()
    shutil.move(file(tmp_path, {**ROW, "date": TODAY}), own)
    assert Prices.choose(None, tmp_path, TODAY).file == own
    file(own.parent, {**ROW, "date": date(2020, 1, 1)})
    assert Prices.choose(None, tmp_path, TODAY).file == SHIPPED
    other = file(tmp_path, ROW)
    assert Prices.choose(other, tmp_path, TODAY).file == other
