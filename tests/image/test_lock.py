"""The image's lock says what the project's lock says, and nothing more than the server needs."""

import re
import tomllib

import pytest

from console import SetupError
from context import ROOT, bases, machine, pinned
from lock import requirements

LOCK = (ROOT / "requirements" / "serving.lock").read_text()
NATIVE = (ROOT / "requirements" / "native.lock").read_text()
ALL = (ROOT / "requirements" / "all.lock").read_text()


def entries(lock: str) -> dict[str, set[str]]:
    """Return the versions of every project in a lock; one with markers may have several."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9-]+)==([^\s;]+)", lock, re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


def test_every_version_and_hash_is_that_of_the_project_lock() -> None:
    hashes = set(re.findall(r"sha256:[0-9a-f]{64}", ALL))
    projects = entries(LOCK)

    assert len(projects) > 20
    for project, versions in projects.items():
        assert len(versions) == 1, f"{project}: one Python, one version"
        assert versions <= entries(ALL)[project], project
        own = set(re.findall(r"sha256:[0-9a-f]{64}", pinned(LOCK, project)))
        assert own, f"{project} has no hash"
        assert own <= hashes, f"{project} has hashes that all.lock does not know: make lock"


def test_every_requirement_of_the_server_is_in_it_and_nothing_of_the_rest_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {re.split(r"[\[<>=]", line)[0] for line in requirements(project["optional-dependencies"])}

    assert {"numpy", "onnxruntime", "httptools", "uvloop", "obstore"} <= wanted
    assert wanted <= entries(LOCK).keys(), "make lock"
    assert not {"pulumi", "pydantic", "typer", "pip", "setuptools", "pytest"} & entries(LOCK).keys()


def test_what_compiles_is_locked_and_what_checks_the_types_compiles() -> None:
    projects = entries(NATIVE)

    assert {"mypy", "setuptools", "ziglang"} <= projects.keys()
    assert projects["mypy"] <= entries(ALL)["mypy"]
    for project in projects:
        assert "--hash=sha256:" in pinned(NATIVE, project), project
    assert not projects.keys() & entries(LOCK).keys() - {"typing-extensions"}, "no compiler in the image"


@pytest.mark.parametrize("lock", [LOCK, NATIVE], ids=["serving", "native"])
def test_it_has_no_markers_for_another_python_to_misread(lock: str) -> None:
    assert " ; " not in lock


def test_the_default_base_is_pinned_and_of_the_python_of_the_lock() -> None:
    image = bases()["official"]["image"]

    assert re.fullmatch(r"docker\.io/library/python:[\w.-]+@sha256:[0-9a-f]{64}", image)
    assert f"python:{bases()['python']}." in image


def test_an_entry_comes_with_its_hashes_and_no_other() -> None:
    lock = "numpy==2 \\\n    --hash=sha256:a \\\n    --hash=sha256:b\nnumpydoc==1 \\\n    --hash=sha256:c\n"

    assert pinned(lock, "numpy") == "numpy==2 \\\n    --hash=sha256:a \\\n    --hash=sha256:b\n"
    assert pinned(lock, "numpydoc").count("sha256") == 1
    with pytest.raises(KeyError):
        pinned(lock, "num")


@pytest.mark.parametrize(("platform", "name"), [("linux/amd64", "x86_64"), ("linux/arm64", "aarch64")])
def test_a_platform_is_known_by_the_name_that_wheels_have_for_it(platform: str, name: str) -> None:
    assert machine(platform) == name


def test_a_platform_without_wheels_is_refused() -> None:
    with pytest.raises(SetupError, match="linux/riscv64: allowed are linux/amd64 and linux/arm64"):
        machine("linux/riscv64")
