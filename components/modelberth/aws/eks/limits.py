"""What Amazon EKS and EC2 have: `limits.toml`, read."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

__all__ = ["TABLE", "Limits", "limits"]

TABLE: Final = Path(__file__).with_name("limits.toml")


@dataclass(frozen=True, slots=True)
class Limits:
    """Everything that the table holds.

    Attributes:
        versions: releases of Kubernetes under standard support, the oldest first
        families: kind of GPU → EC2 instance families that have no other

    """

    versions: tuple[str, ...]
    families: Mapping[str, tuple[str, ...]]

    def is_of_kind(self, instance_type: str, kind: str) -> bool:
        """Tell whether the GPUs of an instance type are of a kind."""
        return instance_type.partition(".")[0] in self.families.get(kind, ())


@cache
def limits() -> Limits:
    """Read the table once."""
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return Limits(
        versions=tuple(table["versions"]),
        families={kind: tuple(families) for kind, families in table["families"].items()},
    )
