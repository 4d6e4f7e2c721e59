"""The sentences with which every form begins."""

from dataclasses import replace

import pytest

from modelberth.preview.cost.estimate import Cost
from modelberth.preview.effects.effect import Calls, Effect, Kind, Severity
from modelberth.preview.plan import Op, Violation
from modelberth.preview.render.summary import basis, headline, notes, ranked, totals, verdicts
from modelberth.preview.report import EndpointReport, Report
from support.reports import (
    component,
    cost,
    dangerous,
    failed,
    hundred,
    in_place,
    nothing,
    plan,
    step,
    urn,
    violated,
)


def told(*effects: Effect, before: Cost | None = None, after: Cost | None = None) -> tuple[str, ...]:
    changed = step("aws:s3/bucket:Bucket", "b", Op.UPDATE, {"a": 1}, {"a": 2})
    iris = EndpointReport(name="iris", effects=effects, before=before, after=after)
    return headline(Report(plan=plan(component("iris"), changed), endpoints=(iris,), offline=True))


def effect(kind: Kind, severity: Severity = Severity.CHANGE, **more: object) -> Effect:
    return Effect(kind=kind, severity=severity, sentence="…", **more)  # type: ignore[arg-type]


def test_one_change() -> None:
    assert headline(in_place()) == (
        "1 endpoint changes: `iris` is rolled over, no call fails.",
        "Monthly cost at the expected load: $12.40 → $31.00 (+$18.60, +150%).",
    )


def test_several_changes_and_a_refusal() -> None:
    assert headline(dangerous()) == (
        "Refused: `churn` exceeds its budget.",
        (
            "3 endpoints change: `churn` has `churn-endpoint` replaced and may do more than before, calls "
            "fail for about 4 to 9 minutes; `iris` is rolled over (needs 2 more GPUs for that time), no call "
            "fails; `ranker` is created."
        ),
        (
            "Monthly cost at the expected load: $1,755.10 → at least $1,837.20 "
            "(+$82.10, +4.7% in what is estimated); 1 more is not estimated."
        ),
    )
    assert headline(violated())[0] == "Refused: 1 policy is broken."
    many = headline(hundred())
    assert many[0].endswith(" and 46 more exceed their budgets.")
    assert many[1].startswith("100 endpoints change: `endpoint-007-with")
    assert many[1].endswith("; and 97 more.")


def test_budget_and_policies_together() -> None:
    report = dangerous()
    broken = tuple(Violation(f"p/{n}", "no", mandatory=True) for n in range(2))
    both = replace(report, plan=replace(report.plan, violations=broken))
    assert headline(both)[0] == "Refused: `churn` exceeds its budget and 2 policies are broken."


def test_nothing_and_failure() -> None:
    assert headline(nothing()) == (
        "Nothing changes.",
        "Monthly cost at the expected load: $24.80, as before.",
    )
    assert headline(failed()) == ("The preview failed with 4 errors: what would happen is not known.",)


def test_what_changes_outside_of_endpoints_is_told() -> None:
    provider = step("pulumi:providers:aws", "west", Op.UPDATE, {"region": "a"}, {"region": "b"})
    assert headline(Report(plan=plan(provider), endpoints=(), offline=True)) == (
        "No endpoint changes, 1 resource around them does.",
    )
    outputs = {"outputs_before": {"a": 1}, "outputs_after": {"a": 2}}
    assert headline(Report(plan=plan(stack_step=outputs), endpoints=(), offline=True)) == (
        "Only what the stack exports changes.",
    )
    alone = EndpointReport(name="", effects=(effect(Kind.REMOVED),))
    assert headline(Report(plan=plan(), endpoints=(alone,), offline=True)) == (
        "No endpoint changes, a resource outside of them is removed.",
    )


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.UNCHANGED])
def test_every_kind_of_effect_has_its_words(kind: Kind) -> None:
    whole = kind in {Kind.CREATED, Kind.REMOVED}
    for calls, words in FARES.items():
        (sentence,) = told(effect(kind, calls=calls))
        assert sentence.startswith("1 endpoint changes: `iris` ")
        assert sentence.endswith(f", {words}.") is not (whole or kind is Kind.UNKNOWN)
    (grave,) = told(effect(kind, Severity.DANGER, calls=Calls.SAFE))
    assert "call" not in grave


FARES = {
    Calls.SAFE: "no call fails",
    Calls.MAY_FAIL: "calls may fail",
    Calls.UNKNOWN: "whether calls fail is not known",
}


