"""From each framework to a package that answers as the original does, or to no package."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import onnx
import onnxruntime
import pytest
import skl2onnx
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from modelberth.packaging import ConversionError, ParityError, SourceError, Trained, build
from modelberth.packaging.build import Built
from modelberth.packaging.convert import converted
from modelberth_server.model.package import Package as Served
from modelberth_server.model.session import open_session, tensor_specs
from modelberth_server.model.signature import Signature
from modelberth_server.telemetry.drift import Tracker
from support.trained_models import NAMES, ROWS, TEXTS, boosted, doubling, pipeline, text_pipeline

IS_HIGH = (ROWS[:, 0] > 0).astype(int)


def run(built: Built, values: Any) -> list[Any]:
    session = onnxruntime.InferenceSession(
        built.package.files["model.onnx"], providers=["CPUExecutionProvider"]
    )
    answers: list[Any] = session.run(None, {session.get_inputs()[0].name: values})
    return answers


@pytest.mark.parametrize(
    ("model", "outputs"),
    [
        (pipeline(), ("label", "probabilities")),
        (boosted(), ("label", "probabilities")),
        (boosted().booster_, ("label", "probabilities")),
        (make_pipeline(StandardScaler(), boosted()), ("label", "probabilities")),
        (
            lightgbm.LGBMRegressor(n_estimators=5, verbose=-1, num_threads=1).fit(ROWS, ROWS[:, 0]),
            ("variable",),
        ),
        (RandomForestRegressor(5, random_state=0).fit(ROWS, ROWS[:, 0]), ("variable",)),
        (KMeans(3, n_init=1, random_state=0).fit(ROWS), ("label", "scores")),
        (PCA(2).fit(ROWS), ("variable",)),
        (LinearSVC().fit(ROWS, IS_HIGH), ("label", "probabilities")),
        (SVC().fit(ROWS, NAMES), ("label", "probabilities")),
        (SVC().fit(ROWS, IS_HIGH), ("label",)),
        (IsolationForest(n_estimators=5, random_state=0).fit(ROWS), ("label", "scores")),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else None,
)
def test_a_model_and_its_package_agree(model: Any, outputs: tuple[str, ...]) -> None:
    if type(model).__name__ == "Pipeline" and "lgbm" in str(model).lower():
        model = model.fit(ROWS, NAMES)
    built = build(Trained(model=model, samples=ROWS), name="m")
    assert built.parity is not None
    assert built.parity.outputs == outputs
    assert built.parity.rows == len(ROWS)
    assert built.parity.widest < 1e-5
    proto = onnx.load_from_string(built.package.files["model.onnx"])
    for tensor in (*proto.graph.input, *proto.graph.output):
        assert not tensor.type.tensor_type.shape.dim[0].HasField("dim_value"), "any number of rows"
        assert tensor.type.WhichOneof("value") == "tensor_type", "no list of dicts"
    versions = {opset.domain: opset.version for opset in proto.opset_import}
    assert versions.get("", 1) <= converted.OPSET
    assert versions.get("ai.onnx.ml", 1) <= converted.ML_OPSET
    # What the package answers for one row is what the estimator answers for it.
    if hasattr(model, "predict_proba"):
        labels, probabilities = run(built, ROWS[:1].astype(np.float32))
        assert labels.tolist() == model.predict(ROWS[:1]).tolist()
        np.testing.assert_allclose(probabilities, model.predict_proba(ROWS[:1]), atol=1e-5)


def test_the_manifest_pins_every_file_and_tells_how_it_was_made() -> None:
    built = build(
        Trained(model=pipeline(), samples=ROWS, reference=ROWS, metrics={"accuracy": 0.9}),
        name="m",
        version="7",
    )
    manifest = json.loads(built.package.manifest_bytes)
    assert list(manifest) == [
        *(
            "format",
            "name",
            "version",
            "model",
            "labels",
            "example",
            "parity",
            "metrics",
            "reference",
            "files",
        )
    ]
    model = built.package.files["model.onnx"]
    assert manifest["files"] == {"model.onnx": hashlib.sha256(model).hexdigest()}
    assert manifest["labels"] == ["low", "mid", "top"]
    assert manifest["example"] == ROWS[:2].tolist()
    assert manifest["parity"].items() >= {"rows": 120, "samples": "given", "tolerance": 1e-5}.items()
    assert manifest["parity"]["original"].startswith("scikit-learn ")
    assert [len(table) for table in manifest["reference"]["inputs"].values()] == [4]
    assert [len(table) for table in manifest["reference"]["outputs"].values()] == [3]
    carried = {prop.key: prop.value for prop in onnx.load_from_string(model).metadata_props}
    assert json.loads(carried["modelberth.example"]) == manifest["example"]


def test_the_same_input_gives_the_same_bytes_in_any_process(tmp_path: Path) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from support.trained_models import *\n"
        "from modelberth.packaging import Trained, build\n"
        "made = [build(Trained(model=text_pipeline(ngram_range=(1, 2)), samples=TEXTS), name='m'),\n"
        "        build(Trained(model=boosted(), samples=ROWS, reference=ROWS), name='m')]\n"
        "print(*[one.package.sha256 for one in made])\n"
    )
    tests = str(Path(__file__).parents[1])
    hashes = {
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", program, tests],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(hashes) == 1
    assert len(hashes.pop().split()) == 2


@pytest.mark.parametrize("pattern", [r"(?u)\b\w\w+\b", r"(?u)\b\w+\b", "[a-z]+"])
def test_text_is_split_as_scikit_learn_does(pattern: str) -> None:
    odd = [
        "",
        "!!!",
        "don\u2019t charge\u2014twice",
        "日本語 parcel",
        "The caf\u00e9 I a b my",
        "\ttwo\nlines ",
    ]
    model = text_pipeline(ngram_range=(1, 2), token_pattern=pattern)
    built = build(Trained(model=model, samples=[*TEXTS, *odd]), name="m")
    assert built.parity is not None
    assert built.parity.rows == 10
    assert b"en_US" not in built.package.files["model.onnx"], "a slim image has no such locale"
    (labels, _) = run(built, np.array(TEXTS, np.object_))
    assert labels.tolist() == model.predict(TEXTS).tolist()


def test_a_converter_of_ours_that_errs_is_noticed() -> None:
    """skl2onnx 1.20 computes log(1 + n) where scikit-learn's sublinear_tf is 1 + log(n): known bad."""
    repeated = [*TEXTS, "parcel parcel parcel my my"]
    with pytest.raises(
        ParityError, match=r"row 4, column probabilities\[0\]: the original gives 0\.\d+, the p"
    ):
        build(Trained(model=text_pipeline(sublinear_tf=True), samples=repeated), name="m")


