"""The numbers of a large JSON body, straight into an array.

A Python object for each number costs three times as much as to read it. simdjson reads them into one buffer,
and this takes what is certain: one key, lists of equal lengths, nothing but numbers. Any other body goes the
way through Python objects, which takes more forms and names what is wrong.
"""

import math
import threading
from collections.abc import Container
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from modelberth_server.model.signature import Signature
from modelberth_server.tensors import Array, TensorSpec

if TYPE_CHECKING:
    import simdjson

__all__ = ["inputs_of_numbers"]

# Below it the checks take as long as they save.
LARGE_BYTES: Final = 2048

BRACKET: Final = ord("[")

# A parser reads one document at a time, and bodies are read in several threads.
_local = threading.local()


def inputs_of_numbers(signature: Signature, body: bytes, keys: Container[str]) -> dict[str, Array] | None:
    """Return the model's one input, read from `{KEY: nested lists of numbers}`, where it is surely that.

    Args:
        signature: of the model
        body: JSON
        keys: of which the body's one key has to be

    """
    if len(body) < LARGE_BYTES or len(signature.inputs) != 1 or signature.preprocess is not None:
        return None
    spec = signature.inputs[0]
    if spec.datatype.dtype.kind != "f" or not spec.shape:
        return None
    array = _read(body, keys, spec)
    return None if array is None else {spec.name: array}


def _read(body: bytes, keys: Container[str], spec: TensorSpec) -> Array | None:
    try:
        document: Any = _parser().parse(body)
        (key,) = document.keys()
        rows = document[key]
        # A key that is there twice is two keys here.
        if key not in keys or len(document) != 1 or (sizes := _sizes(rows, spec.shape)) is None:
            return None
        # Lists inside of the innermost ones are flattened as well: they would be more brackets than these.
        brackets = np.count_nonzero(np.frombuffer(body, np.uint8) == BRACKET)
        if brackets != sum(math.prod(sizes[:level]) for level in range(len(sizes))):
            return None
        values = np.frombuffer(rows.as_buffer(of_type="d"), np.float64)
    except (AttributeError, IndexError, RuntimeError, TypeError, ValueError):
        # Not JSON, no object, no list, something that is no number, or one that no float64 can be.
        return None
    dtype = spec.datatype.dtype
    if values.size != math.prod(sizes):
        return None
    if dtype != np.float64:
        most = np.finfo(dtype).max
        if values.max() > most or values.min() < -most:
            return None
    return values.astype(dtype).reshape(sizes)


def _sizes(value: Any, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the sizes of nested lists that are equal at each level and fit the shape, or None."""
    size = len(value)
    if size == 0 or shape[0] not in (-1, size):
        return None
    if len(shape) == 1:
        return (size,)
    inner = shape[1:]
    # The innermost lists are many, and only their lengths are looked at.
    found = (
        {(length,) for length in set(map(len, value))}
        if len(inner) == 1
        else {_sizes(item, inner) for item in value}
    )
    if len(found) != 1 or (sizes := found.pop()) is None or inner[0] not in (-1, sizes[0]) or sizes[0] == 0:
        return None
    return (size, *sizes)


def _parser() -> "simdjson.Parser":
    import simdjson  # noqa: PLC0415 -- 10 ms, and many a server never gets a large body

    if not hasattr(_local, "parser"):
        _local.parser = simdjson.Parser()
    parser: simdjson.Parser = _local.parser
    return parser
