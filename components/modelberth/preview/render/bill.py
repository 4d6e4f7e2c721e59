"""The bill of a report, row by row: what every form of it shows about money."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from modelberth.preview.cost.comparison import Comparison
from modelberth.preview.cost.estimate import Cost, Line, Unpriced
from modelberth.preview.report import Report

from .money import change_in_brief, delta, in_brief
from .summary import label, totals

__all__ = [
    "LOADS",
    "NOTHING_IDLE",
    "Charge",
    "Row",
    "assumptions",
    "charges",
    "idle",
    "idles",
    "rows",
    "unpriced",
]

LOADS: Final = ("no request", "expected load", "at most")
"""The three loads of a `Cost`: at most means every replica, always."""

NOTHING_IDLE: Final = "Without a single request nothing of what is estimated is billed."

_UNKNOWN: Final = "not estimated"
_FEW: Final = 4


@dataclass(frozen=True)
class Row:
    """One row of the table: whose cost, and it at each of the three loads."""

    label: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Charge:
    """One line of the bill at the expected load, before and after."""

    label: str
    line: Line
    before: float
    after: float


def rows(report: Report) -> tuple[Row, ...]:
    """A row for each endpoint that costs something else than before, one for the others, and the total.

    Empty where nothing is to be estimated.
    """
    together = totals(report)
    if together is None:
        return ()
    sides = [
        (label(endpoint), Comparison.of(endpoint.before, endpoint.after))
        for endpoint in report.endpoints
        if endpoint.before or endpoint.after
    ]
    moved = [side for side in sides if _differs(side[1])]
    moved.sort(key=lambda side: -abs(side[1].after.expected.usd - side[1].before.expected.usd))
    still = [side for side in sides if not _differs(side[1])]
    apart = [*moved, *still] if len(still) < _FEW else moved
    found = [_row(*side) for side in apart]
    if len(apart) < len(sides):
        rest = Comparison.total(costs for _, costs in still)
        found.append(_row(f"{len(still):,} that cost what they did", rest))
    return (*found, _total(together)) if len(sides) > 1 else tuple(found)


def idle(report: Report) -> tuple[tuple[str, Line], ...]:
    """What is billed in a month without a request, by endpoint, the dearest first."""
    found = [
        (label(endpoint), line)
        for endpoint in report.endpoints
        if endpoint.after
        for line in endpoint.after.least.lines
        if line.usd > 0
    ]
    return tuple(sorted(found, key=lambda item: -item[1].usd))


def idles(report: Report) -> bool:
    """Whether it is known that nothing of what is estimated is billed without a request."""
    return not idle(report) and any(cost.priced for cost in _after(report))


def unpriced(report: Report) -> tuple[Unpriced, ...]:
    """What has no price after the update, once each."""
    return tuple(dict.fromkeys(one for cost in _after(report) for one in cost.unpriced))


def assumptions(report: Report) -> tuple[str, ...]:
    """On what the estimate rests, once each."""
    return tuple(dict.fromkeys(said for cost in _after(report) for said in cost.assumptions))


def charges(report: Report) -> tuple[Charge, ...]:
    """Every line of the bill at the expected load; those that change most come first."""
    found: list[Charge] = []
    for endpoint in report.endpoints:
        costs = Comparison.of(endpoint.before, endpoint.after)
        old = {(line.urn, line.what): line for line in costs.before.expected.lines}
        new = {(line.urn, line.what): line for line in costs.after.expected.lines}
        for key, line in {**old, **new}.items():
            sums = tuple(side[key].usd if key in side else 0.0 for side in (old, new))
            found.append(Charge(label(endpoint), line, *sums))
    return tuple(sorted(found, key=lambda charge: (-abs(charge.after - charge.before), -charge.after)))


def _after(report: Report) -> Iterator[Cost]:
    return (endpoint.after for endpoint in report.endpoints if endpoint.after)


def _loads(cost: Cost) -> tuple[float, ...]:
    return cost.least.usd, cost.expected.usd, cost.most.usd


def _differs(costs: Comparison) -> bool:
    sums = zip(_loads(costs.before), _loads(costs.after), strict=True)
    return any(delta(*pair) for pair in sums) or bool(costs.more or costs.fewer or costs.half_priced)


def _row(name: str, costs: Comparison) -> Row:
    missing = _missing(costs)
    return Row(f"{name} ({missing})" if missing else name, _cells(costs))


def _missing(costs: Comparison) -> str:
    """How much of it is not estimated, with what has come and gone: `6 not estimated: +2, -1`."""
    count = len(costs.after.unpriced)
    existed = costs.before.priced or costs.before.unpriced
    if not count or not existed or not (costs.more or costs.fewer):
        return f"{count:,} not estimated" if count else ""
    if count == costs.more and not costs.fewer:
        return f"+{count:,} not estimated"
    steps = [f"+{costs.more:,}"] * bool(costs.more) + [f"-{costs.fewer:,}"] * bool(costs.fewer)
    return f"{count:,} not estimated: {', '.join(steps)}"


def _total(costs: Comparison) -> Row:
    """The last row. How much of it is not estimated stands in the rows above."""
    if costs.after.priced and costs.after.unpriced:
        return Row("total" if costs.half_priced else "total, at least", _cells(costs))
    return _row("total", costs)


def _cells(costs: Comparison) -> tuple[str, ...]:
    sums = zip(_loads(costs.before), _loads(costs.after), strict=True)
    return tuple(_cell(costs, *pair) for pair in sums)


def _cell(costs: Comparison, before: float, after: float) -> str:
    """An amount, or both; a side of which nothing has a price has no amount."""
    unknown = [bool(cost.unpriced and not cost.priced) for cost in (costs.before, costs.after)]
    was_there = costs.before.priced or costs.before.unpriced
    if all(unknown) or (unknown[1] and not was_there):
        return _UNKNOWN
    if not any(unknown) and not costs.half_priced:
        return change_in_brief(before, after)
    return f"{_side(costs.before, before)} → {_side(costs.after, after)}"


def _side(cost: Cost, value: float) -> str:
    if not cost.unpriced:
        return in_brief(value)
    return f"at least {in_brief(value)}" if cost.priced else _UNKNOWN
