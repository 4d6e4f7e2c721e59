"""The rate at which the error budget of a service level objective is spent, and when that is told.

The budget of 99.5 percent over 30 days is 0.5 percent of the requests of these days; at burn rate 1 it lasts
for just these days. Each alert needs the rate in a long window, so that what is over soon tells nobody, and
in a short one, so that it ends soon after the cause. Rates and windows: B. Beyer et al., "The Site
Reliability Workbook", O'Reilly 2018, chapter 5, table 5-8, https://sre.google/workbook/alerting-on-slos/.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from modelberth.spec import Slo

__all__ = ["BURN_RATES", "DAY_HOURS", "BurnRate", "burn_rates"]

DAY_HOURS: Final = 24


@dataclass(frozen=True, slots=True)
class BurnRate:
    """One row of the table."""

    long: str
    short: str
    rate: float
    severity: str
    hours: int
    """Of the long window."""

    def threshold(self, budget: float) -> float:
        """Return the share of failed requests at which the budget is spent at this rate.

        With a large budget that may be more than all: then half of what is left of the promise has to fail,
        so that an outage is always told.
        """
        return min(self.rate * budget, (1 + budget) / 2)


BURN_RATES: Final = (
    BurnRate("1h", "5m", 14.4, "critical", 1),
    BurnRate("6h", "30m", 6, "critical", 6),
    BurnRate("1d", "2h", 3, "warning", 24),
    BurnRate("3d", "6h", 1, "warning", 72),
)


def burn_rates(slo: Slo) -> tuple[BurnRate, ...]:
    """Return the rows whose long window is not longer than that of the promise."""
    return tuple(row for row in BURN_RATES if row.hours <= slo.window_days * DAY_HOURS)
