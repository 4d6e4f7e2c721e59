"""`examples/composed` on the real engine, with the commands of its README."""

import json
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from docs.markdown import Session, blocks
from support.project import REPOSITORY, VENV, Project, predict

EXAMPLE = REPOSITORY / "examples" / "composed"


@pytest.fixture
def example(tmp_path: Path) -> Iterator[Project]:
    """The example and the model that it borrows, away from the repository: its package is installed."""
    folder = tmp_path / "examples" / "composed"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    shutil.copytree(REPOSITORY / "models" / "iris", tmp_path / "models" / "iris")
    (folder / ".state" / "backend").mkdir(parents=True)
    (folder / ".venv").symlink_to(VENV)
    project = Project(folder)
    yield project
    for process in project._processes(""):
        process.kill()


@pytest.mark.engine
def test_two_endpoints_and_their_directory(example: Project) -> None:
    session = Session(example.folder, {**example.environment, "PULUMI_SKIP_CONFIRMATIONS": "true"})
    deploy, change, approve, destroy = blocks(EXAMPLE / "README.md")

    session.run(deploy)
    catalogue = output(example, "catalogue")
    assert list(catalogue) == ["iris", "iris-batch"]
    for entry in catalogue.values():
        url = entry["predict_url"].removesuffix("/predict")
        assert predict(url)["predictions"] == ["setosa"]
        assert entry["is_approved"]
        assert entry["team"] == "botany"
    assert [entry["timeout_seconds"] for entry in catalogue.values()] == [2, 30]
    assert [f"http://{group['targets'][0]}/predict" for group in output(example, "scrape_config")] == [
        entry["predict_url"] for entry in catalogue.values()
    ]

    session.run(change)
    changed = output(example, "catalogue")
    assert changed["iris"] == catalogue["iris"]
    assert changed["iris-batch"]["max_body_bytes"] == 16 * 2**20
    assert not changed["iris-batch"]["is_approved"]

    session.run(approve)
    assert all(entry["is_approved"] for entry in output(example, "catalogue").values())

    session.run(destroy)
    assert example.state() == []
    assert example.leftovers() == []
    assert list((example.folder / ".modelberth").iterdir()) == []


def test_its_requirements_are_those_that_are_tested() -> None:
    lines = (EXAMPLE / "requirements.txt").read_text().splitlines()
    requirements = [Requirement(line) for line in lines]
    assert [requirement.name for requirement in requirements] == ["modelberth", "pulumi"]
    for requirement in requirements:
        assert requirement.specifier.contains(version(requirement.name)), requirement


def output(project: Project, name: str) -> Any:
    return json.loads(project.pulumi("stack", "output", name, "--json", "--stack", project.stack).stdout)
