"""A gRPC call, and the statuses that are right for it."""

from dataclasses import dataclass
from typing import Any

import grpc

OK = grpc.StatusCode.OK
INVALID = grpc.StatusCode.INVALID_ARGUMENT
UNKNOWN_MODEL = grpc.StatusCode.NOT_FOUND
TOO_LARGE = grpc.StatusCode.RESOURCE_EXHAUSTED
LATE = grpc.StatusCode.DEADLINE_EXCEEDED
NO_METHOD = grpc.StatusCode.UNIMPLEMENTED

MAX_BODY_BYTES = 1 << 20
CONTENTS = {
    "FP32": "fp32_contents",
    "INT64": "int64_contents",
    "BYTES": "bytes_contents",
    "BOOL": "bool_contents",
}
NAMES = ("", "x", "\0", "..", "é" * 200, "x" * 5000, "a b", "%2e%2e", "input\0", "𝄞")


@dataclass(frozen=True)
class Call:
    """A call of a method with the bytes of its message.

    Attributes:
        kind: what was made of it, for the tally
        allowed: statuses that are right
        options: of the call, as `grpc.aio` takes them

    """

    method: str
    data: bytes
    kind: str
    allowed: frozenset[grpc.StatusCode]
    options: tuple[tuple[str, Any], ...] = ()


def call(
    kind: str, data: bytes, *allowed: grpc.StatusCode, method: str = "ModelInfer", **options: Any
) -> Call:
    return Call(method, data, kind, frozenset(allowed), tuple(options.items()))
