"""Whatever a client sends to any contract: an answer or a 4xx that says why, never a crash."""

import io
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelberth_server.contracts import azure_ml, open_inference, plain, sagemaker, tensorflow, vertex
from modelberth_server.contracts.contract import Contract
from modelberth_server.errors import RequestError
from modelberth_server.model.session import Model
from serving.contracts import answer, open_model
from serving.models import IRIS

Message = tuple[bytes, dict[str, str]]

numbers = st.one_of(
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0, 1, -1, 1e39, 3.4e38, 5e-324]),
)
scalars = st.one_of(numbers, st.none(), st.booleans(), st.text(st.characters(exclude_categories=["Cs"])))
json_values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["name", "data", "input", "x"]), inner, max_size=3),
    ),
    max_leaves=12,
)
row = st.lists(st.floats(-1e30, 1e30), min_size=4, max_size=4)
rows = st.lists(row, min_size=1, max_size=3) | st.lists(
    st.builds(lambda values: {"input": values}, row), min_size=1, max_size=2
)
# Right in most places: a value from anywhere in one of them reaches deeper than noise does.
almost_rows = st.one_of(rows, json_values, st.lists(st.one_of(st.lists(scalars, max_size=5), json_values)))
tables = st.fixed_dictionaries(
    {"data": almost_rows},
    optional={
        "columns": st.just(list("abcd")) | json_values,
        "index": json_values | st.lists(numbers, max_size=3),
    },
)
parameters = st.dictionaries(
    st.sampled_from(["binary_data", "binary_data_output", "binary_data_size", "classification", "x"]),
    st.one_of(st.sampled_from([16, 0, -1, 2**62, True, False, 16.0]), json_values),
    max_size=2,
)
tensors = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["input", "input", "label", ""]) | scalars,
        "datatype": st.sampled_from(["FP32", "FP32", "INT64", "BYTES"]) | scalars,
        "shape": st.sampled_from([[1, 4], [2, 4], [4], [], [2**62, 4]]) | json_values,
        "data": st.one_of(almost_rows, row, json_values),
        "parameters": parameters | json_values,
    },
)
good_tensor = st.builds(
    lambda data: {"name": "input", "datatype": "FP32", "shape": [1, 4], "data": data}, row
)
RAW = {"name": "input", "datatype": "FP32", "shape": [1, 4], "parameters": {"binary_data_size": 16}}
outputs = st.lists(
    st.builds(
        lambda name, more: {"name": name, **more},
        st.sampled_from(["label", "probabilities", "x"]),
        st.sampled_from([{}, {"parameters": {"binary_data": True}}]),
    )
)
infer_bodies = st.fixed_dictionaries(
    {"inputs": st.one_of(st.lists(good_tensor, min_size=1, max_size=1), st.lists(tensors), json_values)},
    optional={"id": scalars, "parameters": parameters | json_values, "outputs": outputs | json_values},
)
raw_bodies = st.fixed_dictionaries(
    {"inputs": st.lists(st.just(RAW) | tensors, min_size=1, max_size=2)},
    optional={"parameters": st.just({"binary_data_output": True}) | parameters, "outputs": outputs},
)


def of_keys(*keys: str) -> st.SearchStrategy[Any]:
    """Objects with some of these keys, as often as not just rows under the first."""
    some = st.dictionaries(st.sampled_from(keys), almost_rows, min_size=1, max_size=2)
    return st.one_of(rows.map(lambda value: {keys[0]: value}), some)


@st.composite
def broken(draw: Callable[..., Any], bodies: st.SearchStrategy[bytes]) -> bytes:
    """A body, sometimes cut or overwritten in places."""
    data = bytearray(draw(bodies))
    if data and draw(st.integers(0, 3)) == 0:
        place = draw(st.integers(0, len(data) - 1))
        data[place : place + draw(st.integers(0, 4))] = draw(st.binary(max_size=4))
    return bytes(data)


def json_messages(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Message]:
    return st.tuples(broken(values.map(orjson.dumps)), st.just({}))


@st.composite
def raw_messages(draw: Callable[..., Any]) -> Message:
    header = orjson.dumps(draw(st.just({"inputs": [RAW]}) | raw_bodies))
    length = len(header) + draw(st.sampled_from([0] * 30 + [1, -1, 99]))
    body = draw(broken(st.just(header + draw(st.sampled_from([bytes(16)] * 20 + [bytes(32), b""])))))
    return body, {
        "content_type": "application/octet-stream",
        "inference_header_content_length": str(length),
    }


fields = st.one_of(numbers.map(str), st.floats(-1e9, 1e9).map(repr), st.text(max_size=3))
lines = st.lists(st.lists(st.floats(-1e9, 1e9).map(repr), min_size=4, max_size=4), min_size=1, max_size=3)
csv_rows = lines | st.lists(st.lists(fields, max_size=5), max_size=3)
csv_texts = csv_rows.map(lambda table: "\n".join(map(",".join, table)).encode("utf-8", "surrogatepass"))


def npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


files = st.one_of(
    st.sampled_from([np.zeros((2, 4), kind) for kind in ("<f4", ">f8", "i2", "?", "<U3")]),
    st.sampled_from([np.full((1, 4), 1e39), np.zeros(4, "f4"), np.zeros((1, 4), "f4", order="F")]),
).map(npy)
accepts = st.sampled_from(
    ["*/*", "text/csv", "application/x-npy", "image/png", "application/json;q=0.1, text/csv"]
)
tables_of_aws = st.one_of(
    st.tuples(
        broken(csv_texts), st.fixed_dictionaries({"content_type": st.just("text/csv"), "accept": accepts})
    ),
    st.tuples(
        broken(files),
        st.fixed_dictionaries({"content_type": st.just("application/x-npy"), "accept": accepts}),
    ),
)

CASES: list[tuple[Contract, st.SearchStrategy[Message]]] = [
    (plain.predict, json_messages(of_keys("input", "instances", "x"))),
    (
        azure_ml.score,
        json_messages(of_keys("input") | st.builds(lambda table: {"input_data": table}, tables)),
    ),
    (tensorflow.predict, json_messages(of_keys("instances", "inputs", "signature_name"))),
    (vertex.predict, json_messages(of_keys("instances", "parameters"))),
    (sagemaker.invocations, json_messages(of_keys("instances") | almost_rows)),
    (sagemaker.invocations, tables_of_aws),
    (open_inference.infer, json_messages(good_tensor.map(lambda one: {"inputs": [one]}) | infer_bodies)),
    (open_inference.infer, raw_messages()),
]


@pytest.fixture(scope="module")
def model() -> Model:
    return open_model(onnx.load(IRIS))


@pytest.mark.parametrize(("contract", "messages"), CASES)
def test_no_body_is_the_servers_fault(
    model: Model, contract: Contract, messages: st.SearchStrategy[Message]
) -> None:
    answers: Counter[int] = Counter()

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(message=st.one_of(messages, messages, messages, st.tuples(st.binary(max_size=64), st.just({}))))
    def send(message: Message) -> None:
        body, headers = message
        refusal = None
        try:
            response = answer(contract, model, body, **headers)
        except RequestError as error:
            refusal = error
        answers[refusal.status if refusal else 200] += 1
        if refusal is None:
            assert response.status == 200
            assert response.content_type != b"application/json" or orjson.loads(response.body)
        else:
            assert 400 <= refusal.status < 500
            assert 0 < len(refusal.message) < 500
            assert "\n" not in refusal.message
            orjson.dumps(refusal.message)

    send()
    # Both sides of the border were visited, often.
    assert answers.total() >= 150
    assert answers[200] > 5
    assert answers[400] > 30
