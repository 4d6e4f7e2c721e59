"""GPUs of a cloud's instance types, from `machines.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Final

__all__ = ["gpus_of"]

_FILE: Final = Path(__file__).with_name("machines.toml")


def gpus_of(instance_type: str) -> int:
    """GPUs of one instance; 0 where it has none or the table does not know the type."""
    return _table().get(instance_type.removeprefix("ml."), 0)


@cache
def _table() -> dict[str, int]:
    table: dict[str, int] = tomllib.loads(_FILE.read_text(encoding="utf-8"))["gpus"]
    return table
