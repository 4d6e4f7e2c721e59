"""The README does what it says: its blocks run, and its tables are those of the code."""

import re
from collections import Counter
from collections.abc import Iterator
from importlib import metadata

import pytest
from pydantic import BaseModel

import modelberth
from docs.markdown import Session, blocks
from modelberth.capability_table import load
from modelberth.cli.failure import Exit
from modelberth.spec import EndpointDeployment
from modelberth.spec.shape import models_in
from support.project import REPOSITORY, Project

README = REPOSITORY / "README.md"


@pytest.mark.engine
def test_every_block_runs(session: Session, project: Project) -> None:
    session.environment["PULUMI_SKIP_CONFIRMATIONS"] = "true"  # a reader says yes
    found = blocks(README)
    for block in found:
        session.run(block)
    assert Counter(block.language for block in found) == {"sh": 11, "text": 7, "yaml": 3, "python": 3}
    assert project.leftovers() == []
    backend = session.folder / "own" / ".backend" / ".pulumi" / "stacks"
    assert [file.name for file in backend.iterdir()] == ["shop"], "make wrote into the person's own backend"


def rows(heading: str) -> Iterator[list[str]]:
    """The cells of the first table below a heading, without its head."""
    section = README.read_text().split(f"\n{heading}\n")[1]
    table = re.findall(r"(?m)^\|.*\|$(?:\n^\|.*\|$)*", section)[0]
    for line in table.splitlines()[2:]:
        yield [cell.strip() for cell in line.strip("|").split("|")]


def test_the_exit_codes() -> None:
    told = [int(code) for code, _ in rows("## Exit codes of `modelberth`")]
    assert told == [status.value for status in Exit]


def default(path: str) -> str:
    """The default of a field of a stack's endpoint, as the reference writes it."""
    *parts, name = path.split(".")
    model: type[BaseModel] = EndpointDeployment
    for part in parts:
        (model,) = models_in(model.model_fields[part].annotation)
    field = model.model_fields[name]
    value = field.get_default(call_default_factory=True)
    if field.is_required() or value is None:
        return "required" if field.is_required() else "unset"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def test_the_fields_and_their_defaults() -> None:
    told = {field.strip("`"): value for field, value, _ in rows("## A stack's config")}
    assert len(told) == 9
    assert told == {field: default(field) for field in told}


def test_the_targets() -> None:
    told = {kind: status for kinds, status in rows("## Targets") for kind in re.findall(r"`(\w+)`", kinds)}
    assert told == {kind: table.status for kind, table in load().items()}


def test_the_folders() -> None:
    folders = [folder.strip("`") for folder, _ in rows("## Where things lie")]
    assert len(folders) == 17
    assert [folder for folder in folders if not (REPOSITORY / folder).is_dir()] == []


def test_the_version() -> None:
    version = modelberth.__version__
    assert version == metadata.version("modelberth")
    assert f"Version {version} deploys" in README.read_text()
    assert f"## [{version}]" in (REPOSITORY / "CHANGELOG.md").read_text()
