"""Triton's binary tensor extension: tensors as raw bytes after the JSON of a request or a response.

Source: https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from modelberth_server.contracts.content import media_type, refuse_encoding
from modelberth_server.errors import RequestError
from modelberth_server.http.message import Request, Response
from modelberth_server.json_body import render
from modelberth_server.raw_tensors import decode_raw, encode_raw
from modelberth_server.tensors import Array, TensorSpec, shown

__all__ = ["BINARY_EXTENSION", "BinaryPart", "binary_response"]

BINARY_EXTENSION: Final = "binary_tensor_data"
HEADER: Final = b"inference-header-content-length"
OCTETS: Final = b"application/octet-stream"
_MEDIA_TYPES: Final = frozenset({"application/octet-stream", "application/json"})


class BinaryPart:
    """What follows the JSON of a request; its tensors are taken in the order of the JSON.

    Attributes:
        header: the JSON

    """

    __slots__ = ("_at", "_parts", "_size", "header")

    def __init__(self, parts: Sequence[bytes | bytearray | memoryview], at: int) -> None:
        self.header = bytes(_between(parts, 0, at))
        self._parts = parts
        self._size = sum(map(len, parts))
        self._at = at

    @classmethod
    def of(cls, request: Request) -> "BinaryPart | None":
        """Find the part; None in a request that does not tell the length of its JSON, for it is all JSON.

        Raises:
            RequestError: 400 or 415, naming the header.

        """
        text = request.headers.get(HEADER)
        if text is None:
            return None
        if request.headers.get(b"content-type") != OCTETS:
            kind, _ = media_type(request)
            if kind not in _MEDIA_TYPES:
                raise RequestError(415, f"content-type: {shown(kind)}, expected application/octet-stream")
        refuse_encoding(request)
        parts = request.parts or (request.body,)
        size = sum(map(len, parts))
        # `isdigit` of bytes knows ASCII only; 18 digits are more than any body has.
        at = int(text) if text.isdigit() and len(text) <= 18 else -1
        if not 0 <= at <= size:
            given = shown(text.decode("latin-1"))
            raise RequestError(
                400, f"{HEADER.decode()}: {given}, expected a number from 0 to {size}, the body's bytes"
            )
        return cls(parts, at)

    def take(self, size: Any, spec: TensorSpec, shape: tuple[int, ...]) -> Array:
        """Return the tensor in the next `size` bytes, which its parameter `binary_data_size` tells.

        Raises:
            RequestError: 400, naming the field from the tensor on.

        """
        field = ".parameters.binary_data_size"
        if type(size) is not int or size < 0:
            raise RequestError(400, f"{field}: {shown(size)}, expected an integer of at least 0")
        end = self._at + size
        if end > self._size:
            raise RequestError(400, f"{field}: {size}, the body has {self._size - self._at} bytes more")
        array = decode_raw(_between(self._parts, self._at, end), spec.datatype, shape, ".data")
        self._at = end
        return array

    def finish(self) -> None:
        """Refuse bytes that belong to no tensor."""
        if self._at != self._size:
            raise RequestError(400, f"body: {self._size - self._at} bytes more than its tensors have")


def _between(parts: Sequence[bytes | bytearray | memoryview], start: int, end: int) -> memoryview:
    """Return these bytes of a body that came in parts.

    Of several they are copied into memory that is aligned for every datatype. To join all parts first, and
    then to copy a tensor that does not lie aligned in them, took 6% more for an image.
    """
    if len(parts) == 1:
        return memoryview(parts[0])[start:end]
    gathered = np.empty(end - start, np.uint8).data
    at = 0
    for part in parts:
        first, last = max(start, at), min(end, at + len(part))
        if first < last:
            gathered[first - start : last - start] = memoryview(part)[first - at : last - at]
        at += len(part)
    return gathered


def binary_response(
    answer: dict[str, Any], outputs: Sequence[dict[str, Any]], tensors: Sequence[tuple[int, Array]]
) -> Response:
    """Make a response of the JSON members `answer` and `outputs`, with some of the outputs as raw bytes.

    Args:
        answer: members of the response but `outputs`
        outputs: an object for each output; those that are raw have no `data`
        tensors: index and value of each output that is raw, in order

    """
    parts = [b""]
    for index, array in tensors:
        raw = encode_raw(array)
        outputs[index]["parameters"] = {"binary_data_size": len(raw)}
        parts.append(raw)
    parts[0] = render({**answer, "outputs": outputs})
    return Response(200, b"".join(parts), OCTETS, ((HEADER, str(len(parts[0])).encode()),))
