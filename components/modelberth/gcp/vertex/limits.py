"""Limits of Vertex AI's online prediction: `limits.toml`, read."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

__all__ = ["TABLE", "AccessLimits", "Limits", "limits"]

TABLE: Final = Path(__file__).with_name("limits.toml")


@dataclass(frozen=True, slots=True)
class AccessLimits:
    """What one way to the endpoint takes.

    Attributes:
        title: as the middle of a sentence
        body_bytes: of the largest request
        timeout_seconds: after which a request is given up

    """

    title: str
    body_bytes: int
    timeout_seconds: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Everything that `limits.toml` holds.

    Attributes:
        access: by `target.access.kind`
        deployment_seconds: longest that a model may take until it serves
        machine_seconds: of these, what is left for the machine before the server starts
        endpoint_digits: most digits of an endpoint's name
        model: most characters of a model's id
        role: most characters of the id of a role of one's own

    """

    access: Mapping[str, AccessLimits]
    deployment_seconds: int
    machine_seconds: int
    endpoint_digits: int
    model: int
    role: int


@cache
def limits() -> Limits:
    """Read the table once."""
    table: dict[str, Any] = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    deployment, names = table["deployment"], table["names"]
    return Limits(
        access=MappingProxyType(
            {
                kind: AccessLimits(row["title"], row["body_bytes"], row["timeout_seconds"])
                for kind, row in table["access"].items()
            }
        ),
        deployment_seconds=deployment["most_seconds"],
        machine_seconds=deployment["machine_seconds"],
        endpoint_digits=names["endpoint_digits"],
        model=names["model"],
        role=names["role"],
    )
