"""Arguments of our own resources as the engine takes them: mappings with camelCase names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any

__all__ = ["camel_case", "wire"]


def wire(value: Any) -> Any:
    """A dataclass as the mapping that goes to the engine, without what was left out."""
    if is_dataclass(value):
        found = {camel_case(one.name): wire(getattr(value, one.name)) for one in fields(value)}
        return {name: item for name, item in found.items() if item is not None and item not in ([], {})}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [wire(item) for item in value]
    return value


def camel_case(name: str) -> str:
    """`model_id` is `modelId`."""
    return re.sub("_([a-z])", lambda match: match[1].upper(), name)
