"""The plain contract: bytes in, bytes out, no transport."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
import pytest

from modelberth_server.errors import RequestError
from modelberth_server.model import Signature
from modelberth_server.predict import predict
from modelberth_server.tensors import ONNX_DATATYPES, Array, TensorSpec

FLOAT = ONNX_DATATYPES["tensor(float)"]
TEXT = ONNX_DATATYPES["tensor(string)"]
ROWS = TensorSpec("x", FLOAT, (-1, 2))
SUMS = Signature(
    "sums", "1", "0" * 64, (ROWS,), (TensorSpec("sum", FLOAT, (-1,)), TensorSpec("x2", FLOAT, ()))
)


def run_sums(inputs: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
    """An engine that a contract cannot tell from ONNX Runtime."""
    results = {"sum": inputs["x"].sum(axis=1), "x2": inputs["x"] * 2}
    return [results[name] for name in outputs]


@pytest.mark.parametrize("key", ["input", "instances"])
def test_one_prediction_for_each_row(key: str) -> None:
    body = orjson.dumps({key: [[1, 2], [3, 4.5]]})
    assert orjson.loads(predict(SUMS, run_sums, body)) == {
        "predictions": [3, 7.5],
        "outputs": {"x2": [[2, 4], [6, 9]]},
    }


def test_strings_in_and_out() -> None:
    signature = Signature(
        "up", "1", "0" * 64, (TensorSpec("t", TEXT, (-1,)),), (TensorSpec("u", TEXT, (-1,)),)
    )

    def upper(inputs: Mapping[str, Array], _: Sequence[str]) -> list[Array]:
        return [np.array([text.upper() for text in inputs["t"]], np.object_)]

    answer = predict(signature, upper, '{"input": ["a", "é"]}'.encode())
    assert orjson.loads(answer) == {"predictions": ["A", "É"], "outputs": {}}


@pytest.mark.parametrize(
    ("body", "message"),
    [
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
        (b"{}", "body: expected exactly one key, input or instances; got none"),
        (b'{"inputs": [[1, 2]]}', "body: expected exactly one key, input or instances; got 'inputs'"),
        (
            b'{"input": [[1, 2]], "instances": [[1, 2]]}',
            "body: expected exactly one key, input or instances; got 'input', 'instances'",
        ),
        (
            b'{"input": [[1, 2]], "x": 1}',
            "body: expected exactly one key, input or instances; got 'input', 'x'",
        ),
        (b'{"input": []}', "input: empty"),
        (b'{"instances": [[1, 2], [1]]}', "instances[1]: 1 value, the model takes 2"),
    ],
)
def test_a_bad_body_is_named(body: bytes, message: str) -> None:
    with pytest.raises(RequestError) as caught:
        predict(SUMS, run_sums, body)
    assert caught.value.status == 400
    assert caught.value.message.startswith(message)
    assert len(caught.value.message) < 300


@pytest.mark.parametrize("inputs", [(), (ROWS, ROWS)])
def test_a_model_without_one_input_points_to_the_other_contract(inputs: tuple[TensorSpec, ...]) -> None:
    def never(*_: Any) -> list[Array]:
        raise AssertionError

    with pytest.raises(RequestError, match="use POST /v2/models/sums/infer"):
        predict(Signature("sums", "1", "0" * 64, inputs, SUMS.outputs), never, b'{"input": [[1, 2]]}')
