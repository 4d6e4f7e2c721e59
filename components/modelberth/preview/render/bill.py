"""The bill of a report, row by row: what every form of it shows about money."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from modelberth.preview.cost.estimate import Cost, Line, Scenario, Unpriced
from modelberth.preview.report import EndpointReport, Report

from .money import change_in_brief, delta
from .summary import label, totals

__all__ = ["LOADS", "NOTHING_IDLE", "Charge", "Row", "assumptions", "charges", "idle", "rows", "unpriced"]

LOADS: Final = ("no request", "expected load", "at most")
"""The three loads of a `Cost`: at most means every replica, always."""

NOTHING_IDLE: Final = "Without a single request nothing of what is estimated is billed."

_NOTHING: Final = Cost(least=Scenario(()), expected=Scenario(()), most=Scenario(()))
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

    Empty where nothing is estimated.
    """
    together = totals(report)
    if together is None:
        return ()
    sides = [
        (endpoint, *_sides(endpoint)) for endpoint in report.endpoints if endpoint.before or endpoint.after
    ]
    moved = [side for side in sides if _differs(side[1], side[2])]
    moved.sort(key=lambda side: -abs(side[2].expected.usd - side[1].expected.usd))
    still = [side for side in sides if not _differs(side[1], side[2])]
    apart = [*moved, *still] if len(still) < _FEW else moved
    found = [_row(label(endpoint), before, after) for endpoint, before, after in apart]
    if len(apart) < len(sides):
        rest = Cost.total(after for _, _, after in still)
        found.append(_row(f"{len(still):,} that cost what they did", rest, rest))
    return (*found, _row("total", *together)) if len(sides) > 1 else tuple(found)


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
        before, after = _sides(endpoint)
        old = {(line.urn, line.what): line for line in before.expected.lines}
        new = {(line.urn, line.what): line for line in after.expected.lines}
        for key, line in {**old, **new}.items():
            sums = tuple(side[key].usd if key in side else 0.0 for side in (old, new))
            found.append(Charge(label(endpoint), line, *sums))
    return tuple(sorted(found, key=lambda charge: (-abs(charge.after - charge.before), -charge.after)))


def _sides(endpoint: EndpointReport) -> tuple[Cost, Cost]:
    return endpoint.before or _NOTHING, endpoint.after or _NOTHING


def _after(report: Report) -> Iterator[Cost]:
    return (endpoint.after for endpoint in report.endpoints if endpoint.after)


def _loads(cost: Cost) -> tuple[float, ...]:
    return cost.least.usd, cost.expected.usd, cost.most.usd


def _differs(before: Cost, after: Cost) -> bool:
    return any(delta(*pair) for pair in zip(_loads(before), _loads(after), strict=True))


def _row(name: str, before: Cost, after: Cost) -> Row:
    missing = f" ({len(after.unpriced):,} not estimated)" if after.unpriced else ""
    cells = (change_in_brief(*pair) for pair in zip(_loads(before), _loads(after), strict=True))
    return Row(f"{name}{missing}", tuple(cells))
