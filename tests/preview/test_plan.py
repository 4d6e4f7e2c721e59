"""Differences of plain values, and which endpoint a resource belongs to."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.preview.plan import Difference, Marker, Op, Plan, Step, differences

UNKNOWN, SECRET, ABSENT = Marker.UNKNOWN, Marker.SECRET, Marker.ABSENT


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": 1}, {"a": True}, [("a", 1, True)]),
        ({"a": {"b": [1, {"c": 2}]}}, {"a": {"b": [1, {"c": 3}]}}, [("a.b[1].c", 2, 3)]),
        ({"a": [1]}, {"a": [1, 2]}, [("a[1]", ABSENT, 2)]),
        ({"a": [1, 2]}, {"a": [1]}, [("a[1]", 2, ABSENT)]),
        ({"a": 1}, {}, [("a", 1, ABSENT)]),
        ({}, {"a": {"b": 1}}, [("a", ABSENT, {"b": 1})]),
        ({"tags": {"a.b": 1}}, {"tags": {"a.b": 2}}, [('tags["a.b"]', 1, 2)]),
        ({"a/b": {"c": 1}}, {"a/b": {"c": 2}}, [('["a/b"].c', 1, 2)]),
        ({"a": "text"}, {"a": ["text"]}, [("a", "text", ["text"])]),
        ({"a": UNKNOWN}, {"a": UNKNOWN}, [("a", UNKNOWN, UNKNOWN)]),
        ({"a": SECRET}, {"a": SECRET}, []),
        ({"a": "x"}, {"a": SECRET}, [("a", "x", SECRET)]),
    ],
)
def test_differences(before: Any, after: Any, expected: list[Any]) -> None:
    assert [(d.path, d.before, d.after) for d in differences(before, after)] == expected


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=3), below, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=3), values, max_size=3))
def test_nothing_differs_from_itself(value: dict[str, Any]) -> None:
    assert list(differences(value, value)) == []


@given(*[st.dictionaries(st.text(max_size=3), values, max_size=3)] * 2)
def test_something_differs_where_the_values_do(one: dict[str, Any], other: dict[str, Any]) -> None:
    found = list(differences(one, other))
    assert bool(found) == (json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True))
    assert len({difference.path for difference in found}) == len(found)


def urn(*types: str, name: str) -> str:
    return f"urn:pulumi:dev::shop::{'$'.join(types)}::{name}"


def component(type_: str, name: str, parent: str) -> Step:
    return Step(urn=urn(type_, name=name), op=Op.SAME, parent=parent, custom=False)


@pytest.fixture
def plan() -> Plan:
    stack = component("pulumi:pulumi:Stack", "shop-dev", "")
    product = component("shop:index:Product", "product", stack.urn)
    endpoint = component("modelberth:index:ModelEndpoint", "iris", product.urn)
    inner = component("modelberth:index:LambdaEndpoint", "iris-lambda", endpoint.urn)
    topic = component("shop:index:Topic", "topic", stack.urn)
    empty = component("modelberth:index:ModelEndpoint", "empty", stack.urn)
    made = [
        Step(urn=urn("aws:x:F", name="function"), op=Op.SAME, parent=inner.urn),
        Step(urn=urn("aws:x:B", name="bucket"), op=Op.SAME, parent=product.urn),
        Step(urn=urn("aws:x:T", name="topic-inner"), op=Op.SAME, parent=topic.urn),
        Step(urn=urn("aws:x:A", name="alone"), op=Op.SAME, parent=stack.urn),
        Step(urn=urn("pulumi:providers:aws", name="aws"), op=Op.SAME, parent=stack.urn),
    ]
    return Plan(project="shop", stack="dev", steps=(stack, product, endpoint, inner, topic, empty, *made))


def test_a_resource_belongs_to_the_outermost_endpoint_else_to_the_outermost_component(plan: Plan) -> None:
    groups = {
        owner.name if owner else "": [step.name for step in steps] for owner, steps in plan.groups().items()
    }
    assert groups == {
        "product": ["bucket"],
        "iris": ["function"],
        "topic": ["topic-inner"],
        "empty": [],
        "": ["alone"],
    }


def test_changed_looks_at_or_below_a_path() -> None:
    found = tuple(Difference(path, 1, 2) for path in ("a.b", "a[0].c", "ab", "a"))
    step = Step(urn=urn("x:y:Z", name="n"), op=Op.UPDATE, differences=found)
    assert [d.path for d in step.changed("a")] == ["a.b", "a[0].c", "a"]
    assert [d.path for d in step.changed("a.b", "ab")] == ["a.b", "ab"]
    assert step.changed("b") == ()