@pytest.mark.parametrize(
    ("fares", "words"),
    [
        ((Calls.SAFE, Calls.SAFE), "no call fails"),
        ((Calls.SAFE, Calls.UNKNOWN), "whether calls fail is not known"),
        ((Calls.SAFE, Calls.UNKNOWN, Calls.MAY_FAIL), "calls may fail"),
    ],
)
def test_no_call_fails_only_where_that_is_known_of_every_effect(fares: tuple[Calls, ...], words: str) -> None:
    (sentence,) = told(*(effect(Kind.ROLLING, calls=calls) for calls in fares))
    assert sentence == f"1 endpoint changes: `iris` is rolled over, {words}."


def part(kind: Kind, name: str = "x", severity: Severity = Severity.DANGER) -> Effect:
    return effect(kind, severity, urn=urn("aws:s3/bucket:Bucket", name), calls=Calls.SAFE)


@pytest.mark.parametrize(
    ("effects", "words"),
    [
        ([part(Kind.REMOVED)], "loses `x`"),
        ([part(Kind.REMOVED), part(Kind.REMOVED, "y")], "loses 2 parts"),
        ([part(Kind.CREATED)], "gets `x`"),
        ([part(Kind.REPLACED)], "has `x` replaced"),
        ([part(Kind.REPLACED), part(Kind.REPLACED, "y")], "has 2 parts replaced"),
        ([part(Kind.REMOVED), effect(Kind.REMOVED, Severity.DANGER)], "is removed"),
        ([part(Kind.DATA_DELETED)], "loses data"),
        (
            [part(Kind.CREATED, severity=Severity.CHANGE), effect(Kind.ROLLING, calls=Calls.SAFE)],
            "is rolled over, no call fails",
        ),
    ],
)
def test_a_part_is_told_from_the_whole(effects: list[Effect], words: str) -> None:
    assert told(*effects)[0] == f"1 endpoint changes: `iris` {words}."


def test_who_may_call_is_told_from_what_it_may_do() -> None:
    fewer = effect(Kind.PERMISSIONS_NARROWED, Severity.DANGER, of_callers=True, calls=Calls.MAY_FAIL)
    more = effect(Kind.PERMISSIONS_WIDENED, Severity.DANGER, of_callers=True, calls=Calls.SAFE)
    assert told(fewer)[0].endswith("`iris` lets fewer callers in, calls may fail.")
    assert told(more)[0].endswith("`iris` lets more callers in.")
    less = effect(Kind.PERMISSIONS_NARROWED)
    assert told(less)[0].endswith("`iris` may do less than before, whether calls fail is not known.")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        ((240, 540), "4 to 9 minutes"),
        ((5, 30), "5 to 30 seconds"),
        ((600, 7200), "10 to 120 minutes"),
    ],
)
def test_for_how_long_calls_fail_is_told(seconds: tuple[int, int], words: str) -> None:
    (sentence,) = told(effect(Kind.REPLACED, Severity.DANGER, downtime_seconds=seconds))
    assert sentence == f"1 endpoint changes: `iris` is replaced, calls fail for about {words}."


def test_the_longest_time_of_several_counts() -> None:
    times = [(10, 400), (60, 120)]
    found = [effect(Kind.REPLACED, Severity.DANGER, downtime_seconds=time) for time in times]
    assert told(*found)[0].endswith("calls fail for about 1 to 7 minutes.")


def test_what_has_no_price_is_told_with_the_bill() -> None:
    same = cost("f", 0, 5, 5, unpriced=("a", "b"))
    change = effect(Kind.IN_PLACE)
    assert told(change, before=same, after=same)[1] == (
        "Monthly cost at the expected load: at least $5.00 + 2 not estimated, as before."
    )
    none = cost("f", 0, 0, 0, unpriced=("a",))
    assert told(change, after=none)[1] == "Monthly cost at the expected load: 1 not estimated."
    assert told(change, before=same)[1] == (
        "Monthly cost at the expected load: at least $5.00 → $0.00 (-$5.00, -100% in what is estimated); "
        "2 that had no price are gone."
    )
    assert len(told(change)) == 1


BILL = "Monthly cost at the expected load: "


def bill(before: Cost | None, after: Cost | None) -> str:
    return told(effect(Kind.IN_PLACE), before=before, after=after)[1].removeprefix(BILL)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (("q0",), ("q0", "q1"), "at least $5.00, as before; 1 more is not estimated, 2 in all."),
        ((), ("q0",), "at least $5.00, as before; 1 more is not estimated."),
        (("q0", "q1"), ("q2",), "at least $5.00, as before; 1 more and 2 fewer are not estimated."),
        (("q0",), (), "$5.00, as before; 1 that had no price is gone."),
    ],
)
def test_what_comes_without_a_price_is_never_as_before(
    before: tuple[str, ...], after: tuple[str, ...], said: str
) -> None:
    assert bill(cost("f", 5, 5, 5, unpriced=before), cost("f", 5, 5, 5, unpriced=after)) == said


