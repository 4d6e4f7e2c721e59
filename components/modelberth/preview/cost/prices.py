"""The price file: dated rows with region, SKU and source, checked as a whole before one of them is used."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from modelberth.errors import Problem, SpecError, shown
from modelberth.spec.parsing import parse
from modelberth.spec.rules import Matching, Number, Part

__all__ = [
    "MAX_AGE",
    "OWN",
    "SHIPPED",
    "Lookup",
    "Price",
    "PriceFileError",
    "Prices",
    "Unit",
    "key",
    "plain_number",
]

SHIPPED: Final = Path(__file__).with_name("prices.toml")
OWN: Final = Path(".state") / "prices.toml"
"""Where `modelberth prices refresh` writes, in the project's folder."""
MAX_AGE: Final = timedelta(days=90)
"""A price older than this is called old."""

Unit = Literal[
    "1M requests", "GB", "GB-month", "GB-s", "GPU-s", "GiB", "GiB-s", "day", "h", "month", "s", "vCPU-s"
]
_Text = Annotated[str, Matching(r"\S(.*\S)?", "a text that is not empty")]
_REFRESH: Final = "`modelberth prices refresh`"


class PriceFileError(SpecError):
    """A price file that cannot be used; names the file, and every row and field that is wrong."""

    def __init__(self, file: Path, *problems: Problem) -> None:
        super().__init__(*problems)
        self.file = file

    def __str__(self) -> str:
        return f"price file {self.file}: {super().__str__()}"


class Lookup(Part):
    """How the vendor's own price list names a price."""

    service: _Text = Field(description="Offer code (AWS), service name (Azure) or service id (Google Cloud).")
    unit: _Text = Field(description="Unit of the list.")
    per: Number = Field(1.0, gt=0, description="How many of the list's units are one of ours.")
    usagetype: str = ""
    operation: str = ""
    group: str = ""
    description: str = ""
    meterName: str = ""  # noqa: N815 - the list's own name
    armSkuName: str = ""  # noqa: N815 - the list's own name


class Price(Part):
    """One row: what one unit costs in some regions."""

    id: _Text = Field(description="What is priced.")
    regions: Annotated[tuple[_Text, ...], Field(min_length=1)] = Field(description="Where the price holds.")
    unit: Unit = Field(description="What `usd` is for.")
    usd: Number = Field(ge=0, description="Price of a unit in US dollars.")
    above: Number = Field(0.0, ge=0, description="Quantity in a month above which it holds.")
    date: date
    sku: _Text = Field(description="SKU, meter or usage type of the vendor.")
    source: _Text = Field(description="URL or document.")
    doubt: str = ""
    lookup: Lookup | None = None

    @property
    def vendor(self) -> str:
        """`aws`, `azure` or `gcp`."""
        return self.id.partition(".")[0]


