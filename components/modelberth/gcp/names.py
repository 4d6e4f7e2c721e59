"""Names that Google Cloud takes: `names.toml`, read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from modelberth.service_names import NameRule, refusals, rules

if TYPE_CHECKING:
    from modelberth.errors import Problem

__all__ = ["TABLE", "name_problems", "name_rules"]

TABLE: Final = Path(__file__).with_name("names.toml")


def name_rules() -> Mapping[str, NameRule]:
    """Return the rule of every kind of resource in the table."""
    return rules(TABLE)


def name_problems(kind: str, name: str, path: str) -> Iterator[Problem]:
    """Yield why Google Cloud would refuse a name.

    Args:
        kind: as the table has it, such as `bucket`
        name: as it would be sent
        path: of the field that holds it

    """
    yield from refusals(name_rules()[kind], name, path, "Google Cloud")
