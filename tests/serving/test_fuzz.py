"""Whatever a client sends: an answer or a 4xx that says why, never a crash."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelberth_server.errors import RequestError
from modelberth_server.execution import Contract
from modelberth_server.model import Model, load
from modelberth_server.open_inference import infer
from modelberth_server.predict import predict
from modelberth_server.settings import Settings
from serving.models import ModelFile

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
        st.dictionaries(st.sampled_from(["name", "data", "x"]), inner, max_size=3),
    ),
    max_leaves=12,
)
rows = st.lists(st.lists(numbers, min_size=4, max_size=4), min_size=1, max_size=3)
# Right in most places: a value from anywhere in one of them reaches deeper than noise does.
almost_rows = st.one_of(rows, json_values, st.lists(st.one_of(st.lists(scalars, max_size=5), json_values)))
predict_bodies = st.dictionaries(
    st.sampled_from(["input", "instances", "x"]), almost_rows, min_size=1, max_size=2
)
tensors = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["input", "input", "label", ""]) | scalars,
        "datatype": st.sampled_from(["FP32", "FP32", "INT64", "BYTES"]) | scalars,
        "shape": st.sampled_from([[1, 4], [2, 4], [4], [], [2**62, 4]]) | json_values,
        "data": st.one_of(almost_rows, st.lists(numbers, min_size=4, max_size=4), json_values),
        "parameters": json_values,
    },
)
good_tensor = st.builds(
    lambda row: {"name": "input", "datatype": "FP32", "shape": [1, 4], "data": row},
    st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=4),
)
infer_bodies = st.fixed_dictionaries(
    {"inputs": st.one_of(st.lists(good_tensor, min_size=1, max_size=1), st.lists(tensors), json_values)},
    optional={
        "id": scalars,
        "parameters": json_values,
        "outputs": st.lists(
            st.builds(lambda name: {"name": name}, st.sampled_from(["label", "probabilities", "x"]))
        )
        | json_values,
    },
)


@pytest.fixture(scope="module")
def model(iris: ModelFile) -> Model:
    return load(Settings.from_environ(iris.environ()))


@st.composite
def broken(draw: Callable[..., Any], bodies: st.SearchStrategy[Any]) -> bytes:
    """A body as bytes, sometimes cut or overwritten in places."""
    data = bytearray(orjson.dumps(draw(bodies)))
    if draw(st.integers(0, 3)) == 0:
        place = draw(st.integers(0, len(data) - 1))
        data[place : place + draw(st.integers(0, 4))] = draw(st.binary(max_size=4))
    return bytes(data)


@pytest.mark.parametrize(("contract", "bodies"), [(predict, predict_bodies), (infer, infer_bodies)])
def test_no_body_is_the_servers_fault(
    model: Model, contract: Contract, bodies: st.SearchStrategy[Any]
) -> None:
    answers: Counter[int] = Counter()

    @settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
    @given(body=st.one_of(broken(bodies), st.binary(max_size=64)))
    def send(body: bytes) -> None:
        refusal = None
        try:
            answer = contract(model.signature, model.inference().run, body)
        except RequestError as error:
            refusal = error
        answers[refusal.status if refusal else 200] += 1
        if refusal is None:
            assert orjson.loads(answer).keys() >= {"outputs"}
        else:
            assert 400 <= refusal.status < 500
            assert 0 < len(refusal.message) < 500
            assert "\n" not in refusal.message
            orjson.dumps(refusal.message)

    send()
    # Both sides of the border were visited, often.
    assert answers.total() >= 400
    assert answers[200] > 5
    assert answers[400] > 100