def test_a_double_at_the_very_threshold_of_a_tree() -> None:
    """float32 cannot hold the threshold: the row goes the other way. Rounded samples agree."""
    column = np.array([0.1, 0.1 + 1e-9, 0.1 + 2e-9, 0.1 + 3e-9] * 20)[:, None]
    model = HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=2).fit(
        column, column[:, 0] > 0.1 + 1.5e-9
    )
    assert model.score(column, column[:, 0] > 0.1 + 1.5e-9) == 1
    with pytest.raises(
        ParityError, match=r"row \d, column label: the original gives .+; 40 of 80 rows differ"
    ):
        build(Trained(model=model, samples=column), name="m")
    wide = np.array([[0.0], [1.0]] * 20)
    model = HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=2).fit(wide, wide[:, 0] > 0.5)
    assert build(Trained(model=model, samples=wide), name="m").parity


def test_a_wrong_converter_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = skl2onnx.to_onnx

    def wrong(*arguments: Any, **more: Any) -> Any:
        model = right(*arguments, **more)
        next(node for node in model.graph.node if node.op_type == "Scaler").attribute[0].floats[0] += 0.01
        return model

    monkeypatch.setattr(skl2onnx, "to_onnx", wrong)
    with pytest.raises(ParityError, match=r"row 0, column probabilities\[0\].*allowed is 1e-05"):
        build(Trained(model=pipeline(), samples=ROWS), name="m")


