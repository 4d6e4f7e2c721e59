"""Tensors in JSON: strict decoding into numpy arrays, and encoding back.

Datatypes and their names are those of the Open Inference Protocol v2.
"""

import math
import struct
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
    "decode_scalar",
    "encode",
    "shown",
]

Array = npt.NDArray[Any]

# numpy's own limit is 64 dimensions; no model comes near this one.
MAX_RANK: Final = 32

_LISTS: Final = {list}

# By numpy's kind of type, where it is not an integer.
_JSON_FORMS: Final[dict[str, tuple[frozenset[type], str]]] = {
    "b": (frozenset({bool}), "true or false"),
    "f": (frozenset({int, float}), "a number"),
    "O": (frozenset({str}), "a string"),
}


@dataclass(frozen=True)
class Datatype:
    """An element type: its protocol name, its numpy type and the Python types that JSON gives for it.

    `packed` is the format character of `struct` for a number, None for what is none.
    """

    name: str
    dtype: np.dtype[Any]
    packed: str | None
    json_types: frozenset[type]
    noun: str

    @classmethod
    def of(cls, name: str, scalar: type[np.generic], packed: str | None = None) -> "Datatype":
        """Make the datatype of a numpy scalar type; JSON's 1.0 is no integer and its true no number."""
        dtype = np.dtype(scalar)
        return cls(name, dtype, packed, *_JSON_FORMS.get(dtype.kind, (frozenset({int}), "an integer")))


# By the type names of ONNX Runtime.
ONNX_DATATYPES: Final = {
    "tensor(bool)": Datatype.of("BOOL", np.bool_),
    "tensor(int8)": Datatype.of("INT8", np.int8, "b"),
    "tensor(int16)": Datatype.of("INT16", np.int16, "h"),
    "tensor(int32)": Datatype.of("INT32", np.int32, "i"),
    "tensor(int64)": Datatype.of("INT64", np.int64, "q"),
    "tensor(uint8)": Datatype.of("UINT8", np.uint8, "B"),
    "tensor(uint16)": Datatype.of("UINT16", np.uint16, "H"),
    "tensor(uint32)": Datatype.of("UINT32", np.uint32, "I"),
    "tensor(uint64)": Datatype.of("UINT64", np.uint64, "Q"),
    "tensor(float16)": Datatype.of("FP16", np.float16, "e"),
    "tensor(float)": Datatype.of("FP32", np.float32, "f"),
    "tensor(double)": Datatype.of("FP64", np.float64, "d"),
    "tensor(string)": Datatype.of("BYTES", np.object_),
}


@dataclass(frozen=True)
class TensorSpec:
    """An input or output of a model.

    Attributes:
        name: of the tensor
        datatype: of its elements
        shape: its sizes, -1 for any; `()` for a scalar and for an unknown rank: the engine takes any then
        unknown_rank: the model does not say how many dimensions there are

    """

    name: str
    datatype: Datatype
    shape: tuple[int, ...]
    unknown_rank: bool = False

    def __post_init__(self) -> None:
        """Hold the two fields together; ValueError where there are dimensions of an unknown number."""
        if self.unknown_rank and self.shape:
            raise ValueError(f"{self.name}: the shape {list(self.shape)} has a rank")

    def metadata(self) -> dict[str, Any]:
        """Describe the tensor as the protocol's `$metadata_tensor`.

        It has no form for an unknown rank: `shape` has to be there, and `[]` is a scalar's. So it is told as
        one dimension of any size, and `parameters` say the rest by the name that TensorFlow has for it.
        """
        described: dict[str, Any] = {
            "name": self.name,
            "datatype": self.datatype.name,
            "shape": [-1] if self.unknown_rank else list(self.shape),
        }
        if self.unknown_rank:
            described["parameters"] = {"unknown_rank": True}
        return described

    @property
    def form(self) -> str:
        """The shape in words: `[-1, 4]`, or `any rank`."""
        return "any rank" if self.unknown_rank else str(list(self.shape))

    def accepts(self, shape: Sequence[int]) -> bool:
        """Tell whether a tensor of `shape` fits."""
        if not self.shape:
            return True
        if len(shape) != len(self.shape):
            return False
        for size, want in zip(shape, self.shape, strict=True):  # noqa: SIM110 -- a generator costs more
            if want not in (-1, size):
                return False
        return True


