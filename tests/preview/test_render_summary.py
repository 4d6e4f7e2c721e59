"""The sentences with which every form begins."""

from dataclasses import replace

import pytest

from modelberth.preview.cost.estimate import Cost
from modelberth.preview.effects.effect import Effect, Kind, Severity
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
            "3 endpoints change: `churn` is replaced and may do more than before, calls fail for about "
            "4 to 9 minutes; `iris` is rolled over (needs 2 more GPUs for that time), no call fails; "
            "`ranker` is created."
        ),
        (
            "Monthly cost at the expected load: $1,755.10 → at least $1,837.20 + 1 not estimated "
            "(+$82.10, +4.7% in what is estimated)."
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
        "No endpoint changes, what stands outside of them is removed.",
    )


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.UNCHANGED])
def test_every_kind_of_effect_has_its_words(kind: Kind) -> None:
    (sentence,) = told(effect(kind))
    assert sentence.startswith("1 endpoint changes: `iris` ")
    calm = kind in {Kind.IN_PLACE, Kind.ROLLING, Kind.TRAFFIC_MOVED}
    assert ("no call fails" in sentence) is calm
    (grave,) = told(effect(kind, Severity.DANGER))
    assert "no call fails" not in grave


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
    assert told(change, before=same)[1] == "Monthly cost at the expected load: $5.00 → $0.00 (-$5.00, -100%)."
    assert len(told(change)) == 1


def test_the_gravest_comes_first_and_what_stands_alone_last() -> None:
    assert [endpoint.name for endpoint in ranked(dangerous())] == ["churn", "iris", "ranker", ""]
    both = totals(dangerous())
    assert both is not None
    assert both[0].expected.usd == pytest.approx(1755.1)


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
