"""JSON bodies: strict in, compact out."""

from typing import Any, Final, TypeVar

import numpy as np
import orjson

from modelberth_server.errors import RequestError
from modelberth_server.tensors import encode, shown

__all__ = ["expect", "may_hold_booleans", "parse", "parse_value", "refuse_unknown", "render"]

T = TypeVar("T", str, bool, list[Any], dict[str, Any])

_NOUNS: Final = {str: "a string", bool: "true or false", list: "a list", dict: "an object"}


def parse(body: bytes) -> dict[str, Any]:
    """Parse an object strictly: UTF-8, no NaN or infinity, at most 1024 levels.

    Raises:
        RequestError: 400.

    """
    if not body:
        raise RequestError(400, "body: missing, expected a JSON object")
    return expect(parse_value(body), dict, "body")


def parse_value(body: bytes) -> Any:
    """Parse any JSON value as strictly as `parse` an object."""
    if not body:
        raise RequestError(400, "body: missing, expected JSON")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RequestError(400, f"body: not JSON: {error}") from None


def may_hold_booleans(body: bytes) -> bool:
    """Tell whether a JSON text could hold `true` or `false`; a no is certain.

    Two searches for a byte are a thousandth of the time that it takes to look at the type of every number.
    """
    return b"r" in body or b"l" in body


def render(value: Any) -> bytes:
    """Serialize; numpy arrays become nested lists, and what JSON has not (NaN, infinity) becomes null."""
    return orjson.dumps(value, _encoded, orjson.OPT_SERIALIZE_NUMPY)


def _encoded(value: Any) -> Any:
    """Give orjson what it can write of an array that it cannot: strings, no dimension, another layout."""
    if isinstance(value, np.ndarray):
        return encode(value)
    raise TypeError


def expect(value: Any, kind: type[T], name: str) -> T:
    """Return a value that has to be of `kind`, or raise a RequestError 400 that names it."""
    if not isinstance(value, kind):
        raise RequestError(400, f"{name}: {shown(value)}, expected {_NOUNS[kind]}")
    return value


def refuse_unknown(holder: dict[str, Any], known: dict[str, Any], where: str) -> None:
    """Raise a RequestError 400 for the first key that is no key of `known`."""
    if not holder.keys() <= known.keys():
        key = next(key for key in holder if key not in known)
        raise RequestError(400, f"{where}: unknown key {shown(key)}, allowed are {', '.join(known)}")
