"""TensorFlow Serving's REST API: the bodies of its document, on a model of its shape."""

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from modelberth_server.contracts.tensorflow import model_status, predict
from modelberth_server.model.session import Model
from serving.contracts import ask, open_model, refused
from serving.models import identity_model, onnx_model


@pytest.fixture(scope="module")
def half() -> Model:
    """The `half_plus_two` of the document's example: one input, one output."""
    return open_model(
        onnx_model(
            [
                helper.make_node("Div", ["x", "two"], ["half"]),
                helper.make_node("Add", ["half", "two"], ["y"]),
            ],
            [("x", TensorProto.FLOAT, [None])],
            [("y", TensorProto.FLOAT, [None])],
            {"two": np.array(2, np.float32)},
        )
    )


@pytest.fixture(scope="module")
def tagged() -> Model:
    """The document's model with three inputs, which come back."""
    return open_model(
        identity_model(
            ("tag", TensorProto.STRING, [None]),
            ("signal", TensorProto.INT64, [None, 5]),
            ("sensor", TensorProto.FLOAT, [None, 2, 2]),
        )
    )


ROWS = [
    {"tag": "foo", "signal": [1, 2, 3, 4, 5], "sensor": [[1, 2], [3, 4]]},
    {"tag": "bar", "signal": [3, 4, 1, 2, 5], "sensor": [[4, 5], [6, 8]]},
]
COLUMNS: dict[str, Any] = {name: [row[name] for row in ROWS] for name in ROWS[0]}


def test_one_input_and_one_output(half: Model) -> None:
    assert ask(predict, half, {"instances": [1.0, 2.0, 5.0]}) == {"predictions": [2.5, 3.0, 4.5]}
    assert ask(predict, half, {"instances": [{"x": 1}, {"x": 2}]}) == {"predictions": [2.5, 3.0]}
    assert ask(predict, half, {"inputs": [1.0, 2.0, 5.0]}) == {"outputs": [2.5, 3.0, 4.5]}
    assert ask(predict, half, {"inputs": {"x": [1.0]}}) == {"outputs": [2.5]}


def test_several_inputs_and_outputs_by_row_and_by_column(tagged: Model) -> None:
    assert ask(predict, tagged, {"instances": ROWS}) == {
        "predictions": [{f"{name}_out": value for name, value in row.items()} for row in ROWS]
    }
    assert ask(predict, tagged, {"inputs": COLUMNS}) == {
        "outputs": {f"{name}_out": value for name, value in COLUMNS.items()}
    }


@pytest.mark.parametrize("shape", [None, []])
def test_a_value_without_lists_is_a_tensor_of_rank_0(shape: list[Any] | None) -> None:
    """As in TensorFlow Serving's `json_tensor.cc`, `FillTensorMapFromInputsMap`."""
    one = open_model(identity_model(("x", TensorProto.FLOAT, shape)))
    assert ask(predict, one, {"inputs": 1.5}) == {"outputs": 1.5}
    assert ask(predict, one, {"inputs": {"x": 1.5}}) == {"outputs": 1.5}
    two = open_model(identity_model(("text", TensorProto.STRING, shape), ("flag", TensorProto.BOOL, shape)))
    scalars = {"inputs": {"text": "a", "flag": True}}
    assert ask(predict, two, scalars) == {"outputs": {"text_out": "a", "flag_out": True}}
    lists = {"inputs": {"text": ["a", "b"], "flag": [[True], [False]]}}
    assert ask(predict, two, lists) == {"outputs": {"text_out": ["a", "b"], "flag_out": [[True], [False]]}}
    refused(predict, one, {"inputs": "1.5"}, "inputs: '1.5', expected a number")
    refused(predict, one, {"inputs": True}, "inputs: true, expected a number")
    refused(predict, one, {"inputs": None}, "inputs: null, expected a number")
    refused(predict, one, {"inputs": 1e39}, "inputs: 1e+39 is beyond FP32")
    refused(
        predict, two, {"inputs": {"text": "a", "flag": {}}}, "inputs.flag: an object, expected true or false"
    )
    # In the row form a request has rows.
    refused(predict, one, {"instances": 1.5}, "instances: 1.5, expected a list")


