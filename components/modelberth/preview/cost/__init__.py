"""What a month costs, before and after, from dated prices; what has no price is listed, never zero."""

from .bill import budget_of, cost_of, load_of
from .estimate import Cost, Line, Scenario, Unpriced
from .prices import PriceFileError, Prices
from .resource import Side

__all__ = [
    "Cost",
    "Line",
    "PriceFileError",
    "Prices",
    "Scenario",
    "Side",
    "Unpriced",
    "budget_of",
    "cost_of",
    "load_of",
]
