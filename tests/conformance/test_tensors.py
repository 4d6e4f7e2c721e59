"""Tensors of a client without an array library, against numpy."""

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from modelberth.conformance.contracts.sagemaker import npy
from modelberth.conformance.model import Model
from modelberth.conformance.outcome import DidNotHold
from modelberth.conformance.tensors import DATATYPES, TensorSpec, differ, flat, nested, shape_of, values_of

DTYPES = {
    "BOOL": np.bool_, "UINT8": np.uint8, "UINT16": np.uint16, "UINT32": np.uint32, "UINT64": np.uint64,
    "INT8": np.int8, "INT16": np.int16, "INT32": np.int32, "INT64": np.int64,
    "FP16": np.float16, "FP32": np.float32, "FP64": np.float64,
}  # fmt: skip


@settings(deadline=None)  # the first example imports numpy's parts
@given(st.data(), st.sampled_from(sorted(DTYPES)))
def test_raw_tensors_are_those_of_numpy(data: st.DataObject, name: str) -> None:
    dtype = np.dtype(DTYPES[name])
    shape = data.draw(arrays.array_shapes(max_dims=3, max_side=3))
    elements = {"allow_nan": False, "allow_infinity": False} if dtype.kind == "f" else {}
    array = data.draw(arrays.arrays(dtype, shape, elements=arrays.from_dtype(dtype, **elements)))
    tensor = TensorSpec("x", name, shape).tensor(array.tolist())
    assert tensor is not None
    assert tensor.raw() == array.astype(dtype.newbyteorder("<")).tobytes()
    values = values_of(tensor.raw(), name, shape, "x")
    assert (values, nested(values, shape)) == (array.reshape(-1).tolist(), array.tolist())
    assert (tuple(flat(array.tolist())), shape_of(array.tolist())) == (tensor.values, shape)
    loaded = np.load(io.BytesIO(npy(dtype.newbyteorder("<").str, shape, tensor.raw())), allow_pickle=False)
    assert loaded.dtype == dtype
    assert loaded.tolist() == array.tolist()


def test_texts() -> None:
    tensor = TensorSpec("x", "BYTES", (-1,)).tensor(["a", "", "ü€"])
    assert tensor is not None
    assert tensor.raw() == b"\x01\0\0\0a\0\0\0\0\x05\0\0\0\xc3\xbc\xe2\x82\xac"
    assert values_of(tensor.raw(), "BYTES", (3,), "x") == ["a", "", "ü€"]
    for raw in (tensor.raw()[:-1], tensor.raw() + b"\0", b""):
        with pytest.raises(DidNotHold):
            values_of(raw, "BYTES", (3,), "x")


@pytest.mark.parametrize(
    ("shape", "datatype", "values"),
    [
        ((-1, 4), "FP32", [[1, 2, 3]]),
        ((-1, 4), "FP32", [[1, 2, 3, "x"]]),
        ((-1,), "INT64", [1.5]),
        ((-1,), "INT64", [True]),
        ((-1,), "BOOL", [1]),
        ((-1,), "BYTES", [1]),
        ((-1, -1), "FP32", [[1], [1, 2]]),
        ((2,), "FP32", [1.0]),
    ],
)
def test_what_does_not_fit_is_no_tensor(shape: tuple[int, ...], datatype: str, values: Any) -> None:
    assert TensorSpec("x", datatype, shape).tensor(values) is None


def test_any_shape_fits_where_the_rank_is_unknown() -> None:
    spec = TensorSpec("x", "FP32", (-1,), unknown_rank=True)
    for shape in ((), (3,), (2, 1, 2)):
        assert spec.accepts(shape)
    assert not TensorSpec("x", "FP32", (-1,)).accepts((2, 1))
    tensor = spec.tensor([[1.5, 2.5], [3.5, 4.5]])
    assert tensor is not None
    assert (tensor.shape, tensor.values) == ((2, 2), (1.5, 2.5, 3.5, 4.5))
    assert spec.tensor([[1.5], [2.5, 3.5]]) is None, "ragged"
    assert spec.tensor(["a"]) is None


def test_rows_and_tensors_of_a_model() -> None:
    table, text = TensorSpec("table", "FP32", (-1, 2)), TensorSpec("text", "BYTES", (-1, 1))
    one = Model.of("m", [], [table], [], [[1.0, 2.0], [3.0, 4.0]])
    assert (one.same, one.tensors[0].shape, one.tensors[0].values) == (True, (2, 2), (1.0, 2.0, 3.0, 4.0))
    assert one.named_rows() == [{"table": [1.0, 2.0]}, {"table": [3.0, 4.0]}]
    two = Model.of("m", [], [table, text], [], [{"table": [1.0, 2.0], "text": "a"}])
    assert (two.same, two.columns()) == (True, {"table": [[1.0, 2.0]], "text": [["a"]]})
    # A step before the model takes these rows: what the model itself takes is another matter.
    stepped = Model.of("m", [], [table], [], ["a picture"])
    assert (stepped.same, stepped.rows, stepped.columns()) == (False, ["a picture"], {"table": [[0.0, 0.0]]})
    nothing = Model.of("m", [], [table, text], [], None)
    assert nothing.rows == [{"table": [0.0, 0.0], "text": ["0"]}]
    assert Model.of("m", [], [], [], None).rows is None
    assert Model.of("m", [], [TensorSpec("x", "FP32", ())], [], None).rows is None


def test_zeros_of_every_datatype_fit() -> None:
    for datatype in DATATYPES:
        spec = TensorSpec("x", datatype, (-1, 3))
        assert spec.tensor(nested(spec.zeros().values, (1, 3))) == spec.zeros()


@pytest.mark.parametrize(
    ("left", "right", "difference"),
    [
        ([0.1, 2], [0.1000001, 2], None),
        ([0.1], [0.11], "0.1 and 0.11"),
        ([1], [1, 2], "1 and 2 values"),
        ({"a": 1}, {"b": 1}, "members a and b"),
        ({"a": ["x"]}, {"a": ["y"]}, "'x' and 'y'"),
        ({"a": None}, {"a": None}, None),
        (True, "True", "True and 'True'"),
    ],
)
def test_differences(left: Any, right: Any, difference: str | None) -> None:
    assert differ(left, right) == difference
