"""The monthly cost of resources at three loads, line by line, and what could not be priced."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Cost", "Line", "Scenario", "Unpriced"]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One thing that is billed."""

    urn: str
    what: str
    """Such as `Cloud Run: memory, 2 GiB while a request is served`."""
    quantity: float
    unit: str
    """Such as `GiB-s`, `h`, `1M requests`."""
    usd: float
    """Cost of a month."""
    price: str
    """Id of the price in the price file."""


@dataclass(frozen=True)
class Unpriced:
    """A resource, or a part of one, that has no price: listed, never counted as zero."""

    urn: str
    why: str
    idle: bool = True
    """Whether it is billed without a single request as well, or may be."""


@dataclass(frozen=True)
class Scenario:
    """What is billed in a month at one load."""

    lines: tuple[Line, ...]

    @property
    def usd(self) -> float:
        """Sum of the month."""
        return sum(line.usd for line in self.lines)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """A month at the least load (no request), the expected one and the greatest (every replica, always)."""

    least: Scenario
    expected: Scenario
    most: Scenario
    unpriced: tuple[Unpriced, ...] = ()
    assumptions: tuple[str, ...] = ()
    """Such as `1,000,000 requests a month of 100ms each, spread evenly over it`."""

    @property
    def priced(self) -> frozenset[str]:
        """URNs of what has a price at any load."""
        scenarios = (self.least, self.expected, self.most)
        return frozenset(line.urn for scenario in scenarios for line in scenario.lines)

    def usd_per_1k_requests(self, requests_per_month: float) -> float | None:
        """What a thousand requests cost at the expected load; None where not one is expected."""
        return self.expected.usd / requests_per_month * 1000 if requests_per_month else None

    @classmethod
    def total(cls, costs: Iterable[Cost]) -> Cost:
        """Everything together."""
        found = list(costs)
        return cls(
            least=Scenario(tuple(line for cost in found for line in cost.least.lines)),
            expected=Scenario(tuple(line for cost in found for line in cost.expected.lines)),
            most=Scenario(tuple(line for cost in found for line in cost.most.lines)),
            unpriced=tuple(unpriced for cost in found for unpriced in cost.unpriced),
            assumptions=tuple(dict.fromkeys(said for cost in found for said in cost.assumptions)),
        )
