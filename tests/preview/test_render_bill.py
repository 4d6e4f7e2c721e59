"""The table of the bill: a row for each endpoint, and no amount where nothing has a price."""

import io

import pytest
from rich.console import Console

from modelberth.preview.cost import Cost
from modelberth.preview.render import markdown, terminal
from modelberth.preview.render.bill import NOTHING_IDLE, rows
from modelberth.preview.report import EndpointReport, Report
from support.reports import component, cost, plan

Sides = tuple[Cost | None, Cost | None]


def report(*sides: Sides) -> Report:
    endpoints = [
        EndpointReport(name=f"e{n}", before=before, after=after) for n, (before, after) in enumerate(sides)
    ]
    return Report(
        plan=plan(*(component(one.name) for one in endpoints)), endpoints=tuple(endpoints), offline=True
    )


def cells(*sides: Sides) -> list[tuple[str, ...]]:
    return [(row.label, *row.cells) for row in rows(report(*sides))]


PRICED = cost("f", 0, 5, 200)
PART = cost("f", 0, 5, 200, unpriced=("q",))
NONE = cost("f", 0, 0, 0, unpriced=("q", "r"))
FREE = cost("f", 0, 0, 0)


@pytest.mark.parametrize(
    ("before", "after", "row"),
    [
        (PRICED, PRICED, ("`e0`", "$0.00", "$5.00", "$200")),
        (FREE, FREE, ("`e0`", "$0.00", "$0.00", "$0.00")),
        (PART, PART, ("`e0` (1 not estimated)", "$0.00", "$5.00", "$200")),
        (PRICED, PART, ("`e0` (+1 not estimated)", "$0.00", "$5.00", "$200")),
        (
            PART,
            cost("f", 0, 5, 200, unpriced="rst"),
            ("`e0` (3 not estimated: +3, -1)", "$0.00", "$5.00", "$200"),
        ),
        (PART, cost("f", 0, 5, 200, unpriced="qr"), ("`e0` (2 not estimated: +1)", "$0.00", "$5.00", "$200")),
        (PART, PRICED, ("`e0`", "$0.00", "$5.00", "$200")),
        (NONE, NONE, ("`e0` (2 not estimated)", *["not estimated"] * 3)),
        (None, NONE, ("`e0` (2 not estimated)", *["not estimated"] * 3)),
        (
            PRICED,
            cost("f", 0, 3, 100, unpriced=("f",)),
            (
                "`e0` (+1 not estimated)",
                "$0.00 → at least $0.00",
                "$5.00 → at least $3.00",
                "$200 → at least $100",
            ),
        ),
    ],
)
def test_a_row(before: Cost | None, after: Cost, row: tuple[str, ...]) -> None:
    assert cells((before, after)) == [row]


def test_the_total_is_a_least_sum_or_none() -> None:
    assert cells((PART, PART), (PRICED, PRICED))[-1] == ("total, at least", "$0.00", "$10.00", "$400")
    assert cells((PRICED, PRICED), (PRICED, PRICED))[-1] == ("total", "$0.00", "$10.00", "$400")
    assert cells((NONE, NONE), (NONE, NONE))[-1] == ("total (4 not estimated)", *["not estimated"] * 3)


def test_an_endpoint_that_gets_something_without_a_price_has_a_row_of_its_own() -> None:
    same: list[Sides] = [(PRICED, PRICED)] * 5
    assert [row[0] for row in cells(*same, (PRICED, PART))] == [
        "`e5` (+1 not estimated)",
        "5 that cost what they did",
        "total, at least",
    ]


@pytest.mark.parametrize(("after", "said"), [(NONE, False), (FREE, False), (PART, True)])
def test_that_nothing_is_billed_when_idle_is_said_of_what_is_estimated(after: Cost, said: bool) -> None:
    out = io.StringIO()
    terminal(report((None, after)), Console(file=out, width=120, no_color=True, color_system=None))
    assert (NOTHING_IDLE in out.getvalue()) is said
    assert (NOTHING_IDLE in markdown(report((None, after)))) is said
