"""Comparing, counting, reading rows, telling frameworks apart, writing the folder."""

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import joblib
import numpy as np
import onnx
import pytest

from modelberth.packaging import (
    MANIFEST,
    MissingPackageError,
    Package,
    ParityError,
    SourceError,
    Trained,
    load,
)
from modelberth.packaging.frameworks import Framework, framework_of, need
from modelberth.packaging.parity import compare
from modelberth.packaging.reference import MAX_BINS, histograms
from modelberth.packaging.samples import read_rows
from support.trained_models import ROWS, boosted, doubling, pipeline


@pytest.mark.parametrize(
    ("expected", "got", "message"),
    [
        (
            ["a", "b"],
            ["a", "c"],
            "row 1, column o: the original gives 'b', the package 'c'; 1 of 2 rows differ",
        ),
        ([1, 2], [1, 3], "row 1, column o: the original gives 2, the package 3"),
        (
            [[0.5, 0.5]],
            [[0.5, 0.50002]],
            r"row 0, column o\[1\]: .* 0.5, the package 0.50002, allowed is 1e-05",
        ),
        ([1000.0], [1000.02], "row 0, column o"),
        ([1.0], [float("nan")], "the package nan"),
        ([[1.0, 2.0]], [[1.0]], "output o: the original gives 1 rows of 2, the package 1 rows of 1"),
    ],
)
def test_a_difference_is_named(expected: Any, got: Any, message: str) -> None:
    with pytest.raises(ParityError, match=message):
        compare({"o": np.array(expected)}, {"o": np.array(got)})


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ([1000.0], [1000.005]),
        ([[0.5], [0.25]], [0.5, 0.25]),
        ([True, False], [1, 0]),
        ([float("nan"), float("inf")], [float("nan"), float("inf")]),
    ],
)
def test_what_is_alike(expected: Any, got: Any) -> None:
    assert compare({"o": np.array(expected)}, {"o": np.array(got)}).widest <= 1e-5


def test_histograms_hold_every_number_in_at_most_20_bins() -> None:
    values = np.column_stack([ROWS[:, 0], ROWS[:, 1] > 0, np.full(len(ROWS), 3.0)])
    values[5, 0] = np.nan
    tables = histograms(values, "here")
    assert [sum(table["counts"]) for table in tables] == [119, 120, 120]
    for table in tables:
        assert len(table["edges"]) == len(table["counts"]) + 1 <= MAX_BINS + 1
        assert table["edges"] == sorted(set(table["edges"]))
    assert max(tables[0]["counts"]) <= 8, "bins of about equal counts"
    for wrong in (np.array([["a"]]), np.zeros((2, 3, 4)), np.zeros((2, 600)), np.full((3, 1), np.nan)):
        with pytest.raises(SourceError, match="here"):
            histograms(wrong, "here")


def test_rows_are_read(tmp_path: Path) -> None:
    def csv(text: str) -> Any:
        (tmp_path / "rows.csv").write_text(text)
        return read_rows(tmp_path / "rows.csv", "--samples")

    assert csv("a,b\n1,2\n3,4\n") == csv("1,2\n3,4\n") == [[1.0, 2.0], [3.0, 4.0]]
    assert csv('message\n"one, two"\nthree\n') == ["one, two", "three"]
    with pytest.raises(SourceError, match=r"rows.csv: row 1, column 0: 'x' is no number"):
        csv("1,2\nx,4\n")
    np.save(tmp_path / "rows.npy", ROWS)
    np.testing.assert_array_equal(read_rows(tmp_path / "rows.npy", "--samples"), ROWS)
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(SourceError, match="cannot be read"):
        read_rows(tmp_path / "objects.npy", "--samples")
    (tmp_path / "rows.json").write_text('{"a": 1}')
    with pytest.raises(SourceError, match="no JSON list"):
        read_rows(tmp_path / "rows.json", "--samples")
    with pytest.raises(SourceError, match="is not a file"):
        read_rows(tmp_path / "gone.csv", "--samples")
    with pytest.raises(SourceError, match=r"allowed: a \.csv, \.npy or \.json file"):
        read_rows(Path(__file__), "--samples")


def fake(home: str) -> Any:
    return type("Model", (), {"__module__": f"{home}.somewhere"})()


@pytest.mark.parametrize(
    ("model", "framework"),
    [
        (pipeline(), Framework.SKLEARN),
        (boosted(), Framework.LIGHTGBM),
        (boosted().booster_, Framework.LIGHTGBM),
        (doubling(), Framework.ONNX),
        (fake("xgboost"), Framework.XGBOOST),
        (fake("torch"), Framework.PYTORCH),
        (fake("keras"), Framework.TENSORFLOW),
        (fake("tensorflow"), Framework.TENSORFLOW),
        (type("Own", (type(fake("torch")),), {"__module__": "mine"})(), Framework.PYTORCH),
    ],
)
def test_a_framework_is_known_by_its_class(model: Any, framework: Framework) -> None:
    assert framework_of(model) is framework


