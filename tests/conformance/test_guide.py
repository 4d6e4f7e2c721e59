"""What docs/conformance.md says, against the code."""

import inspect
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from conformance.platforms import PlatformProcess
from modelberth.cli.conformance import conformance
from modelberth.cli.main import app
from modelberth.conformance import CONTRACTS, Verdict
from modelberth_server.platform import Platform

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "conformance.md").read_text()


def test_the_table_of_contracts_is_that_of_the_code() -> None:
    written = re.findall(r"^\| `([a-z-]+)` \| (\d+) \|", GUIDE, re.M)
    assert written == [(name, str(len(contract.checks))) for name, contract in CONTRACTS.items()]


def test_every_verdict_and_platform_has_a_row() -> None:
    rows = re.findall(r"^\| ([^|]+) \|", GUIDE, re.M)
    assert {verdict.value for verdict in Verdict} <= set(rows)
    names = {name.lower().replace(" ", "_") for row in rows for name in row.split(", ")}
    names = {{"vertex_ai": "vertex"}.get(name, name) for name in names}
    assert {platform.value for platform in Platform} <= names


def test_options_and_files_that_are_named_exist() -> None:
    source = inspect.getsource(inspect.getmodule(conformance) or conformance)
    options = set(re.findall(r"--[a-z][a-z-]+", GUIDE))
    named = {option for option in options if option in source}
    by_parameter = {f"--{name.replace('_', '-')}" for name in inspect.signature(conformance).parameters}
    assert options - named - by_parameter - {"--json"} == set()
    assert len(options) >= 9
    files = re.findall(r"`(tests/[\w/.]+)`", GUIDE)
    assert len(files) == 2
    assert [file for file in files if not (ROOT / file).exists()] == []


def test_the_commands_work(server: PlatformProcess) -> None:
    (block,) = re.findall(r"^```sh\n(.*?)^```$", GUIDE, re.M | re.S)
    commands = [shlex.split(line.replace("http://127.0.0.1:8080", server.url)) for line in block.splitlines()]
    assert len(commands) == 3
    for program, *arguments in commands:
        assert program == "modelberth"
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=CONTRACTS.keys())
def test_each_check_has_a_source_and_a_name_of_its_own(contract: object) -> None:
    checks = CONTRACTS[getattr(contract, "name", "")].checks
    assert len({check.name for check in checks}) == len(checks)
    assert all(re.match(r"https://|RFC \d+, \d|modelberth, docs/", check.source) for check in checks)
