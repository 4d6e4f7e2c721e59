"""The wire format of Protocol Buffers, in which an ONNX file is written; it is stable by promise.

Source: https://protobuf.dev/programming-guides/encoding/.
"""

from collections.abc import Iterator

__all__ = ["fields"]


def fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the number and the value of each field of a message; fixed-width values as their bytes.

    Raises:
        ValueError: the bytes are not in the wire format, or hold a group, which `proto3` has not.

    """
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        value: int | memoryview
        match tag & 7:
            case 0:  # varint
                value, at = _varint(data, at)
            case 1:  # 64 bits
                value, at = data[at : at + 8], at + 8
            case 2:  # length, then bytes
                size, at = _varint(data, at)
                value, at = data[at : at + size], at + size
            case 5:  # 32 bits
                value, at = data[at : at + 4], at + 4
            case other:
                raise ValueError(f"wire type {other}")
        if at > len(data):
            raise ValueError("a field runs past the end")
        yield tag >> 3, value


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """Read a base-128 varint; return it and the place after it."""
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ValueError("a varint does not end")
