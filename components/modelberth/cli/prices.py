"""`modelberth prices`: show the prices that an estimate uses, and bring them up to date."""

import json
import os
from pathlib import Path
from typing import Annotated

import httpx
import typer

from modelberth.cli.failure import Exit, Failure
from modelberth.cli.options import PriceFile, err, out
from modelberth.cli.price_file import prices_for, today
from modelberth.preview.cost.price_lists import PriceListError, PriceLists
from modelberth.preview.cost.prices import MAX_AGE, OWN, PriceFileError, Prices, plain_number
from modelberth.preview.cost.refresh import Refreshed, refresh, write

prices_app = typer.Typer(
    name="prices", help="Show the prices of cost estimates, or bring them up to date.", no_args_is_help=True
)
_TIMEOUT = httpx.Timeout(30.0, read=120.0)


@prices_app.command("show")
def show(
    file: PriceFile = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON, for machines.")] = False,
) -> None:
    """Show every price with its regions, source, date and what is doubtful about it."""
    day = today()
    prices = prices_for(Path.cwd(), file)
    if as_json:
        rows = [{**row.model_dump(mode="json"), "age_days": (day - row.date).days} for row in prices.rows]
        print(json.dumps({"file": str(prices.file), "prices": rows}))
        return
    for row in prices.rows:
        above = f" above {plain_number(row.above)}" if row.above else ""
        out.print(f"{row.id}: {_number(row.usd)} USD per {row.unit}{above}", style="bold", markup=False)
        out.print(f"    in {', '.join(row.regions)}", markup=False)
        age = day - row.date
        old = ": old" if age > MAX_AGE else ""
        out.print(f"    {row.date}, {age.days} days ago{old}; {row.sku}; {row.source}", markup=False)
        if row.doubt:
            out.print(f"    doubtful: {row.doubt}", markup=False)
    out.print(f"{len(prices.rows)} prices from {prices.file}", markup=False)
    for note in prices.notes(day):
        out.print(note, markup=False)


@prices_app.command("refresh")
def refresh_prices(
    file: Annotated[Path, typer.Option("--file", help="File to bring up to date, or to make.")] = OWN,
    regions: Annotated[
        list[str] | None, typer.Option("--region", help="A further region to get prices for; repeatable.")
    ] = None,
) -> None:
    """Read the clouds' public price lists and write what they say to a price file.

    Google Cloud's is read where GOOGLE_API_KEY is set. That of EC2 takes hundreds of megabytes. A price that
    is not found keeps its value and its date. Where a list cannot be read the file stays as it is.
    """
    try:
        old = Prices.load(file if file.exists() else None)
        with httpx.Client(timeout=_TIMEOUT, follow_redirects=True) as client:
            found = refresh(old, _lists(client), today(), regions or ())
        write(file, found.rows)
    except (PriceFileError, PriceListError) as error:
        raise Failure(Exit.PRICES, f"{error}; {file} was not changed") from None
    except OSError as error:
        raise Failure(Exit.PRICES, f"{file}: cannot be written: {error.strerror}") from None
    _tell(found, file)


def _lists(client: httpx.Client) -> PriceLists:
    return PriceLists(
        client,
        google_key=os.environ.get("GOOGLE_API_KEY") or None,
        say=lambda text: err.print(text, markup=False),
    )


def _tell(found: Refreshed, file: Path) -> None:
    for change in found.changes:
        before, after = (", ".join(map(_number, side)) for side in (change.before, change.after))
        out.print(f"{change.price}: {before or 'new'} -> {after} USD", markup=False)
    for kept in found.kept:
        out.print(f"{kept.price}: kept, {kept.why}", markup=False)
    counts = f"{len(found.changes)} changed, {found.confirmed} confirmed, {len(found.kept)} kept as they were"
    out.print(f"{file}: {counts}", markup=False)


def _number(usd: float) -> str:
    """Without an exponent: 0.0000133334."""
    return f"{usd:.10f}".rstrip("0").rstrip(".")
