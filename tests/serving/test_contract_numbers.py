"""The short way of large JSON bodies gives what the long way gives, or leaves the body to it."""

import threading
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto

from modelberth_server.contracts import azure_ml, numbers, plain, sagemaker, tensorflow, vertex
from modelberth_server.contracts.contract import Contract
from modelberth_server.errors import RequestError
from modelberth_server.model.session import Model
from serving.contracts import open_model, request
from serving.models import identity_model

KEYS = ("input", "instances")
CONTRACTS: dict[str, tuple[Contract, str]] = {
    "plain": (plain.predict, "input"),
    "sagemaker": (sagemaker.invocations, "instances"),
    "tensorflow": (tensorflow.predict, "instances"),
    "vertex": (vertex.predict, "instances"),
    "azure_ml": (azure_ml.score, "input_data"),
}


def model(kind: int = TensorProto.FLOAT, shape: tuple[int | None, ...] = (None, 3)) -> Model:
    return open_model(identity_model(("x", kind, list(shape))))


ROWS = model()
JSON = {"content-type": "application/json"}


@pytest.fixture(autouse=True)
def small_bodies_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "LARGE_BYTES", 0)


def short(body: bytes, of: Model = ROWS) -> Any:
    inputs = numbers.inputs_of_numbers(of.signature, body, KEYS)
    return None if inputs is None else inputs["x"]


def long(body: bytes, of: Model = ROWS) -> Any:
    """What the contract reads with the short way closed: an array, or the refusal."""
    limit, numbers.LARGE_BYTES = numbers.LARGE_BYTES, 1 << 40
    try:
        return plain.predict(of.signature, request(body, **JSON)).inputs["x"]
    except RequestError as error:
        return error
    finally:
        numbers.LARGE_BYTES = limit


leaves = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-10, 10, width=32),
    st.integers(-(2**63), 2**64 - 1),
    st.sampled_from(
        [0, -0.0, 1e39, -1e39, 3.4028235e38, 3.4028236e38, 5e-324, True, None, "1", [], [1.5], {}]
    ),
)
good_rows = st.lists(st.lists(st.floats(-1e30, 1e30), min_size=3, max_size=3), min_size=1, max_size=4)
odd_rows = st.lists(st.lists(leaves, min_size=2, max_size=4) | leaves, max_size=3)
bodies = st.one_of(
    st.fixed_dictionaries({"input": good_rows | odd_rows}),
    st.dictionaries(st.sampled_from(["input", "instances", "x"]), good_rows | odd_rows, max_size=2),
)


@settings(max_examples=600, deadline=None)
@given(bodies)
def test_both_ways_read_the_same(value: dict[str, Any]) -> None:
    body = orjson.dumps(value)
    taken = short(body)
    if taken is not None:
        other = long(body)
        assert isinstance(other, np.ndarray), other
        assert (taken.dtype, taken.shape) == (other.dtype, other.shape)
        assert taken.tobytes() == other.tobytes()


def test_what_is_right_is_taken() -> None:
    for rows in ([[1, 2.5, -3e10]], [[0.1, 0.2, 0.3]] * 40, [[2**63, -(2**63), 7]]):
        taken = short(orjson.dumps({"input": rows}))
        assert taken is not None
        assert taken.tobytes() == long(orjson.dumps({"input": rows})).tobytes()
    picture = np.linspace(-1, 1, 2 * 3 * 4).reshape(1, 2, 3, 4)
    taken = short(orjson.dumps({"instances": picture.tolist()}), model(shape=(None, 2, None, 4)))
    assert np.array_equal(taken, picture.astype(np.float32))
    double = short(b'{"input": [[0.1, 1e300, 3]]}', model(TensorProto.DOUBLE))
    assert double.tolist() == [[0.1, 1e300, 3.0]]


@pytest.mark.parametrize(
    "body",
    [
        b'{"input": [[1, 2, true]]}',
        b'{"input": [[1, 2, "3"]]}',
        b'{"input": [[1, 2, null]]}',
        b'{"input": [[1, 2, NaN]]}',
        b'{"input": [[1, 2, 1e400]]}',
        b'{"input": [[1, 2, 1e39]]}',
        b'{"input": [[1, 2]]}',
        b'{"input": [[1, 2, 3, 4]]}',
        b'{"input": [[1, 2, 3], [4, 5]]}',
        b'{"input": [[[], [1, 2], 3], [4, 5, 6]]}',
        b'{"input": [[[], [], [1, 2, 3]]]}',
        b'{"input": [[[1, 2, 3]]]}',
        b'{"input": [1, 2, 3]}',
        b'{"input": []}',
        b'{"input": [[]]}',
        b'{"input": 1}',
        b'{"input": {"x": [[1, 2, 3]]}}',
        b'{"input": [{"x": [1, 2, 3]}]}',
        b'{"other": [[1, 2, 3]]}',
        b'{"input": [[1, 2, 3]], "instances": [[1, 2, 3]]}',
        b'{"input": [[1, 2, 3]], "input": [[4, 5, 6]]}',
        b"[[1, 2, 3]]",
        b'{"input": [[1, 2, 3]]} x',
        b'{"input": [[1, 2, 3]',
        b'{"input\xff": [[1, 2, 3]]}',
        b"",
    ],
)
def test_everything_else_is_left_to_the_long_way(body: bytes) -> None:
    assert short(body) is None
    # And the parser is fit for the next body.
    assert short(b'{"input": [[1, 2, 3]]}') is not None


def test_other_models_go_the_long_way() -> None:
    body = b'{"input": [[1, 2, 3]]}'
    assert short(body, model(TensorProto.INT64)) is None
    two = open_model(identity_model(("x", TensorProto.FLOAT, [None, 3]), ("y", TensorProto.FLOAT, [None, 3])))
    assert short(body, two) is None


@pytest.mark.parametrize("name", CONTRACTS)
def test_each_contract_answers_alike_both_ways(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    contract, key = CONTRACTS[name]
    body = orjson.dumps({key: [[0.1 * index, 2, -3e-3] for index in range(50)]})
    answers = []
    for limit in (0, 1 << 40):
        monkeypatch.setattr(numbers, "LARGE_BYTES", limit)
        prediction = contract(ROWS.signature, request(body, **JSON))
        answers.append(prediction.encode(ROWS.run(prediction.inputs, prediction.outputs)).body)
    assert answers[0] == answers[1]
    assert len(orjson.loads(answers[0])["predictions"]) == 50


def test_threads_have_parsers_of_their_own() -> None:
    wrong: list[int] = []

    def read(seed: int) -> None:
        rows = np.random.default_rng(seed).standard_normal((40, 3))
        body = orjson.dumps({"input": rows.tolist()})
        good = all(np.array_equal(short(body), rows.astype(np.float32)) for _ in range(50))
        wrong.extend([] if good else [seed])

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
