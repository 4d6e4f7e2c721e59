"""What a type of resource is for in an endpoint: `reasons.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from .cost.resource import kind_of

__all__ = ["reason", "reasons"]

_FILE: Final = Path(__file__).with_name("reasons.toml")


def reason(token: str) -> str | None:
    """Why an endpoint has a resource of the type; None for a type that the table does not know.

    The longest pattern that fits counts.
    """
    kind = kind_of(token)
    fitting = [
        known
        for known in reasons()
        if kind == known or (known.endswith("*") and kind.startswith(known.removesuffix("*")))
    ]
    return reasons()[max(fitting, key=len)] if fitting else None


@cache
def reasons() -> Mapping[str, str]:
    """Every row, by type or pattern."""
    groups = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {token: sentence for group in groups.values() for token, sentence in group.items()}
