"""Documents about what only Google knows: at once where all of it is known, else as outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pulumi

from modelberth.gcp.monitoring.signals import VERSION, Plain, Where

__all__ = ["filled", "lasting", "named"]

T = TypeVar("T")


def filled(where: Where, make: Callable[[Plain], T]) -> pulumi.Input[T]:
    """Return what is made from values: known where these are, so that a preview shows it, else an output."""
    known = {word: value for word, value in where.items() if isinstance(value, str)}
    return make(known) if len(known) == len(where) else pulumi.Output.all(**where).apply(make)


def lasting(where: Where) -> Where:
    """Return the words that a new version does not change: what needs no other need not change with each."""
    return {word: value for word, value in where.items() if word != VERSION}


def named(where: Where) -> Plain:
    """Return the known values, and for any other its word: enough for what does not tell the value."""
    return {word: value if isinstance(value, str) else word for word, value in where.items()}
