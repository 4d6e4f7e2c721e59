"""The bill in the comment of a pull request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from modelberth.preview.report import Report

from .bill import LOADS, NOTHING_IDLE, Charge, assumptions, charges, idle, idles, rows, unpriced
from .markdown_text import code, details, escaped, prose, within
from .money import change, usd
from .plain import resource, shortened

__all__ = ["cost_section"]

# Bytes of each part.
_TABLE: Final = 4_000
_IDLE: Final = 2_500
_UNPRICED: Final = 2_000
_DETAILS: Final = 3_500
_LONGEST: Final = 300
_TINY: Final = 0.0001
"""Below it a number would be written with an exponent."""


def cost_section(report: Report) -> Iterator[str]:
    """Blocks with the cost of a month; none where nothing is estimated."""
    table = rows(report)
    if not table:
        return
    yield "#### Cost of a month"
    *most, last = [f"| {prose(row.label)} | {' | '.join(map(escaped, row.cells))} |" for row in table]
    yield "\n".join(
        [
            f"| | {' | '.join(LOADS)} |",
            "|---|" + "---:|" * len(LOADS),
            *filter(None, [within(most, _TABLE, lambda more: f"| {more:,} more | | | |")]),
            last,
        ]
    )
    yield from _idle(report)
    missing = unpriced(report)
    if missing:
        listed = (f"- {code(resource(one.urn))}: {prose(shortened(one.why, _LONGEST))}" for one in missing)
        yield "Not estimated:\n\n" + within(listed, _UNPRICED, lambda more: f"- {more:,} more.")
    yield from _estimate(report)


def _idle(report: Report) -> Iterator[str]:
    found = idle(report)
    if found:
        listed = (
            f"- {escaped(usd(line.usd))} {prose(name)}: {prose(shortened(line.what, _LONGEST))}"
            for name, line in found
        )
        yield "Billed without a single request:\n\n" + within(listed, _IDLE, lambda more: f"- {more:,} more.")
    elif idles(report):
        yield NOTHING_IDLE


def _estimate(report: Report) -> Iterator[str]:
    lines, assumed = charges(report), assumptions(report)
    blocks = []
    if lines:
        heading = "| | what | quantity | a month |\n|---|---|---:|---:|\n"
        listed = within(map(_charge, lines), _DETAILS * 2 // 3, lambda more: f"| {more:,} more | | | |")
        blocks.append(heading + listed)
    if assumed:
        said = (f"- {prose(shortened(one, _LONGEST))}" for one in assumed)
        blocks.append("Assumed:\n\n" + within(said, _DETAILS // 3, lambda more: f"- {more:,} more."))
    if blocks:
        yield details("How this is estimated", "\n\n".join(blocks))


def _charge(charge: Charge) -> str:
    line = charge.line
    cells = (
        prose(charge.label),
        prose(shortened(line.what, _LONGEST)),
        escaped(f"{_quantity(line.quantity)} {line.unit}"),
        escaped(change(charge.before, charge.after)),
    )
    return f"| {' | '.join(cells)} |"


def _quantity(quantity: float) -> str:
    if quantity >= 1000:
        return f"{quantity:,.0f}"
    return f"{quantity:.4g}" if quantity >= _TINY else f"<{_TINY:g}"
