"""Which price file a command uses, and the day against which the age of its prices is told."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from modelberth.cli.failure import Exit, Failure
from modelberth.preview.cost.prices import PriceFileError, Prices

__all__ = ["prices_for", "today"]


def prices_for(folder: Path, file: Path | None = None) -> Prices:
    """The price file that is named, else the newest of the project's own and the package's.

    Raises:
        Failure: the file cannot be read, or a row of it is wrong.
    """
    try:
        return Prices.choose(file, folder)
    except PriceFileError as error:
        raise Failure(Exit.PRICES, str(error)) from None


def today() -> date:
    """The day in UTC."""
    return datetime.now(UTC).date()
