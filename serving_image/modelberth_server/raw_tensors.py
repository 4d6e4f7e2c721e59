"""Raw tensors: the elements in row-major order, little-endian, without padding.

Source: https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md;
the gRPC form of the Open Inference Protocol has the same. BYTES are their length in 4 bytes, then themselves.
"""

import math
import struct
from typing import Final

import numpy as np

from modelberth_server.errors import RequestError
from modelberth_server.tensors import Array, Datatype

__all__ = ["decode_raw", "encode_raw"]

_LENGTH: Final = struct.Struct("<I")


def decode_raw(data: bytes | memoryview, datatype: Datatype, shape: tuple[int, ...], field: str) -> Array:
    """Turn raw elements into an array of exactly `shape`; NaN and infinities are what they are.

    The array is a read-only view of `data` where the elements have a fixed size and lie aligned in memory.

    Raises:
        RequestError: 400, naming `field`.

    """
    count = math.prod(shape)
    dtype = datatype.dtype
    if dtype.hasobject:
        return _strings(bytes(data), count, field).reshape(shape)
    if len(data) != count * dtype.itemsize:
        raise RequestError(
            400,
            f"{field}: {len(data)} bytes, the shape {list(shape)} of {datatype.name} has "
            f"{count * dtype.itemsize}",
        )
    if dtype.kind == "b":
        octets = np.frombuffer(data, np.uint8)
        if (octets > 1).any():
            at = int(np.flatnonzero(octets > 1)[0])
            raise RequestError(400, f"{field}[{at}]: byte {octets[at]}, expected 0 or 1")
    array = np.frombuffer(data, dtype)
    # An engine may use instructions that fault on an address that is no multiple of the element's size.
    return (array if array.flags.aligned else array.copy()).reshape(shape)


def encode_raw(array: Array) -> bytes:
    """Return the raw elements of an array."""
    if not array.dtype.hasobject:
        return array.tobytes()
    parts: list[bytes] = []
    for element in array.reshape(-1):
        data = element if isinstance(element, bytes) else str(element).encode()
        parts += (_LENGTH.pack(len(data)), data)
    return b"".join(parts)


def _strings(data: bytes, count: int, field: str) -> Array:
    # Each takes 4 bytes at least: a huge shape is refused before anything of its size is made.
    if len(data) < count * _LENGTH.size:
        raise RequestError(400, f"{field}: {len(data)} bytes are too few for {count} elements of BYTES")
    strings = np.empty(count, np.object_)
    at = 0
    for index in range(count):
        start = at + _LENGTH.size
        if start > len(data):
            raise RequestError(400, f"{field}: ends before element {index} of {count}")
        at = start + _LENGTH.unpack_from(data, start - _LENGTH.size)[0]
        if at > len(data):
            raise RequestError(400, f"{field}: ends inside element {index} of {count}")
        try:
            strings[index] = data[start:at].decode()
        except UnicodeDecodeError:
            raise RequestError(400, f"{field}: element {index} is not UTF-8") from None
    if at != len(data):
        raise RequestError(400, f"{field}: {len(data) - at} bytes more than {count} elements")
    return strings
