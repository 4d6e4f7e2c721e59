"""A package's own step before the model gets the rows, and its faults are told apart from the caller's."""

import logging
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from modelberth_server.contracts import azure_ml, open_inference, plain, sagemaker, tensorflow, vertex
from modelberth_server.contracts.contract import Contract
from modelberth_server.model.session import Model
from modelberth_server.tensors import Array
from serving.contracts import ask, open_model, refused, tensor
from serving.models import identity_model

Rows = list[Any]


def lengths(rows: Rows) -> dict[str, Array]:
    """Rows are texts, and the model takes their lengths."""
    if not all(isinstance(row, str) for row in rows):
        raise ValueError("a row is no text:\nexpected strings")
    return {"x": np.array([[len(row)] for row in rows], np.float32)}


def model_with(preprocess: Any) -> Model:
    return open_model(identity_model(("x", TensorProto.FLOAT, [None, 1])), preprocess=preprocess)


@pytest.fixture(scope="module")
def model() -> Model:
    return model_with(lengths)


BY_ROW: list[tuple[Contract, str]] = [
    (plain.predict, "input"),
    (sagemaker.invocations, "instances"),
    (azure_ml.score, "input_data"),
    (tensorflow.predict, "instances"),
    (vertex.predict, "instances"),
]


@pytest.mark.parametrize(("contract", "key"), BY_ROW)
def test_every_contract_of_rows_hands_them_on(model: Model, contract: Contract, key: str) -> None:
    assert ask(contract, model, {key: ["ab", "c"]})["predictions"] == [[2], [1]]
    refused(contract, model, {key: []}, f"{key}: empty")
    refused(contract, model, {key: "ab"}, f"{key}: 'ab', expected a list")
    refused(contract, model, {key: [1]}, "preprocess: a row is no text: expected strings")


def test_a_table_becomes_objects_of_its_columns() -> None:
    def ages(rows: Rows) -> dict[str, Array]:
        return {"x": np.array([[row["age"]] for row in rows], np.float32)}

    table = {"columns": ["name", "age"], "data": [["a", 3], ["b", 4]]}
    assert ask(azure_ml.score, model_with(ages), {"input_data": table})["predictions"] == [[3], [4]]


def test_contracts_of_tensors_pass_it_by(model: Model) -> None:
    body = {"inputs": [tensor("x", "FP32", [1, 1], [7])]}
    assert ask(open_inference.infer, model, body)["outputs"][0]["data"] == [7]
    assert ask(tensorflow.predict, model, {"inputs": [[7]]}) == {"outputs": [[7]]}


@pytest.mark.parametrize("kind", ["text/csv", "application/x-npy"])
def test_a_body_without_rows_does_not_pass_it_by_in_silence(model: Model, kind: str) -> None:
    message = f"content-type: {kind}, but this model has a step before it that takes rows: application/json"
    refused(sagemaker.invocations, model, b"7", message, 415, content_type=kind)


@pytest.mark.parametrize(("error", "status"), [(KeyError, 400), (SystemExit, 500)])
def test_any_other_error_is_told_without_its_text_and_logged_without_the_rows(
    caplog: pytest.LogCaptureFixture, error: type[BaseException], status: int
) -> None:
    def broken(rows: Rows) -> dict[str, Array]:
        raise error(rows[0])

    with caplog.at_level(logging.WARNING):
        message = "preprocess: cannot read these rows"
        refused(plain.predict, model_with(broken), {"input": ["secret"]}, message, status)
    (record,) = caplog.records
    assert record.getMessage().startswith(f"preprocess: {error.__name__} at ")
    assert "test_contract_preprocess.py:" in record.getMessage()
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ({"x": np.zeros((1, 1))}, "gave float64 for the input x, the model takes FP32"),
        ({"x": np.zeros((1, 1), ">f4")}, "gave >f4 for the input x, the model takes FP32"),
        ({"y": np.zeros((1, 1), np.float32)}, "gave nothing for the input x, the model takes FP32"),
        (
            {"x": np.zeros((1, 1), np.float32), "y": np.zeros(1)},
            "gave the unknown input 'y', allowed are x",
        ),
        ({"x": [[1.0]]}, "gave list for the input x, the model takes FP32"),
        ({"x": None}, "gave NoneType for the input x, the model takes FP32"),
        (None, "gave NoneType, expected a dictionary with an array for each of x"),
        ([[1.0]], "gave list, expected a dictionary with an array for each of x"),
        (
            {"x": np.zeros((1, 2), np.float32)},
            "gave the shape [1, 2] for the input x, the model takes [-1, 1]",
        ),
        ({"x": np.zeros(3, np.float32)}, "gave the shape [3] for the input x, the model takes [-1, 1]"),
        (
            {"x": np.zeros((2, 1), np.float32)},
            "gave the shape [2, 1] for the input x, expected an entry for each of 1 rows",
        ),
        (
            {"x": np.zeros((0, 1), np.float32)},
            "gave the shape [0, 1] for the input x, expected an entry for each of 1 rows",
        ),
    ],
)
def test_what_it_gives_has_to_be_what_the_model_takes(
    caplog: pytest.LogCaptureFixture, result: Any, message: str
) -> None:
    with caplog.at_level(logging.WARNING):
        refused(plain.predict, model_with(lambda _: result), {"input": [1]}, f"preprocess: {message}", 500)
    assert [record.getMessage() for record in caplog.records] == [f"preprocess: {message}"]


def test_an_input_of_a_fixed_size_beside_the_rows_is_for_all_of_them() -> None:
    tensors = [("x", TensorProto.FLOAT, [None, 1]), ("threshold", TensorProto.FLOAT, [1])]

    def step(rows: Rows) -> dict[str, Array]:
        return {"x": np.zeros((len(rows), 1), np.float32), "threshold": np.array([7], np.float32)}

    model = open_model(identity_model(*tensors), preprocess=step)
    answer = ask(plain.predict, model, {"input": [1, 2]})
    assert (answer["predictions"], answer["outputs"]) == ([[0], [0]], {"threshold_out": [7]})


def test_more_rows_than_the_model_takes_are_the_callers_fault() -> None:
    model = open_model(identity_model(("x", TensorProto.FLOAT, [1, 1])), preprocess=lengths)
    assert ask(plain.predict, model, {"input": ["abc"]})["predictions"] == [[3]]
    refused(plain.predict, model, {"input": ["a", "b"]}, "input: 2 rows, the model takes 1 at a time")