def test_rows_are_drawn_where_none_are_given_and_the_package_says_so() -> None:
    built = build(Trained(model=pipeline()), name="m")
    manifest = json.loads(built.package.manifest_bytes)
    assert manifest["parity"]["samples"] == "random"
    assert "example" not in manifest
    assert b"modelberth.example" not in built.package.files["model.onnx"]
    with pytest.raises(SourceError, match="--samples: missing"):
        build(Trained(model=text_pipeline()), name="m")


def test_ready_onnx_is_taken_as_it_is_and_compared_where_there_is_an_original() -> None:
    built = build(Trained(model=doubling(), samples=ROWS), name="m")
    assert built.parity is None
    assert built.not_compared == ("y",)
    assert json.loads(built.package.manifest_bytes)["parity"]["compared"] == []
    node = onnx.load_from_string(built.package.files["model.onnx"]).graph.node[0]
    assert (list(node.input), list(node.output)) == (["x", "x"], ["y"])
    told = build(
        Trained(model=doubling(), samples=ROWS, predict=lambda rows: {"y": np.array(rows) * 2}), name="m"
    )
    assert told.parity
    assert told.parity.outputs == ("y",)
    with pytest.raises(ParityError, match=r"row 0, column y\[0\]"):
        build(
            Trained(model=doubling(), samples=ROWS, predict=lambda rows: {"y": np.array(rows) * 3}), name="m"
        )
    with pytest.raises(ConversionError, match="the original has the outputs z, the package y"):
        build(Trained(model=doubling(), samples=ROWS, predict=lambda rows: {"z": np.array(rows)}), name="m")


def test_a_broken_onnx_model_is_no_package() -> None:
    broken = doubling()
    broken.graph.node[0].op_type = "Nonsense"
    with pytest.raises(ConversionError, match="ONNX Runtime cannot load the model"):
        build(Trained(model=broken, samples=ROWS), name="m")


