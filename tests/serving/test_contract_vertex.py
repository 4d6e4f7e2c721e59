"""Vertex AI's prediction route: instances and parameters in, predictions out."""

from typing import Any

import pytest
from onnx import TensorProto

from modelberth_server.contracts.vertex import predict
from modelberth_server.model.session import Model
from serving.contracts import ask, open_model, refused
from serving.models import identity_model


@pytest.fixture(scope="module")
def one() -> Model:
    return open_model(identity_model(("x", TensorProto.FLOAT, [None, 2])))


@pytest.fixture(scope="module")
def two() -> Model:
    return open_model(identity_model(("a", TensorProto.INT64, [None, 1]), ("b", TensorProto.STRING, [None])))


@pytest.mark.parametrize("more", [{}, {"parameters": {}}, {"parameters": None}])
def test_a_prediction_for_each_instance(one: Model, more: dict[str, Any]) -> None:
    body = {"instances": [[1, 2], [3, 4]], **more}
    assert ask(predict, one, body) == {"predictions": [[1, 2], [3, 4]]}


def test_several_outputs_make_an_object_for_each_instance(two: Model) -> None:
    body = {"instances": [{"a": 1, "b": "x"}, {"a": [2], "b": "y"}]}
    refused(predict, two, body, "instances[1].a: a list, expected an integer")
    body["instances"][1]["a"] = 2
    assert ask(predict, two, body) == {
        "predictions": [{"a_out": [1], "b_out": "x"}, {"a_out": [2], "b_out": "y"}]
    }


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            {"instances": [[1, 2]], "parameters": {"confidenceThreshold": 0.5}},
            "parameters: unknown key 'confidenceThreshold', this model takes no parameters",
        ),
        ({"instances": [[1, 2]], "parameters": [1]}, "parameters: a list, expected an object"),
        (
            {"instances": [[1, 2]], "params": {}},
            "body: unknown key 'params', allowed are instances, parameters",
        ),
        ({}, "instances: null, expected a list"),
        ({"instances": {}}, "instances: an object, expected a list"),
        ({"instances": []}, "instances: empty"),
        ({"instances": [[1, 2], [1]]}, "instances[1]: 1 value, the model takes 2"),
        ([], "body: a list, expected an object"),
    ],
)
def test_a_bad_body_is_named(one: Model, body: Any, message: str) -> None:
    refused(predict, one, body, message)


def test_another_kind_of_body_is_refused(one: Model) -> None:
    refused(predict, one, {"instances": [[1, 2]]}, "content-type: 'text/csv'", 415, content_type="text/csv")
