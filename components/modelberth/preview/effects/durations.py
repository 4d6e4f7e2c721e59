"""Usual times until a new resource serves, from `durations.toml`, each with its source."""

from __future__ import annotations

import tomllib
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final

__all__ = ["usual"]

_FILE: Final = Path(__file__).with_name("durations.toml")


def usual(token: str) -> tuple[int, int] | None:
    """Seconds, shortest and longest usual time; None where no source is known."""
    return _table().get(token)


@cache
def _table() -> dict[str, tuple[int, int]]:
    rows = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {token: _seconds(token, row) for token, row in rows.items()}


def _seconds(token: str, row: dict[str, Any]) -> tuple[int, int]:
    match row:
        case {"seconds": [int(low), int(high)], "source": str(source), "read": date()} if (
            0 < low <= high and source
        ):
            return low, high
    raise ValueError(
        f"{_FILE.name}: {token}: wanted seconds = [low, high], a source and the day it was read, given {row}"
    )
