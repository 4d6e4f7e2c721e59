"""One change of a config: the fields before it, and those that are other after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Change", "Config", "at", "inside", "merged", "one"]

Config = Mapping[str, Any]


def merged(config: Config, change: Config) -> dict[str, Any]:
    """Lay fields over a config, part by part; one that is None is taken out."""
    joined = {**config}
    for key, value in change.items():
        below = joined.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            joined[key] = merged(below, value)
        else:
            joined[key] = value
    return {key: value for key, value in joined.items() if value is not None}


@dataclass(frozen=True)
class Change:
    """Fields over a kind's smallest config before an update, and those that are other in it."""

    after: Config
    before: Config = field(default_factory=dict)


def at(path: str, value: object) -> dict[str, Any]:
    first, _, rest = path.partition(".")
    return {first: at(rest, value) if rest else value}


def one(path: str, value: object, before: Config | None = None) -> tuple[str, Change]:
    return path, Change(at(path, value), before or {})


def inside(part: str, before: Config, **fields: object) -> list[tuple[str, Change]]:
    return [one(f"target.{part}.{name}", value, before) for name, value in fields.items()]
