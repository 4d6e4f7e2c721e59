"""Names that AWS takes: `names.toml`, read."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from modelberth.errors import Problem, shown

__all__ = ["TABLE", "NameRule", "name_problems", "name_rules"]

TABLE: Final = Path(__file__).with_name("names.toml")


@dataclass(frozen=True, slots=True)
class NameRule:
    """What the name of one kind of resource may be; the attributes are those of the table."""

    allowed: str
    pattern: str
    shortest: int
    longest: int
    source: str
    beginnings: tuple[str, ...] = ()
    endings: tuple[str, ...] = ()

    def takes(self, name: str) -> bool:
        """Tell whether AWS would take the name."""
        return (
            self.shortest <= len(name) <= self.longest
            and re.fullmatch(self.pattern, name) is not None
            and not name.startswith(self.beginnings)
            and not name.endswith(self.endings)
        )


@cache
def name_rules() -> Mapping[str, NameRule]:
    """Return the rule of every kind of resource in the table."""
    data = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {
        kind: NameRule(
            entry["allowed"],
            entry["pattern"],
            entry["shortest"],
            entry["longest"],
            entry["source"],
            tuple(entry.get("beginnings", ())),
            tuple(entry.get("endings", ())),
        )
        for kind, entry in data["kinds"].items()
    }


def name_problems(kind: str, name: str, path: str) -> Iterator[Problem]:
    """Yield why AWS would refuse a name.

    Args:
        kind: as the table has it, such as `bucket`
        name: as it would be sent
        path: of the field that holds it

    """
    rule = name_rules()[kind]
    if rule.takes(name):
        return
    kept = [f"{text}…" for text in rule.beginnings] + [f"…{text}" for text in rule.endings]
    hint = f"AWS keeps {', '.join(kept)} for itself." if kept else ""
    if len(name) > rule.longest:
        hint = f"It has {len(name)} characters. {hint}".rstrip()
    yield Problem(path, shown(name), rule.allowed, hint)
