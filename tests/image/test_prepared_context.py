"""The context that `build.py --context` leaves for a Pulumi program."""

import json
from pathlib import Path
from typing import Any

import pytest

import prepared
from console import SetupError
from context import EPOCH
from modelberth.errors import SpecError
from modelberth.serving_image import BuildContext

ARGUMENTS = {"VERSION": "0.1.0", "REVISION": "abc", "BASE": f"python@sha256:{'1' * 64}"}


@pytest.fixture(autouse=True)
def _gathered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of wheels and sources: one file that says for which machine."""

    def gather(folder: Path, cache: Path, model: Any, version: str, machine: str, environ: Any) -> None:
        assert not [*folder.iterdir()]
        (folder / "version").write_text(f"{version} {machine}\n")

    monkeypatch.setattr(prepared, "gather", gather)


def prepare(folder: Path, machine: str = "aarch64", **more: str) -> dict[str, Any]:
    return prepared.prepare(folder, folder, None, {**ARGUMENTS, **more}, machine, {})


def test_the_folder_says_all_that_a_build_needs(tmp_path: Path) -> None:
    folder = tmp_path / "build"
    told = prepare(folder)
    assert told == json.loads((folder / "build.json").read_text())
    assert (folder / "Dockerfile").read_text().count("FROM ") == 3
    assert told["arguments"] == {**ARGUMENTS, "SOURCE_DATE_EPOCH": str(EPOCH)}
    assert (told["platform"], told["target"]) == ("linux/arm64", "server")
    build = BuildContext.of(folder)
    assert build == BuildContext(str(folder), "linux/arm64", "server", told["arguments"], told["content"])


def test_the_content_is_named_by_all_that_decides_it(tmp_path: Path) -> None:
    folder = tmp_path / "build"
    first = prepare(folder)["content"]
    assert prepare(folder)["content"] == first == prepare(tmp_path / "elsewhere")["content"]
    assert len({first, prepare(folder, "x86_64")["content"], prepare(folder, REVISION="b")["content"]}) == 3
    (folder / "version").write_text("another\n")
    assert prepared._content(folder, {}) != prepared._content(tmp_path / "elsewhere", {})


def test_a_folder_of_others_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(SetupError, match="it holds files of others"):
        prepare(tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


@pytest.mark.parametrize("text", [None, "{", "[]", '{"platform": "linux/arm64"}'])
def test_a_folder_that_was_not_prepared_is_refused_with_the_way_out(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "build.json").write_text(text)
    with pytest.raises(SpecError) as refused:
        BuildContext.of(tmp_path, "image.build")
    (problem,) = refused.value.problems
    assert problem.path == "image.build"
    assert "build.py --context" in problem.hint
