"""Rows of a cloud's controls: which tests show that each is met, and which that its opposite is noticed.

A table has a row by its number, such as A1 in AWS and G1 in Google Cloud:

    rules     that say so, as their catalogues name them
    says      what must hold, in a sentence without its end
    by        the components that make it hold
    state     met: without a word of the program; opened: met, and one field opens it; asked: one field asks
              for it; absent: nothing here has what the row is about
    field     that opens it, or asks for it
    why       of an absent row, and of one that has to be asked for

A test of a row bears its number at the beginning of its docstring; one of the opposite says so.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from modelberth.preview.effects import Kind, explain
from support.clouds.flips import Flip
from support.plans import plan, step

__all__ = ["Rows", "directions", "guide", "malformed", "noticed", "rows_of"]

Rows = Mapping[str, Mapping[str, Any]]

_STATES: Final = ("met", "opened", "asked", "absent")
_OPPOSITE: Final = re.compile(r"the opposite|the other way round")


def rows_of(table: Path) -> Rows:
    """The rows by their numbers."""
    return tomllib.loads(table.read_text(encoding="utf-8"))


def malformed(rows: Rows) -> list[str]:
    """Rows that say too little, or too much."""
    return [
        name
        for name, row in rows.items()
        if not row.keys() <= {"rules", "says", "by", "state", "field", "why"}
        or row["state"] not in _STATES
        or not row["by"]
        or row["says"].endswith(".")
        or ("field" in row) != (row["state"] in {"opened", "asked"})
        or ("why" in row) != (row["state"] in {"asked", "absent"})
    ]


def directions(tests: Path, letter: str, flips: Iterable[Flip]) -> dict[str, dict[bool, tuple[str, ...]]]:
    """Tests of each row, those of the opposite under True, as `file::name`; flips are tests of checkov's.

    Args:
        tests: their folder
        letter: that the rows' numbers begin with
        flips: each undoes a row

    """
    numbers = re.compile(
        rf"(?:Rows? )?((?:{letter}\d+(?:, | and )?)+)|.*\(row ({letter}\d+)\)"  # several, or one at the end
    )
    found: dict[str, dict[bool, list[str]]] = {}
    for file in sorted(tests.rglob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            said = ast.get_docstring(node) if isinstance(node, ast.FunctionDef) else None
            if said is None or not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
                continue
            match = numbers.match(said)
            where = f"{file.relative_to(tests).as_posix()}::{node.name}"
            for row in re.findall(rf"{letter}\d+", match[0]) if match else ():
                found.setdefault(row, {}).setdefault(_OPPOSITE.search(said) is not None, []).append(where)
    for flip in flips:
        found.setdefault(flip.row, {}).setdefault(True, []).append(f"checkov {flip.check}")
    return {row: {side: tuple(names) for side, names in sides.items()} for row, sides in found.items()}


def noticed(token: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Mapping[Kind, str]:
    """What the explained preview tells as a danger of a resource's change."""
    change = step(token, before, after)
    effects = explain(plan(change), None, [change])
    return {effect.kind: effect.sentence for effect in effects if effect.severity >= 2}


def guide(rows: Rows, beginning: str, end: str) -> str:
    """The table for people, between two texts; `{rows}` and the states in the first one are numbers."""
    counts = {state: sum(row["state"] == state for row in rows.values()) for state in _STATES}
    lines = [beginning.format(rows=len(rows), **counts)]
    for name, row in rows.items():
        by = ", ".join(f"`{component}`" for component in row["by"])
        rules = ", ".join(row["rules"]) or "our own"
        lines.append(f"| {name} | {row['says']} | {by} | {_when(row)} | {rules} |")
    return "\n".join([*lines, end])


def _when(row: Mapping[str, Any]) -> str:
    match row["state"]:
        case "met":
            return "always"
        case "opened":
            return f"until {row['field']}"
        case "asked":
            return f"with `{row['field']}`: {row['why']}"
    return f"does not apply: {row['why']}"
