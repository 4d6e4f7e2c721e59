"""Takes out of values what their names let expect to be a secret, which not every program marks as one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from modelberth.errors import is_secret, is_secret_assignment, named_by, without_login

__all__ = ["concealed", "concealed_entries", "json_text"]


def concealed(value: Any, path: str, marker: Any) -> Any:
    """The value at a path with the marker in the place of each text that is to be a secret by its name.

    The name is that of the field or the environment variable, in any shape that these have: `{TOKEN: …}`,
    `{name: TOKEN, value: …}`, `TOKEN=…`, also inside of a text that holds JSON.
    """
    return _concealed(value, path, marker, by_field=True)


def concealed_entries(value: Any, marker: Any) -> Any:
    """The value without the secrets of lists of names and values: what `concealed` sees in no path."""
    return _concealed(value, "", marker, by_field=False)


def json_text(value: Any) -> Any:
    """What a text such as a policy document holds; None where it is no JSON object or list."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _concealed(value: Any, name: str, marker: Any, *, by_field: bool) -> Any:
    match value:
        case Mapping():
            names = {key: named_by(str(key), value) for key in value}
            return {
                str(key): _concealed(
                    item, names[key] if by_field or names[key] != key else "", marker, by_field=by_field
                )
                for key, item in value.items()
            }
        case list() | tuple():
            return [
                marker
                if isinstance(item, str) and is_secret_assignment(item)
                else _concealed(item, name, marker, by_field=by_field)
                for item in value
            ]
        case str() if is_secret(name):
            return marker
        case str() if (held := json_text(value)) is not None:
            inside = marker if isinstance(marker, str) else f"({marker.value})"
            hidden = _concealed(held, name, inside, by_field=by_field)
            return value if hidden == held else json.dumps(hidden)
        case str():
            return without_login(value)
    return value
