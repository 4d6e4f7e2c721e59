"""JSON bodies: strict in, compact out."""

from typing import Any, Final, TypeVar

import orjson

from modelberth_server.errors import RequestError
from modelberth_server.tensors import shown

__all__ = ["expect", "parse", "render"]

T = TypeVar("T", str, list[Any], dict[str, Any])

_NOUNS: Final = {str: "a string", list: "a list", dict: "an object"}


def parse(body: bytes) -> dict[str, Any]:
    """Parse an object strictly: UTF-8, no NaN or infinity, at most 1024 levels.

    Raises:
        RequestError: 400.

    """
    if not body:
        raise RequestError(400, "body: missing, expected a JSON object")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RequestError(400, f"body: not JSON: {error}") from None
    return expect(value, dict, "body")


def render(value: Any) -> bytes:
    """Serialize; numpy arrays in C order become nested lists."""
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)


def expect(value: Any, kind: type[T], name: str) -> T:
    """Return a value that has to be of `kind`, or raise a RequestError 400 that names it."""
    if not isinstance(value, kind):
        raise RequestError(400, f"{name}: {shown(value)}, expected {_NOUNS[kind]}")
    return value
