"""Changes of one resource, each with what it must, or must not, be called."""

from . import addresses, counts, exposure, keys, life, permissions, rolling, traffic
from .case import Case

CASES: list[Case] = [
    case
    for module in (rolling, addresses, traffic, counts, life, exposure, permissions, keys)
    for case in module.CASES
]

__all__ = ["CASES", "Case"]