@dataclass(frozen=True)
class Prices:
    """The rows of one price file."""

    file: Path
    rows: tuple[Price, ...]

    @classmethod
    def load(cls, file: Path | None = None, today: date | None = None) -> Prices:
        """Read a price file; None: the one that is shipped.

        Raises:
            PriceFileError: the file cannot be read, or a row of it is wrong.
        """
        path = file or SHIPPED
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise PriceFileError(path, Problem("", why, "a file that can be read")) from None
        except ValueError as error:
            raise PriceFileError(path, Problem("", str(error), "a TOML document")) from None
        return cls(path, _rows(path, data, today or date.today()))

    @classmethod
    def choose(cls, file: Path | None, folder: Path, today: date | None = None) -> Prices:
        """The prices to use in a project: the file that was named, else the newer of the project's and ours.

        Raises:
            PriceFileError: as `load`.
        """
        if file is not None:
            return cls.load(file, today)
        shipped = cls.load(None, today)
        own = folder / OWN
        refreshed = cls.load(own, today) if own.exists() else shipped
        return refreshed if refreshed.newest > shipped.newest else shipped

    @property
    def newest(self) -> date:
        """Day of the newest row."""
        return max(row.date for row in self.rows)

    def find(self, what: str, region: str) -> tuple[Price, ...]:
        """The tiers of a price in a region, lowest first; none where the file has no price there."""
        return self._index.get((what, region), ())

    def regions(self, what: str) -> tuple[str, ...]:
        """Where there is a price for it."""
        return tuple(sorted({region for known, region in self._index if known == what}))

    def age_days(self, today: date) -> int:
        """Age of the oldest row, in days."""
        return max((today - row.date).days for row in self.rows)

    def notes(self, today: date, used: Iterable[str] | None = None) -> tuple[str, ...]:
        """What a reader has to know about the prices: that some are old.

        `used` are the `Line.price` of an estimate; None looks at every row.
        """
        known = {key(row.id, region): row for row in self.rows for region in row.regions}
        rows = self.rows if used is None else [known[name] for name in used if name in known]
        old = [row for row in rows if today - row.date > MAX_AGE]
        if not old:
            return ()
        oldest = min(row.date for row in old)
        said = (
            f"{len(old)} of {len(rows)} prices are more than {MAX_AGE.days} days old, the oldest is from "
            f"{oldest}, {(today - oldest).days} days ago: {_REFRESH}"
        )
        return (said,)

    @cached_property
    def _index(self) -> Mapping[tuple[str, str], tuple[Price, ...]]:
        found: dict[tuple[str, str], list[Price]] = {}
        for row in self.rows:
            for region in row.regions:
                found.setdefault((row.id, region), []).append(row)
        return {name: tuple(sorted(tiers, key=lambda tier: tier.above)) for name, tiers in found.items()}


def key(what: str, region: str) -> str:
    """What names a price in an estimate: `aws.lambda.requests.arm64@us-east-1`."""
    return f"{what}@{region}"


def plain_number(value: float) -> str:
    """Write a number with all of its digits: `15,000,000,000` and `0.0000166667`, never `1.5e+10`."""
    return f"{Decimal(repr(value)):,f}".removesuffix(".0")


def _rows(file: Path, data: Mapping[str, Any], today: date) -> tuple[Price, ...]:
    entries = data.get("prices")
    if not isinstance(entries, list) or not entries:
        raise PriceFileError(file, Problem("prices", shown(entries), "a list of one price or more"))
    problems = [Problem(name, "an unknown key", "prices") for name in data if name != "prices"]
    rows: list[Price] = []
    for index, entry in enumerate(entries):
        name = entry.get("id") if isinstance(entry, dict) else None
        path = f"prices[{index}]" + (f" ({name})" if isinstance(name, str) else "")
        try:
            row = parse(Price, entry, path)
        except SpecError as error:
            problems += error.problems
            continue
        if row.date > today:
            problems.append(Problem(f"{path}.date", str(row.date), f"a day up to today, {today}"))
        rows.append(row)
    problems += _clashes(rows)
    if problems:
        raise PriceFileError(file, *problems)
    return tuple(rows)


def _clashes(rows: Sequence[Price]) -> Iterator[Problem]:
    """Two prices for one thing, and tiers that do not fit together."""
    tiers: dict[tuple[str, str], dict[float, Price]] = {}
    for row in rows:
        for region in row.regions:
            known = tiers.setdefault((row.id, region), {})
            if row.above in known:
                yield Problem(
                    f"prices ({row.id})",
                    f"two rows for {region} above {row.above:g}",
                    "one price for each tier",
                )
            known[row.above] = row
    for (what, region), found in tiers.items():
        if 0 not in found:
            yield Problem(f"prices ({what})", f"no row for {region} with above = 0", "tiers that begin at 0")
        if len({row.unit for row in found.values()}) > 1:
            yield Problem(f"prices ({what})", f"several units in {region}", "one unit for all tiers")
