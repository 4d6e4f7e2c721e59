from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PIN = re.compile(
    r"^([a-z0-9-]+)==(\S+)((?: ;[^\\\n]*)?) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE
)


def pins(file: Path) -> dict[str, set[str]]:
    """Return the locked versions of each package; more than one where a marker chooses."""
    found: dict[str, set[str]] = {}
    for name, version, _, _ in PIN.findall(file.read_text()):
        found.setdefault(name, set()).add(version)
    return found


def unpinned(text: str) -> list[str]:
    """Return the lines of a lock file that are neither a comment nor part of a pin with hashes."""
    return [
        line for line in PIN.sub("", text).splitlines() if line.strip() and not line.lstrip().startswith("#")
    ]


@pytest.mark.parametrize(
    ("name", "at_least"),
    [("requirements/all.lock", 50), ("tools/uv.txt", 1), ("tests/support/clouds/checkov.txt", 50)],
)
def test_every_requirement_has_hashes_and_no_address(repository: Path, name: str, at_least: int) -> None:
    text = (repository / name).read_text()
    assert unpinned(text) == []
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text
    assert len(pins(repository / name)) >= at_least


@pytest.mark.parametrize(
    "bad", ["one==1\n", "one==1 \\\n    --hash=md5:00\n", "one>=1 \\\n    --hash=sha256:" + "0" * 64]
)
def test_a_requirement_without_hashes_would_be_seen(bad: str) -> None:
    assert unpinned(bad)


def test_the_lock_satisfies_the_project(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    optional = project["optional-dependencies"]
    assert {"aws", "gcp", "azure", "kubernetes", "serving", "dev"} <= set(optional)
    asked = [*project["dependencies"], *(line for lines in optional.values() for line in lines)]
    locked = pins(repository / "requirements" / "all.lock")
    assert len(asked) > 30
    own = canonicalize_name(project["name"])
    for requirement in map(Requirement, asked):
        if canonicalize_name(requirement.name) == own:  # one extra has another one in it
            assert requirement.extras <= set(optional)
            continue
        versions = locked.get(canonicalize_name(requirement.name), set())
        assert any(requirement.specifier.contains(version) for version in versions), (
            f"{requirement}: run `make lock`"
        )