def test_a_python_step_is_part_of_what_is_compared(tmp_path: Path) -> None:
    step = tmp_path / "preprocess.py"
    step.write_text(
        "import numpy as np\n"
        "def preprocess(instances):\n"
        "    return {'x': np.array([[row[name] for name in 'abcd'] for row in instances], np.float64)}\n"
    )
    rows = [dict(zip("abcd", row, strict=True)) for row in ROWS.tolist()]
    built = build(Trained(model=pipeline(), samples=rows), name="m", preprocess=step)
    assert built.parity
    manifest = json.loads(built.package.manifest_bytes)
    assert manifest["preprocess"] == "preprocess.py"
    assert set(manifest["files"]) == {"model.onnx", "preprocess.py"}
    assert manifest["example"] == rows[:2]
    assert b"modelberth.example" not in built.package.files["model.onnx"], "the graph alone does not take it"
    step.write_text("def preprocess(instances):\n    return [1]\n")
    with pytest.raises(SourceError, match="returns something that is a list; allowed: a dict"):
        build(Trained(model=pipeline(), samples=rows), name="m", preprocess=step)
    step.write_text("def preprocess(instances):\n    raise KeyError('a')\n")
    with pytest.raises(SourceError, match="fails on the rows of --samples: KeyError: 'a'"):
        build(Trained(model=pipeline(), samples=rows), name="m", preprocess=step)
    step.write_text(
        "import numpy as np\n"
        "def preprocess(instances):\n"
        "    return {'x': np.array([[row[name] for name in 'abcd'] for row in instances], np.float64)}\n"
    )
    short = Trained(model=pipeline(), samples=rows, reference=[dict.fromkeys("abc", 1.0)])
    with pytest.raises(SourceError, match="fails on the rows of --reference: KeyError: 'd'"):
        build(short, name="m", preprocess=step)


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({}, {"name": "a b"}, "--name: given 'a b', allowed: 1 to 128"),
        ({}, {"version": "-1"}, "--version: given '-1', allowed: 1 to 63"),
        ({}, {"tolerance": 2.0}, "--tolerance: given 2, allowed: 0 to below 1"),
        ({"samples": []}, {}, "--samples: no rows"),
        ({"samples": [[1.0, 2.0], [3.0]]}, {}, "--samples: the rows have different lengths"),
        ({"samples": [["a", 1.0]]}, {}, "--samples: numbers and other values are mixed"),
        ({"labels": ["a", "b"]}, {}, "--labels: 2 labels, columns of the model's scores: 3"),
        ({"samples": ROWS[:, :3]}, {}, "^--samples: 3 columns, the model takes 4 columns$"),
        ({"samples": ROWS[0]}, {}, r"^--samples: shape \[4\], the model takes 4 columns$"),
        ({"reference": [["a"]]}, {}, "^--reference: the model cannot take these rows: "),
        ({"reference": ROWS[:, :3]}, {}, "^--reference: 3 columns, the model takes 4 columns$"),
        ({"model": LogisticRegression()}, {}, "the model is a LogisticRegression that is not fitted: call "),
        ({"model": lightgbm.LGBMClassifier(), "samples": None}, {}, "LGBMClassifier that is not fitted"),
        (
            {"model": Ridge().fit(ROWS, ROWS[:, 0]), "samples": np.full((2, 4), np.nan)},
            {},
            "^--samples: the original model cannot predict these rows: ValueError: Input X contains NaN.$",
        ),
        (
            {"model": doubling(), "predict": lambda rows: {"y": rows[999]}},
            {},
            "^--samples: predict cannot predict these rows: IndexError: list index out of range$",
        ),
        (
            {"model": object()},
            {},
            "the model is a builtins.object; allowed: a model of scikit-learn, LightGBM",
        ),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], options: dict[str, Any], message: str) -> None:
    trained = Trained(**{"model": pipeline(), "samples": ROWS, **changes})
    with pytest.raises((SourceError, ConversionError), match=message):
        build(trained, **{"name": "m", **options})


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ({"auc": float("nan")}, "metrics.auc: given nan, allowed: a finite number"),
        ({"loss": {"test": [0.1, np.float32("inf")]}}, "metrics.loss.test[1]: given inf, allowed: a finite"),
        ({"auc": object()}, "metrics.auc: given an object of object, allowed: numbers, text"),
        ({1: 0.5}, "metrics: given the key 1, allowed: text"),
        (0.5, "metrics: given 0.5, allowed: a dict of names and numbers"),
    ],
)
def test_a_metric_that_json_cannot_hold_is_named(metrics: Any, message: str) -> None:
    with pytest.raises(SourceError) as caught:
        build(Trained(model=pipeline(), samples=ROWS[:4], metrics=metrics), name="m")
    assert str(caught.value).startswith(message)


def test_metrics_of_numpy_are_numbers(tmp_path: Path) -> None:
    metrics = {"auc": np.float32(0.5), "rows": np.int64(7), "confusion": np.eye(2), "by": {"day": (1, None)}}
    built = build(Trained(model=pipeline(), samples=ROWS[:4], metrics=metrics), name="m")
    built.package.write(tmp_path / "m")
    manifest = Served.read(tmp_path / "m", built.package.sha256).manifest
    assert manifest is not None
    assert manifest.metrics == {
        "auc": 0.5,
        "rows": 7,
        "confusion": [[1, 0], [0, 1]],
        "by": {"day": [1, None]},
    }


