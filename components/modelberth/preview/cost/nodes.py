"""Machines that are billed by the hour."""

from __future__ import annotations

from collections.abc import Iterator

from .resource import Assumed, Charge, Gap
from .traffic import MONTH_HOURS, Amounts

__all__ = ["machines", "sized"]


def sized(low: float, wanted: float, high: float) -> Amounts:
    """Machines of a pool between two bounds, where what is expected is its desired size."""
    high = max(low, high)
    return Amounts(low, min(max(wanted, low), high), high)


def machines(what: str, prefix: str, kind: str, count: Amounts) -> Iterator[Charge | Gap | Assumed]:
    """The hours of machines of one kind; their disks are a gap."""
    yield Charge(f"{what} {kind}", f"{prefix}.{kind}", count.times(MONTH_HOURS), kind)
    yield Gap("the disks of its machines are not estimated")
    if count.least < count.most:
        yield Assumed("a pool of machines has its desired size at the expected load")
