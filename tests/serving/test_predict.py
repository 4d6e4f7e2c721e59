"""The plain contract: rows in, predictions out; and Azure ML's `/score`, which takes tables too."""

from typing import Any

import numpy as np
import orjson
import pytest
from onnx import TensorProto, helper

from modelberth_server.contracts.azure_ml import score
from modelberth_server.contracts.contract import Contract
from modelberth_server.contracts.plain import predict
from modelberth_server.model.session import Model
from serving.contracts import answer, ask, open_model, refused
from serving.models import identity_model, onnx_model

PLAIN = [predict, score]


@pytest.fixture(scope="module")
def sums() -> Model:
    """Each row of two numbers gives their sum, and twice the row."""
    return open_model(
        onnx_model(
            [
                helper.make_node("ReduceSum", ["x", "axes"], ["sum"], keepdims=0),
                helper.make_node("Add", ["x", "x"], ["x2"]),
            ],
            [("x", TensorProto.FLOAT, [None, 2])],
            [("sum", TensorProto.FLOAT, [None]), ("x2", TensorProto.FLOAT, [None, 2])],
            {"axes": np.array([1], np.int64)},
        ),
        "sums",
    )


@pytest.fixture(scope="module")
def people() -> Model:
    """It takes a table as converters make it: an input for each column; it gives the columns back."""
    return open_model(
        identity_model(("age", TensorProto.INT64, [None, 1]), ("name", TensorProto.STRING, [None, 1]))
    )


@pytest.mark.parametrize("contract", PLAIN)
@pytest.mark.parametrize("key", ["input", "instances"])
def test_one_prediction_for_each_row(sums: Model, contract: Contract, key: str) -> None:
    assert ask(contract, sums, {key: [[1, 2], [3, 4.5]]}) == {
        "predictions": [3, 7.5],
        "outputs": {"x2": [[2, 4], [6, 9]]},
    }


def test_strings_in_and_out() -> None:
    model = open_model(identity_model(("t", TensorProto.STRING, [None])))
    assert ask(predict, model, {"input": ["a", "é", "true"]}) == {
        "predictions": ["a", "é", "true"],
        "outputs": {},
    }


@pytest.mark.parametrize("contract", PLAIN)
def test_rows_may_name_their_inputs(people: Model, contract: Contract) -> None:
    rows = [{"age": 3, "name": "a"}, {"name": "b", "age": 4}]
    same = {"predictions": [[3], [4]], "outputs": {"name_out": [["a"], ["b"]]}}
    assert ask(contract, people, {"instances": rows}) == same
    nested = [{key: [value] for key, value in row.items()} for row in rows]
    assert ask(contract, people, {"instances": nested}) == same


BODIES: list[tuple[bytes, str]] = [
    (b"", "body: missing, expected a JSON object"),
    (b"{", "body: not JSON: "),
    (b"\xff", "body: not JSON: "),
    (b'{"input": [[1, NaN]]}', "body: not JSON: "),
    (b'{"input": [[1, -Infinity]]}', "body: not JSON: "),
    (b'{"input": [[1, 1e400]]}', "body: not JSON: number is infinity"),
    (b'{"input": "\\ud800"}', "body: not JSON: no low surrogate"),
    (b"\xef\xbb\xbf{}", "body: not JSON: UTF-8 byte order mark"),
    (b'{"input": ' + b"[" * 100_000, "body: not JSON: depth limit exceeded"),
    (b"[]", "body: a list, expected an object"),
    (b"null", "body: null, expected an object"),
    (b"{}", "body: expected exactly one key, input or instances"),
    (b'{"inputs": [[1, 2]]}', "body: expected exactly one key, input or instances"),
    (b'{"input": [[1, 2]], "instances": [[1, 2]]}', "body: expected exactly one key, input or instances"),
    (b'{"input": [[1, 2]], "x": 1}', "body: expected exactly one key, input or instances"),
    (b'{"input": []}', "input: empty"),
    (b'{"instances": [[1, 2], [1]]}', "instances[1]: 1 value, the model takes 2"),
    (b'{"instances": [[1, true]]}', "instances[0][1]: true, expected a number"),
    (b'{"instances": [{"y": [1, 2]}]}', "instances[0]: unknown key 'y', allowed are x"),
    (b'{"instances": [{"x": [1, 2]}, {}]}', "instances[1].x: missing"),
    (b'{"instances": [{"x": [1, 2]}, {"x": [1, "2"]}]}', "instances[1].x[1]: '2', expected a number"),
    (b'{"instances": [{"x": [1, 2]}, [1, 2]]}', "instances[1]: a list, expected an object with x"),
]


@pytest.mark.parametrize("contract", PLAIN)
@pytest.mark.parametrize(("body", "message"), BODIES)
def test_a_bad_body_is_named(sums: Model, contract: Contract, body: bytes, message: str) -> None:
    refused(contract, sums, body, message)


