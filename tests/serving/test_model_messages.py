"""What ONNX Runtime says of a caller's inputs is told without where in its sources it says it."""

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from modelberth_server.errors import RequestError
from modelberth_server.model import session
from serving.contracts import open_model
from serving.models import onnx_model

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def ones(*shape: int) -> Any:
    return np.ones(shape, np.float32)


CASES: dict[str, tuple[Any, list[Any], list[Any], str]] = {
    "ORT_ENFORCE": (
        ("Add", {}),
        [("a", FLOAT, ["n"]), ("b", FLOAT, ["m"])],
        [ones(3), ones(4)],
        "Attempting to broadcast an axis by a dimension other than 1. 3 by 4",
    ),
    "ORT_ENFORCE, a function with arguments of its own types": (
        ("Reshape", {}),
        [("a", FLOAT, ["n"]), ("b", INT64, ["m"])],
        [ones(3), np.array([2, 2])],
        "The input tensor cannot be reshaped to the requested shape. Input shape:{3}, requested shape:{2,2}",
    ),
    "ORT_MAKE_STATUS": (
        ("MatMul", {}),
        [("a", FLOAT, ["n", "k"]), ("b", FLOAT, ["m", "j"])],
        [ones(3, 2), ones(4, 2)],
        "MatMul dimension mismatch",
    ),
    "ORT_RETURN_IF_NOT": (
        ("Concat", {"axis": 0}),
        [("a", FLOAT, ["n", "k"]), ("b", FLOAT, ["m", "j"])],
        [ones(3, 2), ones(4, 3)],
        "Non concat axis dimensions must match: Axis 1 has mismatched dimensions of 3 and 2",
    ),
    "a message alone": (
        ("Expand", {}),
        [("a", FLOAT, ["n"]), ("b", INT64, ["m"])],
        [ones(3), np.array([2, 2])],
        "invalid expand shape",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_only_the_readable_part_reaches_the_caller(case: str) -> None:
    (operator, attributes), inputs, values, message = CASES[case]
    names = [name for name, _, _ in inputs]
    model = open_model(
        onnx_model([helper.make_node(operator, names, ["c"], **attributes)], inputs, [("c", FLOAT, None)])
    )
    with pytest.raises(RequestError) as caught:
        model.run(dict(zip(names, values, strict=True)), ["c"])
    assert caught.value.status == 400
    found = caught.value.message.removeprefix("the model cannot take these inputs: ")
    assert found == message or (case == "ORT_MAKE_STATUS" and found.endswith(message))


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ("[ONNXRuntimeError] : 10 : INVALID_GRAPH : This is an invalid model.", "This is an invalid model."),
        (
            (
                "Exception during initialization: /a/core/x.cc:12 onnxruntime::(anonymous namespace)::F<T>::"
                "F(const std::vector<int>&, void (*)(int)) const [with T = float] no room"
            ),
            "Exception during initialization: no room",
        ),
        ("Status Message: /a/x.h:7 void onnxruntime::f(int) n > 0 was false.", "n > 0 was false."),
        ("Status Message: x.cc:7 Compute", "Compute"),
        ("the file a/b.txt:3 stays", "the file a/b.txt:3 stays"),
    ],
)
def test_forms_that_no_small_model_gives(raw: str, told: str) -> None:
    assert session._reason(RuntimeError(raw)) == told