def decode(
    value: Any, datatype: Datatype, shape: tuple[int, ...], field: str, *, booleans: bool = True
) -> Array:
    """Turn nested lists, as parsed from JSON, into an array; it may be read-only.

    Args:
        value: nested lists of equal lengths at each level; its numbers are finite, as JSON's are
        datatype: type of every leaf; numbers are rounded to it, never wrapped or clipped
        shape: the sizes to expect, outermost first; -1 takes any size, `()` any rank
        field: what `value` is called in an error; where the first index belongs inside, it has `[]` there, as
            in `instances[].age`
        booleans: False promises that `value` holds neither true nor false, which saves a look at every leaf

    Raises:
        RequestError: 400, naming the first element that does not fit.

    """
    leaves, sizes = _flatten(value, shape, field)
    return _array(leaves, datatype, sizes, field, booleans=booleans).reshape(sizes)


def decode_scalar(value: Any, datatype: Datatype, field: str, *, booleans: bool = True) -> Array:
    """Turn a JSON value that is no list into a tensor of rank 0; the rest as in `decode`."""
    return _array([value], datatype, (), field, booleans=booleans).reshape(())


def decode_flat(
    value: list[Any], datatype: Datatype, shape: tuple[int, ...], field: str, *, booleans: bool = True
) -> Array:
    """Turn a flat list in row-major order into an array of exactly `shape`; the rest as in `decode`."""
    if len(value) != math.prod(shape):
        raise RequestError(
            400, f"{field}: {len(value)} values, the shape {list(shape)} has {math.prod(shape)}"
        )
    return _array(value, datatype, (len(value),), field, booleans=booleans).reshape(shape)


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
        first = items[0]
        if type(first) is not list:
            if not shape and sizes:
                break
            raise _ragged(items, 0, sizes, "", field)
        want = shape[len(sizes)] if shape else -1
        source = "the model takes"
        if want == -1:
            want, source = len(first), "the first has"
        if len(items) == 1:
            even = len(first) == want
        else:
            even = set(map(type, items)) == _LISTS and set(map(len, items)) == {want}
        if not even:
            raise _ragged(items, want, sizes, source, field)
        if want == 0:
            raise RequestError(400, f"{_path(field, 0, sizes)}: empty")
        items = first if len(items) == 1 else list(chain.from_iterable(items))
        sizes += (want,)
    return items, sizes


def _ragged(items: list[Any], want: int, sizes: tuple[int, ...], source: str, field: str) -> RequestError:
    """Name the first of `items` that is no list of length `want`."""
    at, item = next(
        (at, item) for at, item in enumerate(items) if type(item) is not list or len(item) != want
    )
    if type(item) is not list:
        return RequestError(400, f"{_path(field, at, sizes)}: {shown(item)}, expected a list")
    plural = "" if len(item) == 1 else "s"
    return RequestError(400, f"{_path(field, at, sizes)}: {len(item)} value{plural}, {source} {want}")


def _array(
    leaves: list[Any], datatype: Datatype, sizes: tuple[int, ...], field: str, *, booleans: bool
) -> Array:
    """Turn JSON scalars into a flat array; `sizes` only serves to name the place of an error."""
    if datatype.packed is None:
        if datatype.json_types.issuperset(map(type, leaves)):
            return np.array(leaves, datatype.dtype)
    elif not booleans or bool not in set(map(type, leaves)):
        # `struct` refuses what is no number, is out of range or would be rounded to infinity, in half of the
        # time that `np.array` takes only to convert it. True and false alone would be numbers to it.
        try:
            return np.frombuffer(struct.pack(f"<{len(leaves)}{datatype.packed}", *leaves), datatype.dtype)
        except (struct.error, OverflowError):
            pass
    at, problem = next(
        (index, problem) for index, leaf in enumerate(leaves) if (problem := _misfit(leaf, datatype))
    )
    raise RequestError(400, f"{_path(field, at, sizes)}: {problem}")


def _misfit(leaf: Any, datatype: Datatype) -> str | None:
    """Say why a JSON value is none of `datatype`."""
    if type(leaf) not in datatype.json_types:
        return f"{shown(leaf)}, expected {datatype.noun}"
    if datatype.packed is not None:
        try:
            struct.pack(f"<{datatype.packed}", leaf)
        except (struct.error, OverflowError):
            return f"{leaf} is beyond {datatype.name}"
    return None


def _path(field: str, index: int, sizes: tuple[int, ...]) -> str:
    """Name the element at a flat `index` of a tensor of `sizes`, as in `input[3][0]`."""
    before, inside, after = field.partition("[]")
    if not sizes:
        return before
    first, *others = [f"[{position}]" for position in np.unravel_index(index, sizes)]
    return "".join((before, first, after, *others)) if inside else "".join((field, first, *others))
