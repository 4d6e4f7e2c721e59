"""Bring a price file up to date from the vendors' lists; what they do not say stays, with its date."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from .price_lists import Listed, PriceLists
from .prices import Lookup, Price, Prices, key

__all__ = ["Change", "Kept", "Refreshed", "refresh", "write"]

_TOO_FAR: Final = 10.0
"""A price does not change by this factor; a unit that is read wrongly does."""
_SOURCES: Final = {
    "aws": "AWS Price List Bulk API",
    "azure": "Azure Retail Prices API",
    "gcp": "Google Cloud Billing Catalog API",
}
_HEADER: Final = """\
# Written by `modelberth prices refresh`. The form is that of the file that Modelberth ships; a row may be
# changed by hand, with its source and date.
"""


@dataclass(frozen=True)
class Change:
    """A price that is another than before, tier by tier; `before` is empty for a region that is new."""

    price: str
    before: tuple[float, ...]
    after: tuple[float, ...]


@dataclass(frozen=True)
class Kept:
    """A price that was not refreshed, and why."""

    price: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Refreshed:
    """The rows of the new file and what became of the old ones."""

    rows: tuple[Price, ...]
    changes: tuple[Change, ...]
    confirmed: int
    """Prices that the list says are what they were."""
    kept: tuple[Kept, ...]


def refresh(prices: Prices, lists: PriceLists, today: date, regions: Sequence[str] = ()) -> Refreshed:
    """Look every price up again, and those of a vendor in further regions of it.

    Raises:
        PriceListError: a list cannot be read; nothing is known then.
    """
    wanted = {**_known(prices), **_further(prices, regions)}
    found: dict[tuple[str, str], tuple[Listed, ...]] = {}
    for (vendor, service, region), names in _by_list(wanted, lists).items():
        answers = lists.read(vendor, service, region, [_lookup(wanted[name]) for name in names])
        found.update(zip(names, answers, strict=True))
    rows: list[Price] = []
    changes: list[Change] = []
    kept: list[Kept] = []
    confirmed = 0
    for name, old in wanted.items():
        new = _renewed(name, old, found.get(name), today)
        is_known = bool(prices.find(*name))
        if isinstance(new, str):
            if is_known:
                rows += [tier.model_copy(update={"regions": (name[1],)}) for tier in old]
            kept.append(Kept(key(*name), new))
            continue
        rows += new
        before = tuple(tier.usd for tier in old) if is_known else ()
        after = tuple(tier.usd for tier in new)
        if before == after:
            confirmed += 1
        else:
            changes.append(Change(key(*name), before, after))
    return Refreshed(rows=tuple(_joined(rows)), changes=tuple(changes), confirmed=confirmed, kept=tuple(kept))


def write(file: Path, rows: Iterable[Price]) -> None:
    """Write a price file, all of it or nothing."""
    file.parent.mkdir(parents=True, exist_ok=True)
    text = _HEADER + "\nprices = [\n" + "".join(f"    {_toml(row)},\n" for row in rows) + "]\n"
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _known(prices: Prices) -> dict[tuple[str, str], tuple[Price, ...]]:
    names = dict.fromkeys((row.id, region) for row in prices.rows for region in row.regions)
    return {name: prices.find(*name) for name in names}


def _further(prices: Prices, regions: Sequence[str]) -> dict[tuple[str, str], tuple[Price, ...]]:
    """The prices of a vendor in more of its regions, with a row of another region to begin with."""
    ids = dict.fromkeys(row.id for row in prices.rows if row.lookup is not None)
    return {
        (what, region): prices.find(what, prices.regions(what)[0])
        for region in regions
        for what in ids
        if what.partition(".")[0] == _vendor_of(region) and not prices.find(what, region)
    }


def _vendor_of(region: str) -> str:
    """Regions are named apart: `eu-central-1`, `westeurope`, `europe-west4`."""
    if "-" not in region:
        return "azure"
    return "aws" if region.count("-") > 1 else "gcp"


def _by_list(
    wanted: Mapping[tuple[str, str], Sequence[Price]], lists: PriceLists
) -> dict[tuple[str, str, str], list[tuple[str, str]]]:
    """What is to be looked up, by the list that has it: each is read once."""
    found: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
    for name, tiers in wanted.items():
        first = tiers[0]
        if first.lookup is not None and (first.vendor != "gcp" or lists.google_key):
            found.setdefault((first.vendor, first.lookup.service, name[1]), []).append(name)
    return found


def _lookup(tiers: Sequence[Price]) -> Lookup:
    lookup = tiers[0].lookup
    assert lookup is not None  # only what has one is read
    return lookup


def _renewed(
    name: tuple[str, str], old: Sequence[Price], listed: Sequence[Listed] | None, today: date
) -> list[Price] | str:
    """The new tiers of a price, or why the old ones stay."""
    lookup, first = old[0].lookup, old[0]
    if lookup is None:
        return "the row does not say where the vendor's list has it"
    if listed is None:
        return "GOOGLE_API_KEY is not set"
    if not listed:
        return "not in the vendor's list"
    if len({tier.above for tier in listed}) < len(listed):
        return "the vendor's list has several prices for it"
    unit = listed[0].unit
    if _unit(unit) != _unit(lookup.unit):
        return f"the vendor's list has it by {unit!r}, not by {lookup.unit!r}"
    usd = listed[0].usd * lookup.per
    if first.usd and not 1 / _TOO_FAR < usd / first.usd < _TOO_FAR:
        return f"the vendor's list has {usd:g} USD in place of {first.usd:g}: too far off to be believed"
    return [
        Price(
            id=name[0],
            regions=(name[1],),
            unit=first.unit,
            usd=_exact(tier.usd * lookup.per),
            above=_exact(tier.above / lookup.per),
            date=today,
            sku=tier.sku,
            source=_SOURCES[first.vendor],
            lookup=lookup,
        )
        for tier in listed
    ]


def _exact(number: float) -> float:
    """Without the last digits that a multiplication adds: 0.0000002 times a million is 0.2."""
    return float(f"{number:.12g}")


def _unit(name: str) -> str:
    """`Hrs`, `hours` and `Hour` are one unit."""
    plain = name.lower().removesuffix("s")
    return {"hr": "hour"}.get(plain, plain)


def _joined(rows: Sequence[Price]) -> Iterator[Price]:
    """Rows that differ in the region alone as one, in the order of the first."""
    found: dict[str, list[Price]] = {}
    for row in rows:
        found.setdefault(row.model_copy(update={"regions": ("",)}).model_dump_json(), []).append(row)
    for same in found.values():
        regions = dict.fromkeys(region for row in same for region in row.regions)
        yield same[0].model_copy(update={"regions": tuple(regions)})


def _toml(row: Price) -> str:
    values = row.model_dump(exclude_defaults=True)
    return _table({"id": row.id, **values})


def _table(values: Mapping[str, Any]) -> str:
    return "{ " + ", ".join(f"{name} = {_value(value)}" for name, value in values.items()) + " }"


def _value(value: Any) -> str:
    match value:
        case Mapping():
            return _table(value)
        case list() | tuple():
            return "[" + ", ".join(_value(item) for item in value) + "]"
        case date():
            return value.isoformat()
        case str():
            # A JSON string is a TOML string, except for DEL, which no price list has.
            return json.dumps(value, ensure_ascii=False)
        case _:
            return repr(value)
