"""Quantities of the API, such as 500m and 2Gi, as numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from importlib import import_module
from typing import Any, Final

__all__ = ["NONE", "Amounts", "amount_of", "amounts_of", "asked_by", "total", "written"]

Amounts = Mapping[str, Decimal]
"""By resource, such as `cpu`, or `requests.cpu` as a ResourceQuota has it."""

NONE: Final = Decimal(0)


def amount_of(text: str) -> Decimal:
    """Return a quantity in its base unit: cores, bytes, pieces."""
    amount: Decimal = import_module("kubernetes.utils.quantity").parse_quantity(text)
    return amount


def amounts_of(found: Mapping[str, Any] | None) -> dict[str, Decimal]:
    """Return quantities by resource."""
    return {name: amount_of(str(value)) for name, value in (found or {}).items()}


def written(amount: Decimal) -> str:
    """Return an amount as a quantity of the API, in the largest binary unit that keeps it whole."""
    for unit, size in (("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10)):
        if amount >= size and amount % size == 0:
            return f"{int(amount / size)}{unit}"
    return f"{amount.normalize():f}"


def total(parts: Iterable[Amounts]) -> Amounts:
    """Return the sums by resource."""
    found: dict[str, Decimal] = {}
    for part in parts:
        for name, amount in part.items():
            found[name] = found.get(name, NONE) + amount
    return found


def asked_by(together: Iterable[Amounts], before: Iterable[Amounts]) -> Amounts:
    """Return what counts for a pod: its containers together, or the largest that runs before them."""
    first = [*before]
    running = total(together)
    names = {*running, *(name for one in first for name in one)}
    return {name: max(one.get(name, NONE) for one in [running, *first]) for name in names}
