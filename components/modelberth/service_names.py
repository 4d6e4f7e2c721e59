"""Names that a cloud's services take: a table of rules, read, and why a name would be refused."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from modelberth.errors import Problem, shown

__all__ = ["NameRule", "refusals", "rules"]


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
        """Tell whether the service would take the name."""
        return (
            self.shortest <= len(name) <= self.longest
            and re.fullmatch(self.pattern, name) is not None
            and not name.startswith(self.beginnings)
            and not name.endswith(self.endings)
        )


@cache
def rules(table: Path) -> Mapping[str, NameRule]:
    """Return the rule of every kind of resource in a table."""
    data = tomllib.loads(table.read_text(encoding="utf-8"))
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


def refusals(rule: NameRule, name: str, path: str, cloud: str) -> Iterator[Problem]:
    """Yield why a cloud would refuse a name.

    Args:
        rule: of what is named
        name: as it would be sent
        path: of the field that holds it
        cloud: as the beginning of a sentence

    """
    if rule.takes(name):
        return
    kept = [f"{text}…" for text in rule.beginnings] + [f"…{text}" for text in rule.endings]
    hint = f"{cloud} keeps {', '.join(kept)} for itself." if kept else ""
    if len(name) > rule.longest:
        hint = f"It has {len(name)} characters. {hint}".rstrip()
    yield Problem(path, shown(name), rule.allowed, hint)
