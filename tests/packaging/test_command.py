"""`modelberth package`, as a person types it."""

import hashlib
import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from modelberth.cli.failure import Exit, Failure
from modelberth.cli.main import app
from support.project import REPOSITORY

MODULE = f"""
import sys
sys.path.insert(0, {str(REPOSITORY / "tests")!r})
from sklearn.linear_model import Ridge
from support.trained_models import ROWS, pipeline, text_pipeline
def fitted(): return {{"model": pipeline(), "samples": ROWS}}
def missing(): return Ridge().fit(ROWS, ROWS[:, 0]), [[float("nan")] * 4]
def wrong(): return text_pipeline(sublinear_tf=True), ["parcel parcel parcel my my"]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MODULE)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["package", *arguments])


def test_it_writes_a_package_and_says_what_to_do_next(folder: Path) -> None:
    result = run("mine.py:fitted", "--out", "served", "--version", "3")
    assert result.exit_code == 0, result.output
    sha256 = hashlib.sha256((folder / "served" / "modelberth.json").read_bytes()).hexdigest()
    assert f"  model:\n    uri: served\n    sha256: {sha256}\n" in result.stdout
    assert "on 120 rows: label, probabilities; widest difference " in result.stdout
    assert "  HOST=127.0.0.1 PORT=8080 MODELBERTH_MODEL_PATH=served " in result.stdout
    assert f"MODELBERTH_MODEL_SHA256={sha256} python -m modelberth_server" in result.stdout
    manifest = json.loads((folder / "served" / "modelberth.json").read_text())
    assert (manifest["name"], manifest["version"]) == ("mine", "3")


def test_as_json(folder: Path) -> None:
    result = run("mine.py:fitted", "--out", "served", "--name", "n", "--json")
    told = json.loads(result.stdout)
    assert told["manifest"] == json.loads((folder / "served" / "modelberth.json").read_text())
    assert told["spec"] == {"model": {"uri": "served", "sha256": told["sha256"]}}
    assert told["widest_difference"] < 1e-5


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (
            ["mine.py:wrong"],
            Exit.FAILED,
            r"row 0, column probabilities\[0\]: the original gives .*no package was w",
        ),
        (["mine.py:missing"], Exit.USAGE, "ValueError: Input X contains NaN.; no package was written"),
        (["gone.onnx"], Exit.USAGE, "SOURCE: gone.onnx does not exist"),
        (["mine.py:fitted", "--samples", "gone.csv"], Exit.USAGE, "--samples: gone.csv is not a file"),
        (["mine.py:fitted", "--labels", "labels.txt"], Exit.USAGE, "--labels: labels.txt cannot be read"),
        (["model.keras"], Exit.TOOL, "tensorflow is not installed: pip install tensorflow tf2onnx"),
        (["model.ubj"], Exit.TOOL, "xgboost is not installed: pip install xgboost"),
        (["model.pt", "--trust"], Exit.TOOL, "torch is not installed: pip install torch onnxscript"),
        (["model.pt"], Exit.USAGE, "add --trust"),
    ],
)
def test_where_there_is_no_package_nothing_is_written(
    arguments: list[str], status: Exit, message: str, folder: Path
) -> None:
    for name in ("model.keras", "model.ubj", "model.pt"):
        (folder / name).touch()
    result = run(*arguments, "--out", "served")
    assert isinstance(result.exception, Failure), result.output
    assert result.exception.status is status
    assert result.exception.args[0]
    with pytest.raises(Failure, match=message):
        raise result.exception
    assert not (folder / "served").exists()


def test_samples_labels_and_reference_come_from_files(folder: Path) -> None:
    (folder / "rows.csv").write_text("a,b,c,d\n1,2,3,4\n-1,0,0,1\n0.5,0,2,1\n")
    (folder / "labels.txt").write_text("small\nmiddle\nlarge\n")
    files = ["--samples", "rows.csv", "--reference", "rows.csv", "--labels", "labels.txt"]
    result = run("mine.py:fitted", "--out", "served", *files)
    assert result.exit_code == 0, result.output
    manifest = json.loads((folder / "served" / "modelberth.json").read_text())
    assert manifest["parity"]["rows"] == 3
    assert manifest["labels"] == ["small", "middle", "large"]
    assert len(manifest["reference"]["inputs"]["input"]) == 4
