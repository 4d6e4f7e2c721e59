"""Amounts of US dollars as a person reads them."""

from __future__ import annotations

from typing import Final

__all__ = ["amount", "change", "change_in_brief", "delta", "in_brief", "usd"]

_CENT: Final = 0.01
# Sums of many small prices differ in the last bits without any difference in the bill.
_NOISE: Final = 1e-6
_WHOLE: Final = 100


def usd(value: float) -> str:
    """Write an amount: `$1,234.50`, `$0.00`, and `<$0.01` for less than a cent."""
    if value < -_NOISE:
        return f"-{usd(-value)}"
    if _NOISE < value < _CENT:
        return "<$0.01"
    return f"${abs(value):,.2f}"


def amount(value: float, unpriced: int) -> str:
    """Write an amount that leaves out `unpriced` things: `at least $31.00 + 2 not estimated`."""
    return f"at least {usd(value)} + {unpriced:,} not estimated" if unpriced else usd(value)


def delta(before: float, after: float) -> str:
    """Write a difference with its sign and share: `+$18.60, +150%`; empty where there is none."""
    difference = after - before
    if abs(difference) < _NOISE:
        return ""
    sign = "+" if difference > 0 else "-"
    share = f", {sign}{_percent(abs(difference) / before)}" if before > _NOISE else ""
    return f"{sign}{usd(abs(difference))}{share}"


def change(before: float, after: float) -> str:
    """Write both sides: `$12.40 → $31.00`, or the one amount where they are the same."""
    return usd(after) if abs(after - before) < _NOISE else f"{usd(before)} → {usd(after)}"


def in_brief(value: float) -> str:
    """Write an amount without cents from a hundred dollars up."""
    return f"${value:,.0f}" if value >= _WHOLE else usd(value)


def change_in_brief(before: float, after: float) -> str:
    """The same without cents from a hundred dollars up, unless the cents are all that changes."""
    sides = [in_brief(before), in_brief(after)]
    if sides[0] == sides[1]:
        return change(before, after) if delta(before, after) else sides[0]
    return " → ".join(sides)


def _percent(share: float) -> str:
    percent = share * 100
    if percent < _CENT * 10:
        return "<0.1%"
    return f"{percent:,.0f}%" if percent >= 10 else f"{percent:.1f}".removesuffix(".0") + "%"
