"""`examples/image_classification` on the real engine: its README's preview, and its life on stand-ins."""

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from docs.markdown import Session, blocks
from modelberth.preview.standins import StandIns
from support.project import REPOSITORY, VENV, Project

EXAMPLE = REPOSITORY / "examples" / "image_classification"
PACKAGE = Path("models", "image-classification", "package")
BUCKET = "digits-shop-ml-dev-europe-west4"
REPOSITORY_OF_IMAGES = "europe-west4-docker.pkg.dev/shop-ml-dev/digits"


@pytest.fixture
def example(tmp_path: Path) -> Project:
    """The example and the package that it borrows, away from the repository."""
    folder = tmp_path / "examples" / "image_classification"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    shutil.copytree(REPOSITORY / PACKAGE, tmp_path / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / ".venv").symlink_to(VENV)
    return Project(folder)


@pytest.fixture
def standins() -> Iterator[StandIns]:
    with StandIns() as running:
        yield running


class Life:
    """The engine on stand-ins, with a backend in the example's folder."""

    def __init__(self, example: Project, standins: StandIns) -> None:
        (example.folder / ".state" / "backend").mkdir(parents=True)
        self.example, self.standins = example, standins
        self.run("stack", "init", "dev")

    def run(self, *arguments: str) -> str:
        environment = self.standins.environment
        done = self.example.run("pulumi", *arguments, "--non-interactive", env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def up(self) -> dict[str, dict[str, Any]]:
        """Deploy; the inputs of each resource by its name."""
        self.run("up", "--yes", "--skip-preview")
        return {each["urn"].rpartition("::")[2]: each.get("inputs", {}) for each in self.example.state()}


def set_config(example: Project, **changes: Any) -> None:
    """Change settings of the stack; None takes one out."""
    file = example.folder / "Pulumi.dev.yaml"
    config = yaml.safe_load(file.read_text())["config"]
    for name, value in changes.items():
        config[f"digits:{name}"] = value
    file.write_text(yaml.safe_dump({"config": {k: v for k, v in config.items() if v is not None}}))


def container(service: dict[str, Any]) -> dict[str, Any]:
    (found,) = service["template"]["containers"]
    assert isinstance(found, dict)
    return found


@pytest.mark.engine
def test_the_offline_preview_of_its_readme(example: Project) -> None:
    (preview,) = blocks(EXAMPLE / "README.md")
    printed = Session(example.folder, example.environment).run(preview)
    for made in (
        "shared (Foundation), ",
        "digits (CloudRunEndpoint), ",
        "digits-tensorflow (CloudRunEndpoint), ",
    ):
        assert re.search(rf"\+ {re.escape(made)}(\d+ )?created", printed), printed
    assert "digits-model (ModelPackage), 4 created" in printed
    assert not (example.folder / ".state" / "backend").exists(), "it was to leave nothing behind"


@pytest.mark.engine
def test_its_whole_life_on_stand_ins(example: Project, standins: StandIns) -> None:
    life = Life(example, standins)
    made = life.up()

    pinned = REPOSITORY / "models" / "image-classification" / "MODEL_CARD.md"
    onnx = container(made["digits-service"])
    variables = {one["name"]: one["value"] for one in onnx["envs"]}
    assert variables["MODELBERTH_MODEL_URI"] == f"gs://{BUCKET}/digits/1"
    assert f"`{variables['MODELBERTH_MODEL_SHA256']}`" in pinned.read_text()
    files = {one["name"] for name, one in made.items() if re.match(r"digits-model-.+\.", name)}
    assert files == {f"digits/1/{name}" for name in ("modelberth.json", "model.onnx", "preprocess.py")}

    tensorflow = made["digits-tensorflow-service"]
    assert container(tensorflow)["image"].startswith(f"{REPOSITORY_OF_IMAGES}/tensorflow-serving@sha256:")
    assert container(tensorflow)["commands"] == ["tensorflow_model_server"]
    assert "--model_name=digits-tensorflow" in container(tensorflow)["args"]
    (volume,) = tensorflow["template"]["volumes"]
    assert volume["gcs"]["bucket"] == BUCKET
    assert "only-dir=digits-tensorflow/1" in volume["gcs"]["mountOptions"]

    kinds = Counter(each["type"] for each in example.state())
    assert kinds["gcp:cloudrunv2/service:Service"] == kinds["gcp:serviceaccount/account:Account"] == 2
    assert kinds["gcp:cloudrunv2/serviceIamMember:ServiceIamMember"] == 2
    paths = {name: url.partition(".app")[2] for name, url in outputs(life)["predict"].items()}
    assert paths == {"digits": "/predict", "digits-tensorflow": "/v1/models/digits-tensorflow:predict"}

    life.run("up", "--yes", "--skip-preview", "--expect-no-changes")
    life.run("destroy", "--yes", "--skip-preview")
    assert example.state() == []


@pytest.mark.engine
def test_the_service_comes_after_the_files_that_its_instances_read(
    example: Project, standins: StandIns
) -> None:
    life = Life(example, standins)
    life.up()
    order = [one.name for one in standins.calls if one.operation == "create" and not one.preview]
    files = [name for name in order if name.startswith("digits-model-")]
    assert len(files) == 3
    assert max(map(order.index, files)) < order.index("digits-service")
    assert order.index("shared-models-bucket") < order.index(files[0])


@pytest.mark.engine
def test_the_program_builds_the_image_itself_where_a_build_is_prepared(
    example: Project, standins: StandIns
) -> None:
    folder = example.folder / "build"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch AS server\n")
    told = {"platform": "linux/amd64", "target": "server", "arguments": {}, "content": "1" * 64}
    (folder / "build.json").write_text(json.dumps(told))
    set_config(example, image=None, build="build", tensorflow=None)
    made = Life(example, standins).up()
    assert made["digits-image-image"]["tags"] == [f"{REPOSITORY_OF_IMAGES}/server:live-{'1' * 16}"]
    assert container(made["digits-service"])["image"].startswith(f"{REPOSITORY_OF_IMAGES}/server@sha256:")
    assert "digits-tensorflow-service" not in made


def outputs(life: Life) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(life.run("stack", "output", "--json"))
    return found


def test_its_requirements_are_those_that_are_tested() -> None:
    lines = (EXAMPLE / "requirements.txt").read_text().splitlines()
    requirements = [Requirement(line) for line in lines]
    assert [requirement.name for requirement in requirements] == ["modelberth", "pulumi"]
    for requirement in requirements:
        assert requirement.specifier.contains(version(requirement.name)), requirement
