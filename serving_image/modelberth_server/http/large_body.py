"""The memory of a large body of a known length: what comes from the socket is written where it stays.

Through the parser each byte was copied three times before it lay where the engine reads it: into an object
for each read, by the parser into another one, and into memory that is aligned. For an image that was a sixth
of all that it cost.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

__all__ = ["LARGE_BYTES", "LargeBody"]

# Smaller ones are not worth it: the request after a large body gets a parser of its own.
LARGE_BYTES: Final = 64 * 1024
# Of every datatype, and of what the system's allocator gives.
ALIGNMENT: Final = 16


class LargeBody:
    """A body while it comes; its memory is its own, and once it is complete nothing more is written there.

    Args:
        size: bytes of the body; memory is only taken for what has come
        headers: of its request; where they tell that tensors follow some JSON, the first of them lies aligned
        parts: its first bytes

    Attributes:
        vacant: where its next bytes belong; empty once it is complete

    """

    __slots__ = ("_whole", "vacant")

    def __init__(
        self,
        size: int,
        headers: Mapping[bytes, bytes],
        parts: Iterable[bytes | bytearray | memoryview] = (),
    ) -> None:
        # Triton's binary tensor extension; whether it is a number of this body is looked at by the contract.
        text = headers.get(b"inference-header-content-length", b"")
        json_bytes = int(text) if text.isdigit() and len(text) <= 18 else 0
        before = -json_bytes % ALIGNMENT
        # Not zeroed: pages that nothing was written to yet take no memory.
        self._whole = np.empty(before + size, np.uint8).data[before:]
        self.vacant = self._whole
        for part in parts:
            self.take(part)

    def take(self, data: bytes | bytearray | memoryview) -> int:
        """Copy the beginning of `data`, as much as is vacant; return its bytes."""
        count = min(len(data), len(self.vacant))
        self.vacant[:count] = data[:count]
        self.filled(count)
        return count

    def filled(self, count: int) -> None:
        """Go on behind `count` bytes that were written to `vacant`."""
        self.vacant = self.vacant[count:]

    def complete(self) -> memoryview:
        """Return the whole body, which is read-only from now on."""
        return self._whole.toreadonly()
