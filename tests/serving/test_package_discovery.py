"""Where a model is looked for if nothing says where it is."""

from pathlib import Path

import pytest

from modelberth_server.errors import ModelError
from modelberth_server.model.discovery import discover, model_in


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


@pytest.mark.parametrize(
    "folder", ["model", "mnt/models", "opt/ml/model", "var/azureml-app/azureml-models/iris/3"]
)
@pytest.mark.parametrize("inner", ["", "iris/"])
def test_the_folders_of_the_platforms(tmp_path: Path, folder: str, inner: str) -> None:
    environ = {"AZUREML_MODEL_DIR": "/var/azureml-app/azureml-models/iris/3"}
    file = put(tmp_path / folder / f"{inner}net.onnx")
    assert discover(environ, tmp_path) == file
    file.unlink()
    manifest = put(tmp_path / folder / f"{inner}modelberth.json")
    put(manifest.with_name("a.onnx"))
    put(manifest.with_name("b.onnx"))
    assert discover(environ, tmp_path) == manifest.parent


def test_the_first_folder_that_has_a_model_is_taken(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    file = put(tmp_path / "mnt/models/a.onnx")
    put(tmp_path / "opt/ml/model/b.onnx")
    assert discover({}, tmp_path) == file


def test_none_says_where_it_looked(tmp_path: Path) -> None:
    (tmp_path / "mnt/models/deep/deeper").mkdir(parents=True)
    put(tmp_path / "mnt/models/deep/deeper/net.onnx")
    with pytest.raises(ModelError) as caught:
        discover({"AZUREML_MODEL_DIR": "/azure"}, tmp_path)
    for part in (
        f"{tmp_path}/model (does not exist)",
        f"{tmp_path}/mnt/models (no modelberth.json and no .onnx file)",
        f"{tmp_path}/opt/ml/model (does not exist)",
        f"{tmp_path}/azure (does not exist)",
        "MODELBERTH_MODEL_PATH",
        "MODELBERTH_MODEL_URI",
        "MODELBERTH_MODELS_FILE",
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    "names", [("a.onnx", "b.onnx"), ("a/m.onnx", "b/m.onnx"), ("a/modelberth.json", "b/m.onnx")]
)
def test_several_are_not_chosen_from(tmp_path: Path, names: tuple[str, str]) -> None:
    for name in names:
        put(tmp_path / name)
    with pytest.raises(ModelError, match=r"several models .*name one in MODELBERTH_MODEL_PATH"):
        model_in(tmp_path)


def test_hidden_entries_are_no_models(tmp_path: Path) -> None:
    """Finder's and Kubernetes' own."""
    put(tmp_path / "._net.onnx")
    put(tmp_path / "..2026_11_21/net.onnx")
    assert model_in(tmp_path) is None
    (tmp_path / "net.onnx").symlink_to("..2026_11_21/net.onnx")
    assert model_in(tmp_path) == tmp_path / "net.onnx"


def test_a_folder_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", denied)
    with pytest.raises(ModelError, match="cannot be read: Permission denied"):
        model_in(tmp_path)