def test_where_nothing_has_a_price_no_amount_is_told() -> None:
    one, many = (cost("f", 0, 0, 0, unpriced=[f"q{n}" for n in range(count)]) for count in (1, 301))
    assert bill(one, many) == "301 not estimated, 300 more than before."
    assert bill(many, one) == "1 not estimated, 300 fewer than before."
    assert bill(many, many) == "301 not estimated, as before."
    assert bill(None, many) == "301 not estimated."
    assert bill(one, cost("f", 0, 1, 1, unpriced=("q0",))) == (
        "not estimated → at least $1.00 (+$1.00 in what is estimated); 1 not estimated, as before."
    )


def test_a_missing_price_is_no_saving() -> None:
    whole, part = cost("f", 0, 1038, 1038), cost("f", 0, 548, 548, unpriced=("f",))
    name = "`aws:lambda/function:Function f`"
    assert bill(whole, part) == (
        "$1,038.00 → at least $548.00, which cannot be compared: "
        f"{name} is not estimated in full after the update."
    )
    assert bill(part, whole) == (
        "at least $548.00 → $1,038.00, which cannot be compared: "
        f"{name} is not estimated in full before the update."
    )
    assert bill(whole, cost("f", 0, 0, 0, unpriced=("f",))) == (
        f"$1,038.00 → not estimated, which cannot be compared: {name} is not estimated after the update."
    )


def test_what_lacks_the_same_is_told_together() -> None:
    before = Cost.total(cost(name, 1, 1, 1) for name in "abcde")
    after = Cost.total(cost(name, 0, 0, 0, unpriced=(name,)) for name in "abcde")
    names = ", ".join(f"`aws:lambda/function:Function {name}`" for name in "abc")
    assert bill(before, after) == (
        f"$5.00 → not estimated, which cannot be compared: {names} and 2 more are not estimated after "
        "the update."
    )


def test_a_bill_that_changes_at_another_load_only_is_not_as_before() -> None:
    assert bill(cost("f", 1.1, 1038, 1038), cost("f", 1038, 1038, 2076)) == (
        "$1,038.00, as before; without a request: $1.10 → $1,038.00; at most: $1,038.00 → $2,076.00."
    )


def test_a_budget_is_not_kept_by_what_has_no_price() -> None:
    iris = EndpointReport(name="iris", after=cost("f", 0, 0, 0, unpriced=("q",)), budget_usd=50)
    (verdict,) = verdicts(Report(plan=plan(component("iris")), endpoints=(iris,), offline=True))
    assert not verdict.holds
    assert not verdict.binding
    assert verdict.sentence == (
        "`iris`: nothing of it is estimated: whether it keeps its budget of $50.00 is not known"
    )


def test_a_budget_is_not_kept_by_a_part_of_the_bill() -> None:
    """Only what is billed by its use alone may be without a price."""
    part = cost("f", 1, 1, 1, unpriced=("f",))
    by_use = replace(part, unpriced=tuple(replace(one, idle=False) for one in part.unpriced))
    told = []
    for after in (part, by_use):
        iris = EndpointReport(name="iris", after=after, budget_usd=50)
        (verdict,) = verdicts(Report(plan=plan(component("iris")), endpoints=(iris,), offline=True))
        told.append((verdict.holds, verdict.binding, verdict.sentence))
    known = "`iris`: $1.00 a month are known of its budget of $50.00, and 1 thing that is billed without a"
    within = "`iris`: $1.00 a month is within the budget of $50.00, and 1 more thing is not estimated"
    assert told == [
        (False, False, f"{known} request not estimated: whether it keeps it is not known"),
        (True, True, within),
    ]


def test_the_gravest_comes_first_and_what_stands_alone_last() -> None:
    assert [endpoint.name for endpoint in ranked(dangerous())] == ["churn", "iris", "ranker", ""]
    both = totals(dangerous())
    assert both is not None
    assert both.before.expected.usd == pytest.approx(1755.1)


def test_verdicts_begin_with_what_is_broken() -> None:
    assert [(verdict.holds, verdict.binding) for verdict in verdicts(violated())] == [
        (False, True),
        (False, False),
        (True, True),
    ]
    assert verdicts(dangerous())[0].sentence == (
        "`churn`: $1,107.20 a month exceeds the budget of $1,000.00, and 1 more thing is not estimated"
    )


def test_what_is_compared_is_said() -> None:
    assert (
        basis(in_place())
        == "Compares main with raise-memory, on stand-ins for the providers: no cloud was asked."
    )
    assert basis(dangerous()) == "Compares what is deployed with the program, with the providers themselves."


def test_warnings_are_among_the_notes_once() -> None:
    twice = replace(failed(), notes=("a\nnote", "a note"))
    assert notes(twice) == (
        "a note",
        "Warning: `aws:lambda/function:Function iris-function`: the image has no digest",
    )