def test_numbers_are_written_as_short_by_row_as_elsewhere() -> None:
    model = open_model(
        identity_model(("a", TensorProto.FLOAT, [None]), ("b", TensorProto.FLOAT16, [None, 1]))
    )
    assert ask(predict, model, {"instances": [{"a": 0.1, "b": 0.5}]}) == {
        "predictions": [{"a_out": 0.1, "b_out": [0.5]}]
    }


@pytest.mark.parametrize("name", [None, "", "serving_default"])
def test_the_one_signature_may_be_named(half: Model, name: str | None) -> None:
    assert ask(predict, half, {"signature_name": name, "instances": [1]}) == {"predictions": [2.5]}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "body: expected either instances or inputs, got neither"),
        ({"instances": [1], "inputs": [1]}, "body: expected either instances or inputs, got both"),
        (
            {"instances": [1], "signature": "x"},
            "body: unknown key 'signature', allowed are signature_name, in",
        ),
        (
            {"instances": [1], "signature_name": "train"},
            "signature_name: 'train', only 'serving_default' is served",
        ),
        ({"instances": [1], "signature_name": 1}, "signature_name: 1, expected a string"),
        ({"instances": 1}, "instances: 1, expected a list"),
        ({"instances": []}, "instances: empty"),
        ({"instances": [1, "2"]}, "instances[1]: '2', expected a number"),
        ({"instances": [{"x": 1}, {"x": True}]}, "instances[1].x: true, expected a number"),
        ({"instances": [{"b64": "aGk="}]}, "instances[0]: unknown key 'b64', allowed are x"),
        ({"inputs": 1}, "inputs: 1, expected a list"),
        ({"inputs": {"x": 1}}, "inputs.x: 1, expected a list"),
        ({"inputs": [[1]]}, "inputs[0]: a list, expected a number"),
        ({"inputs": {"y": [1]}}, "inputs: unknown key 'y', allowed are x"),
        ({"inputs": {}}, "inputs: x missing"),
        ({"inputs": {"x": [None]}}, "inputs.x[0]: null, expected a number"),
    ],
)
def test_a_bad_body_is_named(half: Model, body: Any, message: str) -> None:
    refused(predict, half, body, message)


def test_bad_columns_and_rows_are_named(tagged: Model) -> None:
    refused(predict, tagged, {"inputs": [1]}, "inputs: a list, expected an object")
    refused(predict, tagged, {"inputs": {"tag": ["a"]}}, "inputs: signal, sensor missing")
    bad = {**ROWS[1], "signal": [1, 2, 3, 4]}
    refused(
        predict, tagged, {"instances": [ROWS[0], bad]}, "instances[1].signal: 4 values, the model takes 5"
    )
    bad = {**ROWS[1], "sensor": [[1, 2], [3, "4"]]}
    refused(
        predict, tagged, {"instances": [ROWS[0], bad]}, "instances[1].sensor[1][1]: '4', expected a number"
    )
    refused(
        predict, tagged, {"instances": ROWS}, "content-type: 'text/plain'", 415, content_type="text/plain"
    )


def test_an_output_that_is_not_by_row_has_no_row_form() -> None:
    model = open_model(
        onnx_model(
            [helper.make_node("ReduceSum", ["x"], ["total"], keepdims=0)],
            [("x", TensorProto.FLOAT, [None])],
            [("total", TensorProto.FLOAT, [])],
        )
    )
    refused(predict, model, {"instances": [1, 2]}, "instances: the model's output 'total' has the shape []")
    assert ask(predict, model, {"inputs": [1, 2]}) == {"outputs": 3}


def test_the_status_of_each_version_has_the_words_of_the_api() -> None:
    status = model_status({"2": "draining", "3": "ready", "4": "loading"})
    assert [(entry["version"], entry["state"]) for entry in status["model_version_status"]] == [
        ("2", "UNLOADING"),
        ("3", "AVAILABLE"),
        ("4", "LOADING"),
    ]
    assert status["model_version_status"][0]["status"] == {"error_code": "OK", "error_message": ""}
