"""Values keep their marks on the way through, and no secret is said aloud."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime import rpc

from modelberth.preview.standins.difference import compare
from modelberth.preview.standins.paths import join, leaves, steps
from modelberth.preview.standins.values import (
    Secret,
    assign,
    has_unknown,
    hidden,
    marked,
    plain,
    read,
    scrubbed,
    secret_texts,
    write,
)
from modelberth.provider import translation
from modelberth.provider.resource import UNKNOWN

CANARY = "canary-7f3a9c"
SIGNED = {rpc._special_sig_key: rpc._special_secret_sig, "value": CANARY}
ASSET = {rpc._special_sig_key: rpc._special_asset_sig, "hash": "abc", "text": ""}
REFERENCE = {rpc._special_sig_key: rpc._special_resource_sig, "urn": "urn:x", "id": "r-1"}

SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text()
KEYS = st.text(min_size=1)
VALUES = st.recursive(
    SCALARS,
    lambda below: st.lists(below) | st.dictionaries(KEYS, below) | below.map(Secret),
    max_leaves=20,
)
PROPERTIES = st.dictionaries(KEYS, VALUES)


@given(PROPERTIES)
def test_what_is_read_and_written_is_the_same(values: dict[str, object]) -> None:
    assert read(write(values)) == values


@given(PROPERTIES)
def test_a_copy_with_markers_holds_no_secret(values: dict[str, object]) -> None:
    assert secret_texts(hidden(values)) == frozenset()
    assert plain(hidden(values)) == hidden(values)


def test_a_secret_is_read_from_the_engines_form_and_written_back_in_it() -> None:
    sent = {"env": {"TOKEN": SIGNED, "MODE": "on"}, "code": ASSET, "role": REFERENCE, "size": 8.0}
    values = read(translation.struct(sent))
    assert values["env"] == {"TOKEN": Secret(CANARY), "MODE": "on"}
    assert plain(values)["env"]["TOKEN"] == CANARY
    assert plain(values)["role"] == "r-1"
    assert values["size"] == 8
    assert isinstance(values["size"], int)
    assert translation.plain(write(values)) == sent
    assert CANARY not in repr(values)
    assert CANARY not in json.dumps(hidden(values))


def test_an_output_is_secret_where_the_input_is_and_wherever_it_repeats_the_text() -> None:
    inputs = {"env": Secret({"A": CANARY}), "parts": [{"key": Secret(CANARY)}, {"key": "open"}]}
    outputs = {
        "env": {"A": CANARY, "B": "more"},
        "parts": [{"key": "other now"}, {"key": "open"}, {"key": "third"}],
        "url": f"https://u:{CANARY}@example.com",
        "copies": ["open", CANARY],
    }
    assert marked(outputs, inputs, secret_texts(inputs)) == {
        "env": Secret({"A": CANARY, "B": "more"}),
        "parts": [{"key": Secret("other now")}, {"key": "open"}, {"key": "third"}],
        "url": Secret(f"https://u:{CANARY}@example.com"),
        "copies": ["open", Secret(CANARY)],
    }


def test_a_message_loses_every_form_of_a_secret() -> None:
    quoted = "pass'word\n2"
    secrets = secret_texts({"a": Secret(CANARY), "b": Secret([quoted, 12345678, True, "", UNKNOWN])})
    assert secrets == {CANARY, quoted, "12345678"}
    text = f"given {CANARY!r}, {quoted!r} and 12345678, True"
    assert scrubbed(text, secrets) == "given '[secret]', \"[secret]\" and [secret], True"


def test_unknowns_are_found_below_marks_too() -> None:
    assert has_unknown({"a": [Secret({"b": UNKNOWN})]})
    assert not has_unknown({"a": [Secret({"b": "known"})]})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a", ("a",)),
        ("a.b[0].c", ("a", "b", 0, "c")),
        ('labels["app.kubernetes.io/name"].x', ("labels", "app.kubernetes.io/name", "x")),
    ],
)
def test_a_path_is_its_steps(path: str, expected: tuple[str | int, ...]) -> None:
    assert steps(path) == expected
    joined = ""
    for step in expected:
        joined = join(joined, step)
    assert joined == path


@pytest.mark.parametrize("path", ["", ".a", "a..b", "a[x]", "a b", "a["])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="path: given"):
        steps(path)


def test_a_value_is_assigned_without_touching_the_original() -> None:
    before = {"a": {"b": [{"c": 1}]}, "s": Secret({"k": "v"})}
    assert assign(before, "a.b[0].c", 2)["a"] == {"b": [{"c": 2}]}
    assert assign(before, "a.b[1]", 3)["a"] == {"b": [{"c": 1}, 3]}
    assert assign(before, "a.b[0]", None)["a"] == {"b": []}
    assert assign(before, "s.k", "w")["s"] == Secret({"k": "w"})
    assert assign(before, "x.y", 1)["x"] == {"y": 1}
    assert "a" not in assign(before, "a", None)
    assert before == {"a": {"b": [{"c": 1}]}, "s": Secret({"k": "v"})}
    with pytest.raises(ValueError, match=r"'a.b.c', but 'c' is not to be found"):
        assign(before, "a.b.c", 1)


def test_every_kind_of_difference_has_its_path() -> None:
    old = {
        "same": [1, {"a": True}],
        "gone": "x",
        "list": ["a", "b"],
        "nested": {"deep": {"value": 1}},
        "secret": Secret("old"),
        "kept": Secret("kept"),
        "code": {**ASSET, "path": "/elsewhere"},
        "flag": 1,
        "absent": None,
        "__defaults": ["name"],
    }
    new = {
        "same": [1.0, {"a": True}],
        "list": ["a", "c", "d"],
        "nested": {"deep": {"value": UNKNOWN, "new.key": 1}},
        "secret": "new",
        "kept": "kept",
        "code": ASSET,
        "flag": True,
        "added": {"x": 1},
        "__defaults": [],
    }
    assert dict(compare(old, new)) == {
        "gone": "delete",
        "list[1]": "update",
        "list[2]": "add",
        "nested.deep.value": "update",
        'nested.deep["new.key"]': "add",
        "secret": "update",
        "flag": "update",
        "added": "add",
    }
    assert dict(compare({"code": ASSET}, {"code": {**ASSET, "hash": "def"}})) == {"code": "update"}


@given(PROPERTIES)
def test_nothing_differs_from_itself(values: dict[str, object]) -> None:
    assert list(compare(values, values)) == []
    assert list(compare(values, plain(values))) == []


def test_an_asset_is_one_leaf() -> None:
    assert list(leaves({"code": ASSET, "list": [1, {"a": 2}]})) == [
        ("code", "abc"),
        ("list[0]", 1),
        ("list[1].a", 2),
    ]
