"""A value of a resource as it is shown: short, in one line, and without what is secret."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from modelberth.preview import concealment
from modelberth.preview.plan import Marker

from .plain import plain

__all__ = ["concealed", "written"]


def concealed(value: Any, path: str) -> Any:
    """The value at a path without texts whose name lets expect a secret."""
    return concealment.concealed(value, path, Marker.SECRET)


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
