"""JSON to tensors and back: exact where JSON is exact, refused where it would be guessed."""

import math
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from modelberth_server.errors import RequestError
from modelberth_server.json_body import render
from modelberth_server.tensors import ONNX_DATATYPES, decode, decode_flat, encode

TYPES = {datatype.name: datatype for datatype in ONNX_DATATYPES.values()}
FP32, INT8, BYTES = TYPES["FP32"], TYPES["INT8"], TYPES["BYTES"]


@pytest.mark.parametrize("name", TYPES)
@given(data=st.data())
def test_a_round_trip_through_json_is_exact(name: str, data: st.DataObject) -> None:
    datatype = TYPES[name]
    shape = data.draw(npst.array_shapes(max_dims=4, max_side=4))
    if name == "BYTES":
        texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
        size = math.prod(shape)
        leaves = data.draw(st.lists(texts, min_size=size, max_size=size))
        array = np.array(leaves, np.object_).reshape(shape)
    else:
        finite = {"allow_nan": False, "allow_infinity": False} if datatype.dtype.kind == "f" else {}
        array = data.draw(
            npst.arrays(datatype.dtype, shape, elements=npst.from_dtype(datatype.dtype, **finite))
        )
    for expected in (shape, (-1,) * len(shape), ()):
        nested = decode(orjson.loads(render(encode(array))), datatype, expected, "input")
        assert nested.dtype == datatype.dtype
        np.testing.assert_array_equal(nested, array)
    flat = decode_flat(orjson.loads(render(encode(array.reshape(-1)))), datatype, shape, "data")
    np.testing.assert_array_equal(flat, array)


@pytest.mark.parametrize(
    ("value", "shape", "message"),
    [
        (5, (-1, 2), "input: 5, expected a list"),
        (None, (-1, 2), "input: null, expected a list"),
        ({"a": 1}, (), "input: an object, expected a list"),
        ("x" * 99, (-1, 2), f"input: '{'x' * 38}…, expected a list"),
        ([], (-1, 2), "input: empty"),
        ([[]], (-1, 2), "input[0]: 0 values, the model takes 2"),
        ([[], []], (-1, -1), "input[0]: empty"),
        ([1, 2], (-1, 2), "input[0]: 1, expected a list"),
        ([[1, 2], 3], (-1, 2), "input[1]: 3, expected a list"),
        ([[1, 2], [1, 2], [1, 2, 3]], (-1, 2), "input[2]: 3 values, the model takes 2"),
        ([[1, 2], [1]], (-1, -1), "input[1]: 1 value, the first has 2"),
        ([[1, 2]], (2, 2), "input: 1 value, the model takes 2"),
        ([[[1, 2]], [[1, 2], [1, 2]]], (), "input[1]: 2 values, the first has 1"),
        ([[1, [2]]], (-1, 2), "input[0][1]: a list, expected a number"),
        ([[1, "2"]], (-1, 2), "input[0][1]: '2', expected a number"),
        ([[1, True]], (-1, 2), "input[0][1]: true, expected a number"),
        ([[1, None]], (-1, 2), "input[0][1]: null, expected a number"),
        ([[1, 2], [3, 3.5e38]], (-1, 2), "input[1][1]: 3.5e+38 is beyond FP32"),
        ([[1, 2], [-3.5e38, 3]], (-1, 2), "input[1][0]: -3.5e+38 is beyond FP32"),
    ],
)
def test_a_misfit_is_named(value: Any, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(RequestError) as caught:
        decode(value, FP32, shape, "input")
    assert (caught.value.status, caught.value.message) == (400, message)


@pytest.mark.parametrize(
    ("datatype", "value", "message"),
    [
        ("INT8", 128, "128 is beyond INT8"),
        ("INT8", -129, "-129 is beyond INT8"),
        ("INT8", 1.0, "1.0, expected an integer"),
        ("INT8", False, "false, expected an integer"),
        ("UINT8", -1, "-1 is beyond UINT8"),
        ("UINT64", -1, "-1 is beyond UINT64"),
        ("INT64", 2**63, f"{2**63} is beyond INT64"),
        ("INT64", 1e19, "1e+19, expected an integer"),
        ("FP16", 70000, "70000 is beyond FP16"),
        ("BOOL", 1, "1, expected true or false"),
        ("BYTES", 1, "1, expected a string"),
    ],
)
def test_a_value_outside_its_type_is_named(datatype: str, value: Any, message: str) -> None:
    good: dict[str, Any] = {"BOOL": True, "BYTES": "a"}
    with pytest.raises(RequestError) as caught:
        decode_flat([good.get(datatype, 1), value], TYPES[datatype], (2,), "data")
    assert caught.value.message == f"data[1]: {message}"


def test_a_flat_list_has_as_many_values_as_its_shape() -> None:
    with pytest.raises(RequestError, match=r"data: 3 values, the shape \[2, 2\] has 4"):
        decode_flat([1, 2, 3], FP32, (2, 2), "data")


def test_a_scalar_is_a_flat_list_of_one() -> None:
    assert decode_flat([7], INT8, (), "data") == np.int8(7)


def test_depth_is_bounded() -> None:
    deep: Any = 1
    for _ in range(1000):
        deep = [deep]
    with pytest.raises(RequestError, match="a list, expected a number"):
        decode(deep, FP32, (), "input")


@given(rows=npst.arrays(np.float64, (3, 2), elements=st.floats(-1e38, 1e38)))
def test_numbers_are_rounded_to_the_nearest(rows: np.ndarray[Any, Any]) -> None:
    np.testing.assert_array_equal(decode(rows.tolist(), FP32, (-1, 2), "input"), rows.astype(np.float32))


def test_what_json_has_not_becomes_null() -> None:
    for dtype in (np.float16, np.float32, np.float64):
        assert render(encode(np.array([1, np.nan, np.inf, -np.inf], dtype))) == b"[1.0,null,null,null]"


def test_any_layout_is_written_in_row_major_order() -> None:
    array = np.arange(6, dtype=np.int32).reshape(2, 3)
    assert render(encode(array.T)) == b"[[0,3],[1,4],[2,5]]"
    assert render(encode(np.array(2.5, np.float32))) == b"2.5"
    assert render(encode(np.array([["a"], ["é"]], np.object_))) == '[["a"],["é"]]'.encode()
    assert BYTES.dtype == np.object_