@pytest.mark.parametrize(
    ("module", "command"),
    [
        ("xgboost", "pip install xgboost"),
        ("torch", "pip install torch onnxscript"),
        ("tf2onnx", "pip install tf2onnx"),
        ("skl2onnx", r"pip install 'modelberth\[package\]'"),
    ],
)
def test_a_missing_package_comes_with_its_command(
    module: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone:
        def find_spec(self, name: str, *_: object) -> None:
            if name.partition(".")[0] == module:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(sys, "meta_path", [Gone(), *sys.meta_path])
    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingPackageError, match=f"{module} is not installed: {command}$"):
        need(module)


def test_files_are_loaded(tmp_path: Path) -> None:
    boosted().booster_.save_model(tmp_path / "trees.txt")
    assert framework_of(load(str(tmp_path / "trees.txt"), trust=False).model) is Framework.LIGHTGBM
    onnx.save(doubling(), tmp_path / "ready.onnx")
    assert load(str(tmp_path / "ready.onnx"), trust=False).model.graph.name == "doubling"
    joblib.dump(pipeline(), tmp_path / "fitted.joblib")
    with pytest.raises(SourceError, match=r"runs code that the file brings along.* add --trust; better"):
        load(str(tmp_path / "fitted.joblib"), trust=False)
    assert framework_of(load(str(tmp_path / "fitted.joblib"), trust=True).model) is Framework.SKLEARN


def test_weights_beside_an_onnx_file_come_into_the_package(tmp_path: Path) -> None:
    weights = onnx.numpy_helper.from_array(np.arange(4, dtype=np.float32), "w")
    model = doubling()
    model.graph.initializer.append(weights)
    model.graph.node[0].input[1] = "w"
    onnx.save(model, tmp_path / "m.onnx", save_as_external_data=True, location="w.bin", size_threshold=0)
    assert (tmp_path / "w.bin").exists()
    read = load(str(tmp_path / "m.onnx"), trust=False).model
    assert read.graph.initializer[0].raw_data == weights.raw_data


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.onnx", None, "does not exist; allowed: module.py:function"),
        ("model.h5", b"", "given .*model.h5, allowed: "),
        ("model.skops", b"", "load it in a function of yours"),
        ("model.txt", b"hello", "not a model that LightGBM's save_model wrote"),
        ("model.onnx", b"\xff\xff\xff", "cannot be loaded: DecodeError"),
    ],
)
def test_what_cannot_be_loaded(name: str, content: bytes | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=message):
        load(str(tmp_path / name), trust=True)
    with pytest.raises(SourceError, match=r"a folder without saved_model\.pb"):
        load(str(tmp_path), trust=True)


def test_a_function_of_a_module_gives_the_model(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("VALUE = 7\n")
    file = tmp_path / "mine.py"
    file.write_text(
        "from beside import VALUE\n"
        "def bare(): return VALUE\n"
        "def pair(): return VALUE, [[1.0]]\n"
        "def full(): return {'model': VALUE, 'metrics': {'a': 1.0}}\n"
        "def odd(): return {'model': VALUE, 'sample': 1}\n"
        "def none(): return None\n"
        "def fails(): raise ValueError('no data')\n"
    )

    def called(function: str) -> Trained:
        return load(f"{file}:{function}", trust=False)

    assert called("bare").model == 7
    assert called("pair").samples == [[1.0]]
    assert called("full").metrics == {"a": 1.0}
    for function, message in {
        "odd": "returned sample, allowed: model, samples",
        "none": "returned no model",
        "fails": "fails: ValueError: no data",
        "gone": "has no function gone",
    }.items():
        with pytest.raises(SourceError, match=message):
            called(function)
    assert str(tmp_path) not in sys.path
    assert isinstance(sys.modules["modelberth_source_mine"], ModuleType)


def test_a_folder_is_written_whole_and_replaced_only_if_it_is_a_package(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "package"
    first = Package({"name": "m"}, {"model.onnx": b"1"})
    first.write(folder)
    assert json.loads((folder / MANIFEST).read_bytes())["files"].keys() == {"model.onnx"}
    second = Package({"name": "m"}, {"model.onnx": b"2", "preprocess.py": b""})
    second.write(folder)
    assert (folder / "model.onnx").read_bytes() == b"2"
    assert [path.name for path in folder.parent.iterdir()] == ["package"]
    assert first.sha256 != second.sha256
    (folder / "notes.txt").touch()
    with pytest.raises(SourceError, match=r"files that are no part of its package: notes\.txt"):
        first.write(folder)
    assert (folder / "model.onnx").read_bytes() == b"2"
    (tmp_path / "other").mkdir()
    first.write(tmp_path / "other")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").touch()
    with pytest.raises(SourceError, match=r"is no package.*name a folder that does not exist yet"):
        first.write(tmp_path / "full")
    assert (tmp_path / "full" / "thesis.txt").exists()