def test_the_keys_that_were_given_are_named(sums: Model) -> None:
    refused(predict, sums, {}, "body: expected exactly one key, input or instances; got none")
    keys = dict.fromkeys(("input", "x", "y", "z", "more"), 1)
    refused(
        predict, sums, keys, "body: expected exactly one key, input or instances; got 'input', 'x', 'y', 'z'"
    )
    refused(
        score,
        sums,
        {"data": 1},
        "body: expected exactly one key, input or instances or input_data; got 'data'",
    )


def test_rows_of_several_inputs_are_objects(people: Model) -> None:
    refused(predict, people, {"input": [[1, "a"]]}, "input[0]: a list, expected an object with age, name")
    refused(predict, people, {"input": 5}, "input: 5, expected a list")
    refused(predict, people, {"input": []}, "input: empty")
    refused(predict, people, {"input": [{"age": 1}]}, "input[0].name: missing")
    rows = [{"age": 1, "name": "a"}, {"age": 1.5, "name": "a"}]
    refused(predict, people, {"input": rows}, "input[1].age: 1.5, expected an integer")


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=UTF-8", "Application/JSON", "application/vnd.x+json"],
)
def test_json_is_taken_by_its_names(sums: Model, content_type: str) -> None:
    assert ask(predict, sums, {"input": [[1, 2]]}, content_type=content_type)["predictions"] == [3]
    assert ask(predict, sums, {"input": [[1, 2]]}, content_encoding="identity")["predictions"] == [3]


@pytest.mark.parametrize("contract", PLAIN)
def test_another_kind_of_body_is_refused(sums: Model, contract: Contract) -> None:
    body = {"input": [[1, 2]]}
    for content_type, message in (
        ("text/csv", "content-type: 'text/csv', expected application/json"),
        ("", "content-type: '', expected application/json"),
        ("application/json; charset=latin-1", "content-type: charset 'latin-1', expected utf-8"),
        ("application/jsonx", "content-type: 'application/jsonx', expected application/json"),
    ):
        refused(contract, sums, body, message, 415, content_type=content_type)
    refused(contract, sums, body, "content-encoding: 'gzip', expected none", 415, content_encoding="gzip")


def test_a_table_is_rows(sums: Model) -> None:
    rows = [[1, 2], [3, 4.5]]
    expected = ask(predict, sums, {"input": rows})
    for value in (
        rows,
        {"data": rows},
        {"columns": ["a", "b"], "data": rows},
        {"columns": ["a", "b"], "index": [7, 9], "data": rows},
    ):
        assert ask(score, sums, {"input_data": value}) == expected


def test_the_columns_of_a_table_are_inputs_where_their_names_are(people: Model) -> None:
    table = {"columns": ["name", "age"], "index": [0, 1], "data": [["a", 3], ["b", 4]]}
    assert ask(score, people, {"input_data": table}) == {
        "predictions": [[3], [4]],
        "outputs": {"name_out": [["a"], ["b"]]},
    }
    refused(
        score,
        people,
        {"input_data": {**table, "columns": ["name", "years"]}},
        "input_data.data[0]: a list, expected an object with age, name",
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": None}, "input_data.data: null, expected a list"),
        ({"data": []}, "input_data.index: 2 values, input_data.data has 0"),
        ({"data": [], "index": None}, "input_data.data: empty"),
        ({"index": [1]}, "input_data.index: 1 values, input_data.data has 2"),
        ({"index": "x"}, "input_data.index: 'x', expected a list"),
        ({"columns": ["a"]}, "input_data.data[0]: 2 values, input_data.columns has 1"),
        ({"columns": ["a", 1]}, "input_data.columns[1]: 1, expected a string"),
        ({"columns": ["a", "a"]}, "input_data.columns[1]: 'a' was given before"),
        ({"columns": {}}, "input_data.columns: an object, expected a list"),
        ({"rows": []}, "input_data: unknown key 'rows', allowed are columns, index, data"),
        ({"data": [[1, 2], 3]}, "input_data.data[1]: 3, expected a list"),
        ({"data": [[1, 2], [3, None]]}, "input_data.data[1][1]: null, expected a number"),
    ],
)
def test_a_bad_table_is_named(sums: Model, changes: dict[str, Any], message: str) -> None:
    table = {"columns": ["a", "b"], "index": [0, 1], "data": [[1, 2], [3, 4]]}
    refused(score, sums, {"input_data": {**table, **changes}}, message)


def test_what_json_has_not_becomes_null() -> None:
    model = open_model(
        onnx_model(
            [helper.make_node("Log", ["x"], ["y"])],
            [("x", TensorProto.FLOAT, [None])],
            [("y", TensorProto.FLOAT, [None])],
        )
    )
    response = answer(predict, model, {"input": [0, -1, 1]})
    assert response.body == b'{"predictions":[null,null,0.0],"outputs":{}}'
    assert orjson.loads(response.body)["predictions"] == [None, None, 0]
