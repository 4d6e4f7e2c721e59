"""What provider and supervisor leave each other."""

import json
from pathlib import Path
from typing import Any

import pytest

from modelberth.local.run_directory import Desired, RunDirectory, Status

DESIRED: dict[str, Any] = {
    "serial": "s",
    "revision": "r",
    "command": ["python"],
    "environment": {"A": "b"},
    "port": None,
    "preferred_port": 1,
    "replicas": 1,
    "startup_timeout": 1.0,
    "drain_timeout": 1.0,
    "inputs": {},
}


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    directory = RunDirectory(tmp_path / "endpoint")
    directory.create()
    return directory


def test_what_is_written_is_read(directory: RunDirectory) -> None:
    desired = Desired(**{**DESIRED, "command": ("python", "-m")}, uid="u")
    status = Status("s", "r", "serving", 1, restarts=2)
    directory.write_desired(desired)
    directory.write_status(status)
    assert (directory.read_desired(), directory.read_status()) == (desired, status)


def test_it_is_for_its_owner_alone(directory: RunDirectory) -> None:
    directory.write_desired(Desired(**DESIRED))
    assert directory.path.stat().st_mode & 0o777 == 0o700
    assert (directory.path / "desired.json").stat().st_mode & 0o777 == 0o600


def test_another_versions_file_is_understood(directory: RunDirectory) -> None:
    (directory.path / "desired.json").write_text(json.dumps({**DESIRED, "from_the_future": 1}))
    desired = directory.read_desired()
    assert desired is not None
    assert (desired.uid, desired.command) == ("", ("python",))


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"serial": "s"}'])
def test_what_cannot_be_used_counts_as_nothing(directory: RunDirectory, text: str) -> None:
    (directory.path / "desired.json").write_text(text)
    (directory.path / "status.json").write_text(text)
    assert (directory.read_desired(), directory.read_status()) == (None, None)
