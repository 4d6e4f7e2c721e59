"""Rows G1 to G19: each has a test that the default meets it, and one that the opposite is noticed."""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from support.clouds import controls
from support.clouds.controls import guide, malformed, rows_of
from support.clouds.modes import components
from support.gcp.flips import FLIPS

TESTS: Final = Path(__file__).parent
TABLE: Final = TESTS / "controls.toml"
GUIDE: Final = TESTS.parents[1] / "docs" / "gcp-controls.md"
AGAIN: Final = "write it again: REGENERATE=1 pytest tests/gcp/test_controls.py"
ROWS: Final = rows_of(TABLE)


@cache
def directions() -> Mapping[str, Mapping[bool, tuple[str, ...]]]:
    return controls.directions(TESTS, "G", FLIPS)


def test_every_row_is_there() -> None:
    assert list(ROWS) == [f"G{number}" for number in range(1, 20)]
    assert malformed(ROWS) == []


def test_every_row_has_a_component_that_is_there() -> None:
    package = Path(__file__).parents[2] / "components" / "modelberth" / "gcp"
    source = "\n".join(file.read_text(encoding="utf-8") for file in package.rglob("*.py"))
    tokens = {token.rpartition(":")[2] for token in components(source)}
    named = {component for row in ROWS.values() for component in row["by"]}
    assert len(named) >= 6
    assert named <= tokens


@pytest.mark.parametrize("row", ROWS)
def test_every_row_is_tested_in_both_directions(row: str) -> None:
    found = directions().get(row, {})
    assert found.get(False), f"{row}: no test whose docstring begins with it shows that it is met"
    assert found.get(True), f"{row}: no test whose docstring begins with it says 'the opposite'"


def test_a_test_names_no_row_that_is_not_there() -> None:
    assert directions().keys() == ROWS.keys()


def test_the_guide_is_current() -> None:
    said = guide(ROWS, _BEGINNING, _END)
    if os.environ.get("REGENERATE"):
        GUIDE.write_text(said, encoding="utf-8")
    assert GUIDE.read_text(encoding="utf-8") == said, AGAIN


_BEGINNING: Final = """\
# Controls of the Google Cloud targets

Written by a test from `tests/gcp/controls.toml`; by their numbers the tests name the rows. Rules are named as
their catalogues do: constraints of an organization's policy (`run.allowedIngress`), checkov (`CKV_GCP_84`)
and the CIS benchmarks of Google Cloud and of GKE.

{rows} rows: {met} are met without a word of the program, {opened} until a field opens them, and
{asked} where a field asks for them.

| row | what holds | by | when | rules |
|---|---|---|---|---|"""
_END: Final = """
Every row has a test that it holds and one that its opposite is noticed: refused when the config is read, told
by the explained preview as a danger, or found by checkov in the graph that the program makes.
"""
