"""JSON to tensors and back: exact where JSON is exact, refused where it would be guessed."""

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from modelberth_server.errors import RequestError
from modelberth_server.json_body import may_hold_booleans, render
from modelberth_server.tensors import ONNX_DATATYPES, Datatype, decode, decode_flat, shown

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
        nested = decode(orjson.loads(render(array)), datatype, expected, "input")
        assert nested.dtype == datatype.dtype
        np.testing.assert_array_equal(nested, array)
    flat = decode_flat(orjson.loads(render(array.reshape(-1))), datatype, shape, "data")
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
        ([[3.5e38, "2"]], (-1, 2), "input[0][0]: 3.5e+38 is beyond FP32"),
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


def test_the_first_index_goes_where_the_field_asks_for_it() -> None:
    for value, message in (
        ([[1], [True]], "rows[1].age[0]: true, expected a number"),
        ([[1], 2], "rows[1].age: 2, expected a list"),
        ([], "rows: empty"),
    ):
        with pytest.raises(RequestError) as caught:
            decode(value, FP32, (-1, 1), "rows[].age")
        assert caught.value.message == message


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
        assert render(np.array([1, np.nan, np.inf, -np.inf], dtype)) == b"[1.0,null,null,null]"


def test_any_layout_is_written_in_row_major_order() -> None:
    array = np.arange(6, dtype=np.int32).reshape(2, 3)
    assert render(array.T) == b"[[0,3],[1,4],[2,5]]"
    assert render(np.array(2.5, np.float32)) == b"2.5"
    assert render(np.array([["a"], ["é"]], np.object_)) == '[["a"],["é"]]'.encode()
    assert BYTES.dtype == np.object_


def reference(value: Any, datatype: Datatype, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """What `decode` promises, one element at a time."""
    level, sizes = [("x", value)], []
    for size in shape:
        want, source = (size, "the model takes")
        if want == -1 and type(value) is list and type(level[0][1]) is list:
            want, source = len(level[0][1]), "the first has"
        for where, item in level:
            if type(item) is not list:
                raise RequestError(400, f"{where}: {shown(item)}, expected a list")
            if len(item) != want:
                plural = "" if len(item) == 1 else "s"
                raise RequestError(400, f"{where}: {len(item)} value{plural}, {source} {want}")
        if want == 0:
            raise RequestError(400, f"{level[0][0]}: empty")
        sizes.append(want)
        level = [(f"{where}[{at}]", leaf) for where, item in level for at, leaf in enumerate(item)]
    result = np.empty(len(level), datatype.dtype)
    for index, (where, leaf) in enumerate(level):
        numbers: tuple[type, ...] = (int, float) if datatype.dtype.kind == "f" else (int,)
        if type(leaf) not in {"b": (bool,), "O": (str,)}.get(datatype.dtype.kind, numbers):
            raise RequestError(400, f"{where}: {shown(leaf)}, expected {datatype.noun}")
        beyond = RequestError(400, f"{where}: {leaf} is beyond {datatype.name}")
        if datatype.dtype.kind in "iu":
            bounds = np.iinfo(datatype.dtype)
            if not bounds.min <= leaf <= bounds.max:
                raise beyond
        with np.errstate(over="ignore"):
            result[index] = np.float64(leaf) if datatype.dtype.kind == "f" else leaf
        if datatype.dtype.kind == "f" and not np.isfinite(result[index]):
            raise beyond
    return result.reshape(sizes)


def outcome(function: Callable[..., np.ndarray[Any, Any]], *given: Any, **named: Any) -> Any:
    """The type, shape and values of the array, or the message of the refusal."""
    try:
        array = function(*given, **named)
    except RequestError as error:
        return error.message
    return array.dtype, array.shape, array.tolist()


EDGES = [
    0,
    1,
    -1,
    True,
    False,
    None,
    "",
    "1",
    "true",
    65504,
    65519,
    65520,
    -65520.0,
    127,
    128,
    255,
    256,
    -129,
]
EDGES += [
    2**31,
    2**32,
    2**53 + 1,
    2**63 - 1,
    2**63,
    2**64 - 1,
    -(2**63),
    3.4028235677973366e38,
    1e308,
    5e-324,
]
leaves = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**63), 2**64 - 1),
    st.sampled_from(EDGES),
)


@st.composite
def with_one_other(draw: Callable[..., Any], rows: st.SearchStrategy[list[list[Any]]]) -> list[list[Any]]:
    """Rows of two, in which one value may be of any kind."""
    table = draw(rows)
    draw(st.sampled_from(table))[draw(st.integers(0, 1))] = draw(st.sampled_from(EDGES) | leaves)
    return table


@pytest.mark.parametrize("name", TYPES)
def test_every_json_value_is_taken_or_refused_as_the_plain_loop_does(name: str) -> None:
    outcomes: Counter[str] = Counter()
    few = {"BOOL": st.booleans(), "BYTES": st.text(st.characters(exclude_categories=["Cs"]), max_size=3)}
    usual = few.get(name, st.integers(0, 100) if "INT" in name else st.floats(-100, 100))

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        value=st.one_of(
            st.lists(st.lists(usual, min_size=2, max_size=2), min_size=1, max_size=4),
            with_one_other(st.lists(st.lists(usual, min_size=2, max_size=2), min_size=1, max_size=4)),
            with_one_other(st.lists(st.lists(usual, min_size=2, max_size=2), min_size=1, max_size=4)),
            st.lists(st.lists(leaves, max_size=3) | leaves, max_size=3),
            st.recursive(leaves, lambda inner: st.lists(inner, max_size=3), max_leaves=8),
        ),
        shape=st.sampled_from([(-1, 2), (-1, -1), (-1, 2), (2, 2), (-1,), (1, -1, 2)]),
    )
    def check(value: Any, shape: tuple[int, ...]) -> None:
        body = orjson.dumps(value)
        parsed = orjson.loads(body)
        expected = outcome(reference, parsed, TYPES[name], shape)
        for booleans in {True, may_hold_booleans(body)}:
            assert outcome(decode, parsed, TYPES[name], shape, "x", booleans=booleans) == expected
        outcomes["refused" if isinstance(expected, str) else "taken"] += 1

    check()
    assert outcomes["refused"] > 30
    assert outcomes["taken"] > 5


@given(value=st.recursive(leaves, lambda inner: st.lists(inner, max_size=4), max_leaves=20))
def test_no_text_without_the_letters_holds_a_boolean(value: Any) -> None:
    def booleans(inner: Any) -> int:
        return sum(map(booleans, inner)) if isinstance(inner, list) else isinstance(inner, bool)

    assert may_hold_booleans(orjson.dumps(value)) or not booleans(value)
    assert may_hold_booleans(b"[true]")
    assert may_hold_booleans(b"[false]")
    assert not may_hold_booleans(b'{"instances":[[1e5,-2.5]]}')
