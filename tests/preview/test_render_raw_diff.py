import json
from typing import Any

import pytest

from modelberth.preview.plan import Difference, Marker, Op
from modelberth.preview.render.raw_diff import raw_diff
from support.hostile import HOSTILE, hostile
from support.reports import plan, step

TOKEN = "aws:s3/bucket:Bucket"


def lines(before: Any, after: Any, op: Op = Op.UPDATE, **more: Any) -> list[str]:
    heading, *rest = raw_diff(plan(step(TOKEN, "store", op, before, after, **more)))
    assert heading.heading
    assert str(heading).startswith(f"{heading.sign} {TOKEN} store: ")
    assert not any(line.heading for line in rest)
    return [str(line) for line in rest]


@pytest.mark.parametrize(
    ("op", "more", "heading"),
    [
        (Op.CREATE, {}, "+ aws:s3/bucket:Bucket store: is created"),
        (Op.UPDATE, {}, "~ aws:s3/bucket:Bucket store: changes"),
        (Op.REPLACE, {}, "~ aws:s3/bucket:Bucket store: is replaced, the new one comes first"),
        (
            Op.REPLACE,
            {"delete_first": True},
            "~ aws:s3/bucket:Bucket store: is replaced, the old one goes first",
        ),
        (Op.DELETE, {}, "- aws:s3/bucket:Bucket store: is removed"),
        (Op.DELETE, {"retain": True}, "- aws:s3/bucket:Bucket store: leaves the stack, the real thing stays"),
    ],
)
def test_each_resource_has_a_heading(op: Op, more: dict[str, Any], heading: str) -> None:
    assert str(raw_diff(plan(step(TOKEN, "store", op, {}, {}, **more)))[0]) == heading


def test_what_stays_is_not_in_it() -> None:
    assert raw_diff(plan(step(TOKEN, "a", Op.SAME), step(TOKEN, "b", Op.READ))) == ()


def test_a_line_for_each_property() -> None:
    before = {"size": 512.0, "gone": "x", "list": [1, 2], "known": "a", "same": 1, "flag": True}
    after = {"size": 1024.0, "new": None, "list": [1, 3], "known": Marker.UNKNOWN, "same": 1, "flag": False}
    assert lines(before, after) == [
        "~     size: 512 → 1024",
        '-     gone: "x"',
        "~     list[1]: 2 → 3",
        '~     known: "a" → (known after the update)',
        "~     flag: true → false",
        "+     new: null",
    ]


def test_what_takes_a_replacement_is_marked() -> None:
    why = Difference("name", "a", "b", replaces=True)
    assert lines({}, {}, Op.REPLACE, differences=(why,)) == ['~     name: "a" → "b"  (takes a replacement)']


def test_a_new_resource_shows_every_leaf() -> None:
    after = {"a": {"b": [{"c": 1}], "d": {}}, "e": [], "f": Marker.SECRET, "g": 0, "h": None}
    assert lines(None, after, Op.CREATE) == [
        "+     a.b[0].c: 1",
        "+     a.d: {}",
        "+     e: []",
        "+     f: (secret)",
        "+     g: 0",
    ]


def test_a_policy_document_is_compared_inside() -> None:
    document = {"Statement": [{"Action": "s3:GetObject", "Resource": "*"}]}
    other = {"Statement": [{"Action": "s3:*", "Resource": "*"}]}
    assert lines({"policy": json.dumps(document)}, {"policy": json.dumps(other)}) == [
        '~     policy.Statement[0].Action: "s3:GetObject" → "s3:*"'
    ]
    assert lines({"p": "[1, 2]"}, {"p": "[1, 3]"}) == ["~     p[1]: 2 → 3"]
    assert lines({"p": "{no json"}, {"p": "{}"}) == ['~     p: "{no json" → "{}"']


def test_of_a_text_only_the_lines_that_differ_are_shown() -> None:
    before = "".join(f"line {n}\n" for n in range(100))
    after = before.replace("line 50\n", "line fifty\nand more\n")
    assert lines({"script": before}, {"script": after}) == [
        "~     script:",
        "-         line 50",
        "+         line fifty",
        "+         and more",
    ]
    all_new = lines({"script": "one\n"}, {"script": before})
    assert len(all_new) == 1 + 20 + 1
    assert all_new[-1] == "~         … 81 more lines"
    assert lines({}, {"script": before}) == ['+     script: "line 0" and 100 more lines']


def test_a_long_value_is_cut_with_its_length() -> None:
    (line,) = lines({}, {"a": "x" * 5000})
    assert line == '+     a: "' + "x" * 119 + "… (5,002 characters)"


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ({"a": Marker.SECRET}, {}, ["-     a: (secret)"]),
        ({"a": {"b": "x"}}, {"a": Marker.SECRET}, ['~     a: {"b": "x"} → (secret)']),
        ({"password": "hunter2"}, {"password": "hunter3"}, ["~     password: (secret), changed"]),
        ({}, {"env": {"API_TOKEN": "hunter2"}}, ['+     env: {"API_TOKEN": (secret)}']),
        ({}, {"doc": '{"password": "hunter2"}'}, ['+     doc: "{\\"password\\": \\"(secret)\\"}"']),
        (
            {"doc": '{"password": "hunter2"}'},
            {"doc": '{"password": "hunter3"}'},
            ["~     doc.password: (secret), changed"],
        ),
        (
            {"doc": '{"password": "hunter2"}'},
            {"doc": "hello"},
            ['~     doc: "{\\"password\\": \\"(secret)\\"}" → "hello"'],
        ),
    ],
)
def test_no_secret_is_shown(before: Any, after: Any, shown: list[str]) -> None:
    assert lines(before, after) == shown


def test_a_secret_that_changed_is_told_without_it() -> None:
    told = Difference("key", Marker.SECRET, Marker.SECRET)
    assert lines({}, {}, differences=(told,)) == ["~     key: (secret), changed"]


def test_the_outputs_of_the_stack_are_shown() -> None:
    outputs = {"outputs_before": {"url": "a"}, "outputs_after": {"url": "b", "key": Marker.SECRET}}
    found = [str(line) for line in raw_diff(plan(stack_step=outputs))]
    assert found == [
        "~ pulumi:pulumi:Stack shop-prod: its outputs change",
        '~     url: "a" → "b"',
        "+     key: (secret)",
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_line_is_one_line(text: str) -> None:
    found = raw_diff(hostile(text).plan)
    assert len(found) > 5
    assert all(str(line).isprintable() and line.sign in {"+", "-", "~"} for line in found)
