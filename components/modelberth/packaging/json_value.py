"""What a person's Python gives for the manifest, as JSON can hold it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from modelberth.packaging.errors import SourceError

__all__ = ["json_value", "metrics_of"]


def metrics_of(given: Any) -> dict[str, Any]:
    """Return measured quality for the manifest: numbers by name, or what else JSON holds.

    Raises:
        SourceError: it names the metric at fault, as `metrics.auc`.

    """
    if not isinstance(given, Mapping):
        raise SourceError(f"metrics: given {given!r:.80}, allowed: a dict of names and numbers")
    metrics: dict[str, Any] = json_value(given, "metrics")
    return metrics


def json_value(value: Any, where: str) -> Any:
    """Return a value made of what JSON has; numpy's numbers and arrays become Python's.

    Raises:
        SourceError: NaN or an infinity, a key that is no text, or an object of another class; it is named by
            `where` and the path from there.

    """
    if hasattr(value, "tolist"):
        value = value.tolist()
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            if not math.isfinite(value):
                raise SourceError(f"{where}: given {value}, allowed: a finite number")
            return value
        case Mapping():
            if wrong := [key for key in value if not isinstance(key, str)]:
                raise SourceError(f"{where}: given the key {wrong[0]!r:.80}, allowed: text")
            return {key: json_value(item, f"{where}.{key}") for key, item in value.items()}
        case list() | tuple():
            return [json_value(item, f"{where}[{index}]") for index, item in enumerate(value)]
        case _:
            raise SourceError(
                f"{where}: given an object of {type(value).__name__}, allowed: numbers, text, lists and dicts"
            )
