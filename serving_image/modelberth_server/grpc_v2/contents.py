"""Typed tensors: the elements in the repeated field of their datatype."""

import math
from typing import Final

import numpy as np

from modelberth_server.errors import RequestError
from modelberth_server.grpc_v2.inference_pb2 import InferTensorContents
from modelberth_server.tensors import Array, Datatype, decode_flat

__all__ = ["decode_contents", "encode_contents", "has_contents"]

# Source: the comments of InferTensorContents in inference.proto.
_FIELDS: Final = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


def has_contents(datatype: Datatype) -> bool:
    """Tell whether a datatype has a typed form; FP16 has only the raw one."""
    return datatype.name in _FIELDS


def decode_contents(
    contents: InferTensorContents, datatype: Datatype, shape: tuple[int, ...], where: str
) -> Array:
    """Turn typed elements into an array of exactly `shape`; NaN and infinities are what they are.

    Raises:
        RequestError: 400, naming the field below `where`.

    """
    if not has_contents(datatype):
        raise RequestError(400, f"{where}: {datatype.name} has no typed contents, use raw_input_contents")
    name = _FIELDS[datatype.name]
    for field, _ in contents.ListFields():
        if field.name != name:
            raise RequestError(400, f"{where}.{field.name}: elements of {datatype.name} go into {name}")
    values = getattr(contents, name)[:]
    field_name = f"{where}.{name}"
    if datatype.dtype.kind == "f":
        if len(values) != math.prod(shape):
            raise RequestError(
                400, f"{field_name}: {len(values)} values, the shape {list(shape)} has {math.prod(shape)}"
            )
        return np.array(values, datatype.dtype).reshape(shape)
    if datatype.dtype.kind == "O":
        values = [_text(value, f"{field_name}[{index}]") for index, value in enumerate(values)]
    return decode_flat(values, datatype, shape, field_name, booleans=datatype.dtype.kind == "b")


def encode_contents(array: Array, datatype: Datatype) -> InferTensorContents:
    """Return the typed elements of an array."""
    contents = InferTensorContents()
    values = array.reshape(-1).tolist()
    if datatype.dtype.kind == "O":
        values = [value if isinstance(value, bytes) else str(value).encode() for value in values]
    getattr(contents, _FIELDS[datatype.name]).extend(values)
    return contents


def _text(value: bytes, field: str) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise RequestError(400, f"{field}: not UTF-8") from None
