import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.preview.render.money import amount, change, change_in_brief, delta, usd


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "$0.00"),
        (1e-12, "$0.00"),
        (0.0004, "<$0.01"),
        (0.0099, "<$0.01"),
        (0.01, "$0.01"),
        (12.4, "$12.40"),
        (1234.5, "$1,234.50"),
        (-3.1, "-$3.10"),
    ],
)
def test_an_amount(value: float, text: str) -> None:
    assert usd(value) == text


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (12.4, 31, "+$18.60, +150%"),
        (31, 12.4, "-$18.60, -60%"),
        (100, 104.7, "+$4.70, +4.7%"),
        (100, 102, "+$2.00, +2%"),
        (10000, 10000.5, "+$0.50, +<0.1%"),
        (0, 5, "+$5.00"),
        (5, 5 + 1e-9, ""),
        (0.1 + 0.2, 0.3, ""),
    ],
)
def test_a_difference_has_its_sign_and_share(before: float, after: float, text: str) -> None:
    assert delta(before, after) == text


def test_what_is_not_priced_is_told_and_never_zero() -> None:
    assert amount(31, 0) == "$31.00"
    assert amount(31, 2) == "at least $31.00 + 2 not estimated"
    assert amount(0, 1200) == "at least $0.00 + 1,200 not estimated"


def test_both_sides() -> None:
    assert change(12.4, 31) == "$12.40 → $31.00"
    assert change(31, 31) == "$31.00"
    assert change_in_brief(99.5, 1234.5) == "$99.50 → $1,234"
    assert change_in_brief(1000.1, 1000.2) == "$1,000.10 → $1,000.20"
    assert change_in_brief(1022, 1022) == "$1,022"


@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_a_difference_is_told_exactly_where_there_is_one(before: float, after: float) -> None:
    told = delta(before, after)
    assert bool(told) == (abs(after - before) >= 1e-6)
    assert not told or told.startswith("+" if after > before else "-")
