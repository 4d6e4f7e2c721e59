"""From a plan to a report."""

from datetime import date

import pytest

from modelberth.preview.assemble import assemble
from modelberth.preview.cost import Prices
from modelberth.preview.plan import Difference, Op, Plan, Step
from modelberth.preview.report import Outcome, Report

TODAY = date(2026, 11, 21)
STACK = Step(urn="urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev", op=Op.SAME, custom=False)
PARTLY_KNOWN = "aws:athena/workgroup:Workgroup"
KNOWN = "aws:lambda/function:Function"
NOT_KNOWN = "digitalocean:index/droplet:Droplet"


def report(*steps: Step, offline: bool = True, config: dict[str, str] | None = None) -> Report:
    plan = Plan(project="shop", stack="dev", steps=(STACK, *steps), config=config or {})
    prices = Prices.load(today=TODAY)
    return assemble(plan, prices, offline=offline, today=TODAY, before="the state", notes=["first"])


def updated(token: str) -> Step:
    return Step(
        urn=f"urn:pulumi:dev::shop::{token}::it",
        op=Op.UPDATE,
        before={"description": "a"},
        after={"description": "b"},
        differences=(Difference("description", "a", "b"),),
    )


@pytest.mark.parametrize(
    ("token", "offline", "kind"),
    [
        (NOT_KNOWN, True, "unknown"),
        (NOT_KNOWN, False, "in_place"),
        (PARTLY_KNOWN, True, "unknown"),
        (PARTLY_KNOWN, False, "in_place"),
        (KNOWN, True, "in_place"),
    ],
)
def test_what_no_table_knows_is_told_as_unknown(token: str, offline: bool, kind: str) -> None:
    found = report(updated(token), offline=offline)
    assert found.notes == ("first",)
    assert [effect.kind for effect in found.endpoints[0].effects] == [kind]


def test_costs_stand_on_the_sides_that_there_are() -> None:
    key = "urn:pulumi:dev::shop::aws:kms/key:Key::key"
    here = {"aws:region": "us-east-1"}
    (made,) = report(Step(urn=key, op=Op.CREATE, after={}), config=here).endpoints
    assert made.before is None
    assert made.after is not None
    assert made.after.expected.usd == 1
    (gone,) = report(Step(urn=key, op=Op.DELETE, before={}), config=here).endpoints
    assert gone.after is None
    assert gone.before is not None


def test_the_age_of_prices_is_told_where_they_are_used() -> None:
    key = Step(urn="urn:pulumi:dev::shop::aws:kms/key:Key::key", op=Op.SAME, before={}, after={})
    assert any("days old" in note for note in report(key, config={"aws:region": "us-east-1"}).notes)
    assert report(key).notes == ("first",)
    assert report(key).outcome is Outcome.NOTHING
