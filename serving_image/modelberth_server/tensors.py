"""Tensors in JSON: strict decoding into numpy arrays, and encoding back.

Datatypes and their names are those of the Open Inference Protocol v2.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from modelberth_server.errors import RequestError

__all__ = [
    "MAX_RANK",
    "ONNX_DATATYPES",
    "Array",
    "Datatype",
    "TensorSpec",
    "decode",
    "decode_flat",
    "encode",
    "shown",
]

Array = npt.NDArray[Any]

# numpy's own limit is 64 dimensions; no model comes near this one.
MAX_RANK: Final = 32


# By numpy's kind of type, where it is not an integer.
_JSON_FORMS: Final[dict[str, tuple[frozenset[type], str]]] = {
    "b": (frozenset({bool}), "true or false"),
    "f": (frozenset({int, float}), "a number"),
    "O": (frozenset({str}), "a string"),
}


@dataclass(frozen=True)
class Datatype:
    """An element type: its protocol name, its numpy type and the Python types that JSON gives for it."""

    name: str
    dtype: np.dtype[Any]
    json_types: frozenset[type]
    noun: str

    @classmethod
    def of(cls, name: str, scalar: type[np.generic]) -> "Datatype":
        """Make the datatype of a numpy scalar type; JSON's 1.0 is no integer and its true no number."""
        dtype = np.dtype(scalar)
        return cls(name, dtype, *_JSON_FORMS.get(dtype.kind, (frozenset({int}), "an integer")))


# By the type names of ONNX Runtime.
ONNX_DATATYPES: Final = {
    "tensor(bool)": Datatype.of("BOOL", np.bool_),
    "tensor(int8)": Datatype.of("INT8", np.int8),
    "tensor(int16)": Datatype.of("INT16", np.int16),
    "tensor(int32)": Datatype.of("INT32", np.int32),
    "tensor(int64)": Datatype.of("INT64", np.int64),
    "tensor(uint8)": Datatype.of("UINT8", np.uint8),
    "tensor(uint16)": Datatype.of("UINT16", np.uint16),
    "tensor(uint32)": Datatype.of("UINT32", np.uint32),
    "tensor(uint64)": Datatype.of("UINT64", np.uint64),
    "tensor(float16)": Datatype.of("FP16", np.float16),
    "tensor(float)": Datatype.of("FP32", np.float32),
    "tensor(double)": Datatype.of("FP64", np.float64),
    "tensor(string)": Datatype.of("BYTES", np.object_),
}


@dataclass(frozen=True)
class TensorSpec:
    """An input or output of a model; -1 in `shape` is a dimension of any size, `()` a shape of any rank."""

    name: str
    datatype: Datatype
    shape: tuple[int, ...]

    def metadata(self) -> dict[str, Any]:
        """Describe the tensor as the protocol's `$metadata_tensor`."""
        return {"name": self.name, "datatype": self.datatype.name, "shape": list(self.shape)}

    def accepts(self, shape: Sequence[int]) -> bool:
        """Tell whether a tensor of `shape` fits."""
        return not self.shape or (
            len(shape) == len(self.shape)
            and all(want in (-1, size) for size, want in zip(shape, self.shape, strict=True))
        )


def decode(value: Any, datatype: Datatype, shape: tuple[int, ...], field: str) -> Array:
    """Turn nested lists, as parsed from JSON, into an array.

    Args:
        value: nested lists of equal lengths at each level
        datatype: type of every leaf; numbers are rounded to it, never wrapped or clipped
        shape: the sizes to expect, outermost first; -1 takes any size, `()` any rank
        field: what `value` is called in an error

    Raises:
        RequestError: 400, naming the first element that does not fit.

    """
    leaves, sizes = _flatten(value, shape, field)
    return _array(leaves, datatype, sizes, field).reshape(sizes)


def decode_flat(value: list[Any], datatype: Datatype, shape: tuple[int, ...], field: str) -> Array:
    """Turn a flat list in row-major order into an array of exactly `shape`; errors as in `decode`."""
    if len(value) != math.prod(shape):
        raise RequestError(
            400, f"{field}: {len(value)} values, the shape {list(shape)} has {math.prod(shape)}"
        )
    return _array(value, datatype, (len(value),), field).reshape(shape)


def encode(array: Array) -> Any:
    """Return what orjson can write for an array; infinities and NaN, which JSON has not, become null."""
    if array.dtype == np.object_ or array.ndim == 0:
        return array.tolist()
    return np.ascontiguousarray(array)


def shown(value: Any) -> str:
    """Name a JSON value in an error message, briefly and without its contents where it is nested."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _flatten(value: Any, shape: tuple[int, ...], field: str) -> tuple[list[Any], tuple[int, ...]]:
    """Return the leaves of nested lists in row-major order, and the sizes of the levels.

    Level by level, with the type and length tests inside the interpreter's C loops: a Python loop over every
    element would cost more than most models.
    """
    items: list[Any] = [value]
    sizes: tuple[int, ...] = ()
    while len(sizes) < (len(shape) or MAX_RANK):
        if not shape and sizes and type(items[0]) is not list:
            break
        if set(map(type, items)) != {list}:
            at = next(index for index, item in enumerate(items) if type(item) is not list)
            raise RequestError(400, f"{_path(field, at, sizes)}: {shown(items[at])}, expected a list")
        want = shape[len(sizes)] if shape else -1
        want, source = (len(items[0]), "the first has") if want == -1 else (want, "the model takes")
        if set(map(len, items)) != {want}:
            at = next(index for index, item in enumerate(items) if len(item) != want)
            plural = "" if len(items[at]) == 1 else "s"
            raise RequestError(
                400, f"{_path(field, at, sizes)}: {len(items[at])} value{plural}, {source} {want}"
            )
        if want == 0:
            raise RequestError(400, f"{_path(field, 0, sizes)}: empty")
        items = list(chain.from_iterable(items))
        sizes += (want,)
    return items, sizes


def _array(leaves: list[Any], datatype: Datatype, sizes: tuple[int, ...], field: str) -> Array:
    """Turn JSON scalars into a flat array; `sizes` only serves to name the place of an error."""
    if not datatype.json_types.issuperset(map(type, leaves)):
        at = next(index for index, leaf in enumerate(leaves) if type(leaf) not in datatype.json_types)
        raise RequestError(400, f"{_path(field, at, sizes)}: {shown(leaves[at])}, expected {datatype.noun}")
    try:
        if datatype.dtype.kind != "f":
            return np.array(leaves, datatype.dtype)
        with np.errstate(over="ignore"):
            array = np.array(leaves, np.float64).astype(datatype.dtype)
    except OverflowError:
        bounds = np.iinfo(datatype.dtype)
        at = next(index for index, leaf in enumerate(leaves) if not bounds.min <= leaf <= bounds.max)
    else:
        if np.isfinite(array).all():
            return array
        at = int(np.flatnonzero(~np.isfinite(array))[0])
    raise RequestError(400, f"{_path(field, at, sizes)}: {leaves[at]} is beyond {datatype.name}")


def _path(field: str, index: int, sizes: tuple[int, ...]) -> str:
    """Name the element at a flat `index` of a tensor of `sizes`, as in `input[3][0]`."""
    if not sizes:
        return field
    return field + "".join(f"[{position}]" for position in np.unravel_index(index, sizes))
