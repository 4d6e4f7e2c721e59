"""A value of a resource as it is shown: short, in one line, and without what is secret."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from modelberth.errors import is_secret
from modelberth.preview.plan import Marker

from .plain import plain

__all__ = ["concealed", "json_text", "written"]


def concealed(value: Any, path: str) -> Any:
    """The value without texts whose name lets expect a secret, which not every program marks as one."""
    match value:
        case Mapping():
            return {str(key): concealed(item, f"{path}.{key}") for key, item in value.items()}
        case list() | tuple():
            return [concealed(item, path) for item in value]
        case str() if is_secret(path):
            return Marker.SECRET
        case str() if (held := json_text(value)) is not None:
            hidden = concealed(held, path)
            return value if hidden == held else written(hidden)
    return value


def json_text(value: Any) -> Any:
    """What a text such as a policy document holds; None where it is no JSON object or list."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def written(value: Any) -> str:
    """Write a value in one line: JSON, with the markers as `(secret)` and `(known after the update)`."""
    match value:
        case Marker():
            return f"({value.value})"
        case Mapping():
            return "{" + ", ".join(f"{_text(str(key))}: {written(item)}" for key, item in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(written, value)) + "]"
        case str():
            return _text(value)
        case float() if value.is_integer():
            return str(int(value))  # the wire knows one kind of number
        case None | bool() | int() | float():
            return json.dumps(value)
    return plain(repr(value))


def _text(text: str) -> str:
    return plain(json.dumps(text, ensure_ascii=False))