def test_rows_for_a_step_that_json_cannot_hold_are_no_example(tmp_path: Path) -> None:
    step = tmp_path / "step.py"
    step.write_text(
        "import numpy as np\n"
        "def preprocess(instances):\n"
        "    return {'input': np.nan_to_num(np.array(instances, np.float32), posinf=0)}\n"
    )
    samples = [[float("nan")] * 4, [1.0, 2.0, 3.0, 4.0], np.ones(4), [float("inf")] * 4, [0.0] * 4]
    built = build(Trained(model=pipeline(), samples=samples), name="m", preprocess=step)
    assert built.package.manifest["example"] == [[1.0, 2.0, 3.0, 4.0], [1.0] * 4]


@pytest.mark.parametrize(
    ("classes", "labels"), [([False, True], [0, 1]), ([0.0, 1.0], [0, 1]), (["no", "yes"], ["no", "yes"])]
)
def test_labels_are_what_the_server_takes(classes: list[Any], labels: list[Any]) -> None:
    model = LogisticRegression().fit(ROWS, np.array(classes)[IS_HIGH])
    package = build(Trained(model=model, samples=ROWS), name="m").package
    assert json.dumps(json.loads(package.manifest_bytes)["labels"]) == json.dumps(labels)


def outputs_declared(built: Built) -> dict[str, list[int]]:
    graph = onnx.load_from_string(built.package.files["model.onnx"]).graph
    return {
        output.name: [dimension.dim_value for dimension in output.type.tensor_type.shape.dim]
        for output in graph.output
    }


def test_a_forest_with_two_targets_is_declared_and_watched_as_such(tmp_path: Path) -> None:
    """skl2onnx 1.20 declares `[rows, 1]`, and the server refused the two histograms."""
    model = RandomForestRegressor(3, random_state=0).fit(ROWS, ROWS[:, :2])
    built = build(Trained(model=model, samples=ROWS, reference=ROWS), name="m")
    assert outputs_declared(built) == {"variable": [0, 2]}
    assert len(built.package.manifest["reference"]["outputs"]["variable"]) == 2
    built.package.write(tmp_path / "m")
    served = Served.read(tmp_path / "m", built.package.sha256)
    session = open_session(served, threads=1)
    inputs, outputs = (
        tensor_specs(tensors, served.path) for tensors in (session.get_inputs(), session.get_outputs())
    )
    signature = Signature("m", "1", served.sha256, inputs, outputs)
    assert Tracker(signature, served.reference, served.labels).outputs == ("variable",)


def test_scores_of_several_targets_are_packaged_without_labels() -> None:
    targets = np.column_stack([IS_HIGH, np.digitize(ROWS[:, 1], [-0.5, 0.5])])
    same = np.column_stack([IS_HIGH, ROWS[:, 1] > 0]).astype(int)
    model = RandomForestClassifier(3, random_state=0).fit(ROWS, same)
    built = build(Trained(model=model, samples=ROWS), name="m")
    assert outputs_declared(built) == {"label": [0, 2], "probabilities": [2, 0, 2]}
    assert "labels" not in built.package.manifest
    model = RandomForestClassifier(3, random_state=0).fit(ROWS, targets)
    with pytest.raises((ConversionError, SourceError, ParityError)):
        build(Trained(model=model, samples=ROWS), name="m")


def test_what_the_server_refuses_is_no_package() -> None:
    unknown = doubling()
    for tensor in (*unknown.graph.input, *unknown.graph.output):
        tensor.type.tensor_type.shape.dim[1].dim_param = "columns"
    message = "the server refuses the package: reference.inputs.x: only tensors [rows] or [rows, columns]"
    with pytest.raises(ConversionError, match=re.escape(message)):
        build(Trained(model=unknown, samples=ROWS, reference=ROWS), name="m")
    assert build(Trained(model=unknown, samples=ROWS), name="m").parity is None
