"""What a request is called: by its caller, by its trace, or by a number of our own."""

import re
import secrets
from collections.abc import Callable
from itertools import count
from typing import Final

__all__ = ["MAX_LENGTH", "identifiers", "trace_id"]

MAX_LENGTH: Final = 128

# https://www.w3.org/TR/trace-context/#traceparent-header; versions above 00 may have more after the flags.
_TRACEPARENT: Final = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?"
)


def trace_id(traceparent: bytes) -> str | None:
    """Return the trace id of a `traceparent` header, or None where it is not valid."""
    found = _TRACEPARENT.fullmatch(traceparent)
    return found[1].decode() if found else None


def identifiers() -> Callable[[dict[bytes, bytes]], str]:
    """Make a function from the headers of a request to its identifier.

    That is its `x-request-id` where it is 1 to 128 printable ASCII characters, else its trace id, else a
    number that is unique among all servers.
    """
    prefix = secrets.token_hex(6)
    numbers = count(1).__next__

    def identify(headers: dict[bytes, bytes]) -> str:
        if (given := headers.get(b"x-request-id")) is not None and 0 < len(given) <= MAX_LENGTH:
            text = given.decode("latin-1")
            if text.isascii() and text.isprintable():
                return text
        if (parent := headers.get(b"traceparent")) is not None and (trace := trace_id(parent)):
            return trace
        return f"{prefix}-{numbers()}"

    return identify
