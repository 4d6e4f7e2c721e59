"""The bill in one sentence: both sides, what has no price on either, and whether they can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from modelberth.preview.cost.comparison import Comparison, HalfPriced
from modelberth.preview.cost.estimate import Cost
from modelberth.preview.effects.wording import listed

from .money import amount, change, delta, usd
from .plain import resource

__all__ = ["bill_sentence"]

_LEAD: Final = "Monthly cost at the expected load: "


def bill_sentence(found: Comparison, *, existed: bool) -> str:
    """Say what a month costs. `existed`: something was there before, so that it can be as before."""
    if found.half_priced:
        sums = f"{_sum(found.before)} → {_sum(found.after)}"
        return f"{_LEAD}{sums}, which cannot be compared: {_lacking(found.half_priced)}."
    before, after = found.before.expected.usd, found.after.expected.usd
    moved = delta(before, after)
    if moved:
        known = " in what is estimated" if found.before.unpriced or found.after.unpriced else ""
        said = f"{_sum(found.before)} → {_sum(found.after)} ({moved}{known})"
        return f"{_LEAD}{'; '.join(filter(None, (said, _unpriced(found, existed=existed))))}."
    return f"{_LEAD}{'; '.join([_same(found, existed=existed), *_other_loads(found, existed=existed)])}."


def _same(found: Comparison, *, existed: bool) -> str:
    """The sum where it is the same on both sides, or there is no other side."""
    missing, differs = len(found.after.unpriced), found.more or found.fewer
    if not found.after.priced and missing:
        if not existed:
            return f"{missing:,} not estimated"
        return f"{missing:,} not estimated, {f'{_steps(found)} than' if differs else 'as'} before"
    if not existed:
        return amount(found.after.expected.usd, missing)
    if differs:
        return f"{_sum(found.after)}, as before; {_unpriced(found, existed=existed)}"
    return f"{amount(found.after.expected.usd, missing)}, as before"


def _other_loads(found: Comparison, *, existed: bool) -> list[str]:
    """The loads at which the bill differs though it is the same at the expected one."""
    loads = {
        "without a request": (found.before.least.usd, found.after.least.usd),
        "at most": (found.before.most.usd, found.after.most.usd),
    }
    return [f"{load}: {change(*pair)}" for load, pair in loads.items() if existed and delta(*pair)]


def _unpriced(found: Comparison, *, existed: bool) -> str:
    missing = len(found.after.unpriced)
    if not existed:
        return f"{missing:,} {_are(missing)} not estimated" if missing else ""
    if not found.more and not found.fewer:
        return f"{missing:,} not estimated, as before" if missing else ""
    if not missing:
        return f"{found.fewer:,} that had no price {_are(found.fewer)} gone"
    steps = f"{_steps(found)} {_are(found.more + found.fewer)} not estimated"
    return steps if missing == found.more else f"{steps}, {missing:,} in all"


def _steps(found: Comparison) -> str:
    more = [f"{found.more:,} more"] if found.more else []
    return " and ".join([*more, *([f"{found.fewer:,} fewer"] if found.fewer else [])])


def _sum(cost: Cost) -> str:
    if not cost.unpriced:
        return usd(cost.expected.usd)
    return f"at least {usd(cost.expected.usd)}" if cost.priced else "not estimated"


def _lacking(found: Sequence[HalfPriced]) -> str:
    """Resources by what they lack: `a` and `b` are not estimated after the update."""
    alike: dict[str, list[str]] = {}
    for half in found:
        lacks = f"not estimated{' in full' if half.in_part else ''} {half.side} the update"
        alike.setdefault(lacks, []).append(f"`{resource(half.urn).replace('`', chr(39))}`")
    return " and ".join(f"{listed(names)} {_are(len(names))} {lacks}" for lacks, names in alike.items())


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
