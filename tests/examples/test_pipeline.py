"""`examples/pipeline` on the real engine: its README's preview, and its whole life on stand-ins."""

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from docs.markdown import Session, blocks
from modelberth.preview.standins import StandIns, StandInSettings
from support.project import REPOSITORY, VENV, Project

EXAMPLE = REPOSITORY / "examples" / "pipeline"
ACCOUNT = "123456789012"
UPLOADS, ANSWERS = f"flowers-{ACCOUNT}-eu-central-1-dev", f"flower-names-{ACCOUNT}-eu-central-1-dev"


@pytest.fixture
def example(tmp_path: Path) -> Project:
    folder = tmp_path / "pipeline"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    (folder / ".venv").symlink_to(VENV)
    return Project(folder)


@pytest.fixture
def standins() -> Iterator[StandIns]:
    with StandIns(settings=StandInSettings(aws_account=ACCOUNT)) as running:
        yield running


@pytest.mark.engine
def test_the_offline_preview_of_its_readme(example: Project) -> None:
    (preview,) = blocks(EXAMPLE / "README.md")
    printed = Session(example.folder, example.environment).run(preview)
    assert "iris-telling (BucketNotification), created" in printed, printed
    assert len(re.findall(r"\((?:Bucket|Function)\), created", printed)) == 4, printed
    assert not (example.folder / ".state" / "backend").exists(), "it was to leave nothing behind"


@pytest.mark.engine
def test_its_whole_life_on_stand_ins(example: Project, standins: StandIns) -> None:
    (example.folder / ".state" / "backend").mkdir(parents=True)

    def pulumi(*arguments: str) -> str:
        done = example.run("pulumi", *arguments, "--non-interactive", env=standins.environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    pulumi("stack", "init", "dev")
    pulumi("up", "--yes", "--skip-preview")
    assert json.loads(pulumi("stack", "output", "--json")) == {
        "uploads": f"s3://{UPLOADS}/incoming/",
        "answers": f"s3://{ANSWERS}/predictions/",
    }
    made = {each["urn"].rpartition("::")[2]: each for each in example.state()}
    kinds = Counter(each["type"].rpartition(":")[2] for each in made.values())
    assert (kinds["Bucket"], kinds["Function"], kinds["BucketNotification"]) == (3, 1, 1)
    told = made["iris-telling"]["inputs"]["lambdaFunctions"]
    assert [each["filterSuffix"] for each in told] == [".json", ".jsonl", ".csv"]
    alias = made["iris-alias"]["outputs"]["arn"]
    assert {each["lambdaFunctionArn"] for each in told} == {alias}
    assert alias.endswith(":function:flowers-dev-iris:live")
    pulumi("up", "--yes", "--skip-preview", "--expect-no-changes")
    before = len(standins.calls)
    pulumi("destroy", "--yes", "--skip-preview")
    assert example.state() == []
    deleted = [
        call.name for call in standins.calls[before:] if call.operation == "delete" and not call.preview
    ]
    assert deleted.index("iris-telling") < deleted.index("iris-may-tell") < deleted.index("iris-function")
    assert deleted.index("iris-alias") < deleted.index("iris-key-key")


def test_its_requirements_are_those_that_are_tested() -> None:
    lines = (EXAMPLE / "requirements.txt").read_text().splitlines()
    requirements = [Requirement(line) for line in lines]
    assert [requirement.name for requirement in requirements] == ["modelberth", "pulumi"]
    for requirement in requirements:
        assert requirement.specifier.contains(version(requirement.name)), requirement
