"""The engine's events, recorded from engine 3.250 and made by hand, as a plan.

The recorded program has a component with resources of a provider that replaces where `name` or `secretKey`
changes (`replaced-first` is deleted first), run with every value changed from 1 to 2.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from modelberth.preview.events import read_plan
from modelberth.preview.plan import Difference, Marker, Op, Plan, Step

RECORDED = Path(__file__).parent / "recorded" / "replacements.jsonl"


@pytest.fixture(scope="module")
def plan() -> Plan:
    with RECORDED.open() as lines:
        return read_plan(lines, project="shop", stack="dev")


def step(plan: Plan, name: str) -> Step:
    (found,) = [step for step in plan.steps if step.name == name]
    return found


def test_every_resource_is_one_step(plan: Plan) -> None:
    assert {step.name: step.op for step in plan.steps} == {
        "shop-dev": Op.SAME,
        "one": Op.UPDATE,
        "replaced-first": Op.REPLACE,
        "replaced": Op.REPLACE,
        "secretly": Op.REPLACE,
        "updated": Op.UPDATE,
        "new": Op.CREATE,
        "same": Op.SAME,
        "gone": Op.DELETE,
    }
    assert plan.diagnostics == ()


def test_a_replacement_says_what_causes_it_and_in_which_order(plan: Plan) -> None:
    first, second = step(plan, "replaced-first"), step(plan, "replaced")
    assert (first.delete_first, second.delete_first) == (True, False)
    assert first.differences == (
        Difference("name", "n1", "n2", replaces=True),
        Difference("tags.list[1]", 1, 2),
        Difference("password", Marker.SECRET, Marker.SECRET),
    )
    assert second.differences == (Difference("name", "n1", "n2", replaces=True),)
    assert step(plan, "secretly").differences == (
        Difference("secretKey", Marker.SECRET, Marker.SECRET, replaces=True),
    )


def test_sides_and_marks(plan: Plan) -> None:
    new, gone, updated = step(plan, "new"), step(plan, "gone"), step(plan, "updated")
    assert (new.before, new.after, new.protect) == (None, {"x": 1}, True)
    assert (gone.before, gone.after, gone.retain) == ({"x": 1}, None, True)
    assert updated.differences[0] == Difference("ref", "arn:x:replaced-first", Marker.UNKNOWN)
    assert new.outputs_after["arn"] is Marker.UNKNOWN


def test_the_exported_outputs_before_and_after(plan: Plan) -> None:
    stack = plan.stack_step
    assert stack is not None
    assert (stack.outputs_before, stack.outputs_after) == ({"x": {"a": 1}}, {"x": {"a": 2}})


def test_the_recording_holds_no_secret() -> None:
    assert "canary" not in RECORDED.read_text()


def test_each_step_is_told_once_as_it_comes() -> None:
    told: list[str] = []
    with RECORDED.open() as lines:
        read_plan(lines, project="shop", stack="dev", seen=lambda step: told.append(step.name))
    assert len(told) == len(set(told)) == 9


def events(*found: dict[str, Any]) -> Plan:
    return read_plan([json.dumps(event) for event in found], project="shop", stack="dev")


def test_what_is_not_an_event_is_passed_over() -> None:
    plan = read_plan(["printed by the program", "[1]", "", '{"sequence": 1}'], project="shop", stack="dev")
    assert plan.steps == ()


def test_messages() -> None:
    urn = "urn:pulumi:dev::shop::x:index:R::a"

    def said(severity: str, message: str, **more: Any) -> dict[str, Any]:
        return {"diagnosticEvent": {"severity": severity, "message": message, **more}}

    plan = events(
        said("debug", "registering"),
        said("error", "<{%fg 1%}>wrong<{%reset%}>\n", urn=urn),
        said("info#err", "on stderr"),
        said("info", "progress", ephemeral=True),
        said("info", " \n"),
        {
            "policyEvent": {
                "resourceUrn": urn,
                "message": "<{%reset%}>no public buckets",
                "policyName": "public",
                "policyPackName": "house",
                "enforcementLevel": "mandatory",
            }
        },
    )
    assert [(d.severity, d.message, d.urn) for d in plan.diagnostics] == [
        ("error", "wrong", urn),
        ("info", "on stderr", ""),
    ]
    (violation,) = plan.violations
    assert (violation.policy, violation.message, violation.mandatory) == (
        "house/public",
        "no public buckets",
        True,
    )


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        ("import", Op.CREATE),
        ("read", Op.READ),
        ("refresh", Op.SAME),
        ("discard", Op.READ),
        ("new-one", Op.UPDATE),
    ],
)
def test_the_engines_other_words(op: str, expected: Op) -> None:
    side = {"inputs": {"a": 1}, "custom": True, "parent": ""}
    urn = "urn:pulumi:dev::shop::x:index:R::a"
    plan = events({"resourcePreEvent": {"metadata": {"op": op, "urn": urn, "old": side, "new": side}}})
    assert [step.op for step in plan.steps] == [expected]


def test_the_order_is_that_of_the_tree_however_they_come() -> None:
    def made(kind: str, name: str, parent: str) -> dict[str, Any]:
        urn = f"urn:pulumi:dev::shop::{kind}::{name}"
        new = {"inputs": {}, "custom": True, "parent": parent}
        return {"resourcePreEvent": {"metadata": {"op": "create", "urn": urn, "old": None, "new": new}}}

    above = "urn:pulumi:dev::shop::x:y:Team::b"
    told = [
        made("x:y:Z", "z", above),
        made("x:y:Z", "a", above),
        made("x:y:Team", "b", ""),
        made("x:y:Z", "c", ""),
        made("x:y:Y", "a", ""),
    ]
    for events_ in (told, told[::-1]):
        steps = events(*events_).steps
        assert [(step.name, step.parent != "") for step in steps] == [
            ("a", False),
            ("b", False),
            ("a", True),
            ("z", True),
            ("c", False),
        ]


def test_what_drifted_is_a_difference_too() -> None:
    """The inputs are the same; the provider says which output differs."""
    side = {"inputs": {"size": 1}, "custom": True}
    diff = {"size": {"diffKind": "update", "inputDiff": False}}
    metadata = {"op": "update", "urn": "a::b::x:y:Z::n", "old": side, "new": side, "detailedDiff": diff}
    (found,) = events({"resourcePreEvent": {"metadata": metadata}}).steps
    assert found.differences == (Difference("size", 1, 1),)


@pytest.mark.parametrize("delete_first", [False, True])
def test_what_an_alias_replaces_is_one_step(delete_first: bool) -> None:
    """Recorded from engine 3.250: the removal of the old one is told under its old URN."""
    old, new = "urn:pulumi:dev::shop::x:index:R::old", "urn:pulumi:dev::shop::x:index:R::new"
    was = {"urn": old, "inputs": {"name": "a"}, "custom": True}
    now = {"urn": new, "inputs": {"name": "b"}, "custom": True}
    made = [{"op": op, "urn": new, "old": was, "new": now} for op in ("create-replacement", "replace")]
    gone = [{"op": "delete-replaced", "urn": old, "old": was, "new": None}]
    told = [*gone, *made] if delete_first else [*made, *gone]
    (found,) = events(*({"resourcePreEvent": {"metadata": metadata}} for metadata in told)).steps
    assert (found.urn, found.op, found.delete_first) == (new, Op.REPLACE, delete_first)
    assert (found.before, found.after) == ({"name": "a"}, {"name": "b"})


def test_a_removal_under_its_own_urn_is_not_taken_for_an_alias() -> None:
    one, other = "urn:pulumi:dev::shop::x:index:R::one", "urn:pulumi:dev::shop::x:index:R::other"
    side = {"inputs": {"name": "a"}, "custom": True}
    told = [
        {"op": "same", "urn": one, "old": {**side, "urn": one}, "new": {**side, "urn": one}},
        {"op": "delete", "urn": other, "old": {**side, "urn": other}, "new": None},
    ]
    steps = events(*({"resourcePreEvent": {"metadata": metadata}} for metadata in told)).steps
    assert [(step.name, step.op) for step in steps] == [("one", Op.SAME), ("other", Op.DELETE)]


def test_whether_it_was_kept_before() -> None:
    side = {"inputs": {}, "custom": True}
    metadata = {"op": "same", "urn": "a::b::x:y:Z::n", "old": {**side, "retainOnDelete": True}, "new": side}
    (found,) = events({"resourcePreEvent": {"metadata": metadata}}).steps
    assert (found.retain_before, found.retain) == (True, False)
