"""Two costs of the same thing, side by side: what a difference of their sums leaves out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from .estimate import Cost, Scenario
from .resource import Side

__all__ = ["Comparison", "HalfPriced"]

_NOTHING: Final = Cost(least=Scenario(()), expected=Scenario(()), most=Scenario(()))


@dataclass(frozen=True)
class HalfPriced:
    """A resource that is estimated on one side, and on the other not, or only in part."""

    urn: str
    side: Side
    """Where more of it has no price."""
    in_part: bool
    """Whether something of it has a price there."""


@dataclass(frozen=True)
class Comparison:
    """What a month costs before and after. A side that is not there costs nothing."""

    before: Cost
    after: Cost
    half_priced: tuple[HalfPriced, ...]
    """Because of these the difference of the sums is none of the bill."""
    more: int
    """Things without a price that the other side does not have."""
    fewer: int

    @classmethod
    def of(cls, before: Cost | None, after: Cost | None) -> Comparison:
        """One endpoint's."""
        old, new = before or _NOTHING, after or _NOTHING
        missing_before, missing_after = _missing(old), _missing(new)
        return cls(
            old,
            new,
            tuple(_half_priced(old, new)),
            more=(missing_after - missing_before).total(),
            fewer=(missing_before - missing_after).total(),
        )

    @classmethod
    def total(cls, parts: Iterable[Comparison]) -> Comparison:
        """Everything together."""
        found = list(parts)
        return cls(
            Cost.total(part.before for part in found),
            Cost.total(part.after for part in found),
            tuple(dict.fromkeys(half for part in found for half in part.half_priced)),
            more=sum(part.more for part in found),
            fewer=sum(part.fewer for part in found),
        )


def _half_priced(before: Cost, after: Cost) -> Iterator[HalfPriced]:
    priced = before.priced, after.priced
    missing = _missing(before), _missing(after)
    for urn in dict.fromkeys((*missing[0], *missing[1])):
        there = [urn in priced[side] or urn in missing[side] for side in (0, 1)]
        if not all(there) or not (urn in priced[0] or urn in priced[1]):
            continue
        # A resource that is wholly without a price has one gap, whatever it has on the other side.
        lost = [(urn in priced[side], -missing[side][urn]) for side in (0, 1)]
        if lost[0] != lost[1]:
            worse: Side = "before" if lost[0] < lost[1] else "after"
            yield HalfPriced(urn, worse, in_part=all(urn in side for side in priced))
    yield from _moved(priced, missing)


def _moved(
    priced: tuple[frozenset[str], frozenset[str]], missing: tuple[Counter[str], Counter[str]]
) -> Iterator[HalfPriced]:
    """An endpoint that was priced and has come to stand on what has no price at all, or the reverse."""
    sides: tuple[Side, Side] = ("before", "after")
    for side, other in ((0, 1), (1, 0)):
        if priced[other] and not priced[side]:
            new = [urn for urn in missing[side] if urn not in missing[other] and urn not in priced[other]]
            yield from (HalfPriced(urn, sides[side], in_part=False) for urn in new)


def _missing(cost: Cost) -> Counter[str]:
    return Counter(one.urn for one in cost.unpriced)
