"""From the expected load to what is up and what is served in a month, at the three loads of an estimate."""

from __future__ import annotations

from math import ceil
from typing import Final, NamedTuple

from modelberth.spec import Load

__all__ = ["MONTH_DAYS", "MONTH_HOURS", "MONTH_SECONDS", "Amounts", "replicas", "requests", "serving", "up"]

MONTH_HOURS: Final = 730.0
"""A twelfth of a year, as the clouds' own calculators take it."""
MONTH_SECONDS: Final = MONTH_HOURS * 3600
MONTH_DAYS: Final = MONTH_HOURS / 24


class Amounts(NamedTuple):
    """A quantity at the least, the expected and the greatest load."""

    least: float
    expected: float
    most: float

    @classmethod
    def always(cls, quantity: float) -> Amounts:
        """The same at every load."""
        return cls(quantity, quantity, quantity)

    def times(self, factor: float) -> Amounts:
        """Each, multiplied."""
        return Amounts(self.least * factor, self.expected * factor, self.most * factor)


def concurrency(load: Load) -> float:
    """Requests in progress on average, the load being spread evenly (Little's law)."""
    return load.requests_per_month * load.request_time.seconds / MONTH_SECONDS


def requests(load: Load, in_progress: float) -> Amounts:
    """Requests that are served where at most `in_progress` can be at a time."""
    most = in_progress * MONTH_SECONDS / load.request_time.seconds
    return Amounts(0, min(load.requests_per_month, most), most)


def replicas(load: Load, low: float, high: float, each: float = 1.0) -> Amounts:
    """Replicas between two bounds, where one takes `each` requests at a time."""
    return Amounts(low, max(low, min(ceil(concurrency(load) / each), high)), max(low, high))


def serving(load: Load, high: float, each: float) -> Amounts:
    """Seconds, over all replicas, in which one has at least one request in progress.

    Evenly spread requests do not overlap before a replica is busy all the time.
    """
    busy = load.requests_per_month * load.request_time.seconds
    needed = replicas(load, 0, high, each).expected
    return Amounts(0, min(busy, needed * MONTH_SECONDS), high * MONTH_SECONDS)


def up(load: Load, low: float, high: float, each: float, idle: float) -> Amounts:
    """Seconds, over all replicas, in which one is up; the last stops `idle` seconds after a request."""
    needed = replicas(load, low, high, each).expected
    last = load.requests_per_month * (load.request_time.seconds + idle)
    expected = min(needed * MONTH_SECONDS, last) if low == 0 and needed <= 1 else needed * MONTH_SECONDS
    return Amounts(low * MONTH_SECONDS, expected, max(low, high) * MONTH_SECONDS)
