import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from console import SetupError
from model_files import ModelFiles

ONNX = b"a model"


def pin(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def package(folder: Path, **changes: Any) -> Path:
    folder.mkdir()
    (folder / "model.onnx").write_bytes(ONNX)
    (folder / "unlisted.csv").write_text("a customer's data")
    manifest = {
        "format": 1,
        "name": "iris",
        "version": "3",
        "model": "model.onnx",
        "files": {"model.onnx": pin(ONNX)},
    }
    (folder / "modelberth.json").write_text(json.dumps({**manifest, **changes}))
    return folder


def test_a_bare_file_is_served_under_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "iris.onnx").write_bytes(ONNX)

    model = ModelFiles.of(tmp_path / "iris.onnx", "iris", None)
    model.copy_to(tmp_path / "out")

    assert (model.served, model.sha256, model.name, model.version) == (
        "/model/iris.onnx",
        pin(ONNX),
        "iris",
        "1",
    )
    assert (tmp_path / "out" / "iris.onnx").read_bytes() == ONNX


def test_of_a_package_only_what_its_manifest_names_enters(tmp_path: Path) -> None:
    folder = package(tmp_path / "package")

    model = ModelFiles.of(folder, None, "4")
    model.copy_to(tmp_path / "out")

    assert (model.served, model.name, model.version) == ("/model", "iris", "4")
    assert model.sha256 == pin((folder / "modelberth.json").read_bytes())
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["model.onnx", "modelberth.json"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"files": {"model.onnx": "0" * 64}}, "the manifest says 0000"),
        ({"files": {"../secret": pin(ONNX)}}, "'../secret' is outside the package"),
        ({"files": {"/etc/passwd": pin(ONNX)}}, "'/etc/passwd' is outside the package"),
        ({"files": {"gone.onnx": pin(ONNX)}}, "names gone.onnx, which is not there"),
        ({"files": ["model.onnx"]}, "is no manifest of a package"),
        ({"name": "a/b"}, "--name 'a/b': allowed are"),
    ],
)
def test_a_package_that_does_not_hold_together_is_refused(
    tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(SetupError, match=says):
        ModelFiles.of(package(tmp_path / "package", **changes), None, None)


def test_a_path_to_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="there is no such file or folder"):
        ModelFiles.of(tmp_path / "none", None, None)
