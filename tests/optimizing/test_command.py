"""`modelberth optimize`, as a person types it, on real models."""

import hashlib
import importlib
import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import onnx
import onnxruntime
import pytest
from click.testing import Result
from sklearn.datasets import load_diabetes, load_digits
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from typer.testing import CliRunner

from modelberth.cli.failure import Exit, Failure
from modelberth.cli.main import app
from modelberth.optimizing import Method, Metric
from modelberth.optimizing.latency import Timing
from modelberth.packaging import Package, Trained, build
from modelberth_server.model.package import Package as Served
from support.project import REPOSITORY

PICTURES, DIGITS = load_digits(return_X_y=True)
PICTURES = (PICTURES / 16).astype(np.float32)
TRAIN, ROWS = slice(0, 1200), slice(1200, None)
PATIENTS, PROGRESS = load_diabetes(return_X_y=True)
PATIENTS = PATIENTS.astype(np.float32)
THREE = np.column_stack([DIGITS % 2, DIGITS > 4, DIGITS % 3 == 0]).astype(np.int64)
TWO = np.column_stack([PROGRESS, PROGRESS / 2 + 50])


@cache
def packaged(kind: str) -> Package:
    match kind:
        case "network":
            model: Any = MLPClassifier((64, 48), max_iter=40, random_state=0)
        case "forest":
            model = RandomForestClassifier(30, random_state=0, n_jobs=1)
        case "boosted":
            model = lightgbm.LGBMClassifier(n_estimators=20, num_leaves=7, verbose=-1, num_threads=1)
        case "linear":
            model = LogisticRegression(max_iter=1000)
        case "targets":
            forest = RandomForestClassifier(20, max_depth=8, random_state=0, n_jobs=1)
            forest.fit(PICTURES[TRAIN], np.column_stack([DIGITS % 2, DIGITS > 4])[TRAIN])
            return build(Trained(model=forest, samples=PICTURES[ROWS]), name=kind, tolerance=1e-3).package
        case "several labels":
            network = MLPClassifier((64, 48), max_iter=40, random_state=0).fit(PICTURES[TRAIN], THREE[TRAIN])
            return build(
                Trained(model=network, samples=PICTURES[ROWS]), name="labels", tolerance=1e-3
            ).package
        case "regressions":
            model = RandomForestRegressor(30, max_depth=5, random_state=0, n_jobs=1)
            model.fit(PATIENTS[:300], TWO[:300])
            return build(Trained(model=model, samples=PATIENTS[300:]), name=kind, tolerance=1e-3).package
        case "regression":
            model = RandomForestRegressor(30, max_depth=5, random_state=0, n_jobs=1)
            return build(
                Trained(model=model.fit(PATIENTS[:300], PROGRESS[:300]), samples=PATIENTS[300:]),
                name=kind,
                tolerance=1e-3,
            ).package
    fitted = model.fit(PICTURES[TRAIN], DIGITS[TRAIN])
    trained = Trained(model=fitted, samples=PICTURES[ROWS], metrics={"auc": 0.99})
    return build(trained, name=kind, tolerance=1e-3).package


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    np.save("rows.npy", PICTURES[ROWS])
    np.save("labels.npy", DIGITS[ROWS])
    np.save("train.npy", PICTURES[TRAIN])
    return tmp_path


pytestmark = pytest.mark.filterwarnings(f"ignore::{ConvergenceWarning.__module__}.ConvergenceWarning")


def run(kind: str, *arguments: str) -> Result:
    packaged(kind).write(Path(kind))
    return CliRunner().invoke(app, ["optimize", kind, "--out", "made", *arguments])


def told(kind: str, *arguments: str) -> dict[str, Any]:
    result = run(kind, *arguments, "--json")
    assert result.exit_code == 0, (result.output, result.exception)
    form: dict[str, Any] = json.loads(result.stdout)
    return form


def accuracy(model: bytes) -> float:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    labels = [session.run(["label"], {"input": row[None]})[0][0] for row in PICTURES[ROWS]]
    return float((np.array(labels) == DIGITS[ROWS]).mean())


@pytest.fixture
def all_as_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    def timed(runs: list[Any], clock: Any) -> list[Timing]:
        return [Timing(0.001, 0.002, 1.0) for _ in runs]

    monkeypatch.setattr("modelberth.optimizing.outcome.interleaved", timed)


LABELLED = ("--rows", "rows.npy", "--labels", "labels.npy")


@pytest.mark.parametrize(
    ("kind", "method", "more", "share"),
    [
        ("network", "dynamic", [], 0.45),
        ("network", "static", ["--calibration", "train.npy"], 0.5),
        ("network", "prune", ["--calibration", "train.npy", "--max-loss", "0.05"], 0.5),
        ("forest", "prune", ["--max-loss", "0.05"], 0.6),
        ("boosted", "prune", ["--max-loss", "0.1"], 0.6),
    ],
)
def test_each_method_makes_a_smaller_model_that_still_knows_its_digits(
    kind: str, method: str, more: list[str], share: float
) -> None:
    form = told(kind, *LABELLED, "--method", method, *more)
    (variant,) = form["variants"]
    served = Served.read(Path("made"), form["sha256"])  # refuses what is not pinned
    assert served.onnx != packaged(kind).files["model.onnx"]
    assert variant["bytes"] == len(served.onnx) < share * form["original"]["bytes"]
    assert variant["verdict"] == "chosen"
    assert form["chosen"] == variant["name"]
    assert form["metric"] == "accuracy"
    # The figures are those of the files, by a session of another make.
    assert variant["value"] == pytest.approx(accuracy(served.onnx))
    assert form["original"]["value"] == pytest.approx(accuracy(packaged(kind).files["model.onnx"]))
    assert variant["value"] >= form["floor"] > 0.7
    assert 0 < variant["widest_difference"] < 1
    for rows in ("1", "32"):
        before, after = form["original"]["latency"][rows], variant["latency"][rows]
        assert after["ratio"] == pytest.approx(after["median_us"] / before["median_us"])
        assert 0 < after["median_us"] <= after["p99_us"]


def test_the_manifest_tells_what_was_done_and_keeps_what_still_holds() -> None:
    form = told("network", *LABELLED, "--method", "dynamic")
    before, after = packaged("network").manifest, form["manifest"]
    assert (after["name"], after["version"]) == ("network", "1-dynamic")
    assert after["example"] == before["example"]
    assert after["labels"] == before["labels"]
    assert after["metrics"] == {"accuracy": pytest.approx(form["variants"][0]["value"], abs=1e-4)}
    assert after["parity"]["sha256"] == packaged("network").sha256
    assert after["parity"]["optimization"] == "dynamic"
    assert form["sha256"] == hashlib.sha256(Path("made/modelberth.json").read_bytes()).hexdigest()
    assert form["spec"] == {"model": {"uri": "made", "sha256": form["sha256"]}}
    props = {prop.key for prop in onnx.load("made/model.onnx").metadata_props}
    assert props == {"modelberth.example"}


def test_all_methods_are_compared_and_the_same_bytes_come_out_again() -> None:
    first = told("network", *LABELLED, "--calibration", "train.npy", "--sparsity", "0.3", "--sparsity", "0.9")
    names = ["graph", "dynamic", "static", "prune-0.3", "prune-0.9"]
    assert [variant["name"] for variant in first["variants"]] == names
    assert first["refused"] == {}
    # The range of its activations is that of all rows computed together.
    alone = {variant["name"]: not variant["batches"] for variant in first["variants"]}
    assert [name for name in names if alone[name]] == ["dynamic"]
    assert {variant["name"]: variant["verdict"] for variant in first["variants"]}["dynamic"] == "alone"
    again = told("network", *LABELLED, "--calibration", "train.npy", "--method", "static")
    assert (
        again["sha256"]
        == told("network", *LABELLED, "--calibration", "train.npy", "--method", "static")["sha256"]
    )
    sizes = {variant["name"]: variant["bytes"] for variant in first["variants"]}
    assert sizes["static"] == again["variants"][0]["bytes"]


@pytest.mark.usefixtures("all_as_fast")
def test_the_table_shows_before_and_after() -> None:
    result = run("forest", *LABELLED, "--max-loss", "0.05")
    assert result.exit_code == 0, result.output
    lines = {line.split()[0]: line.split() for line in result.stdout.splitlines() if line.strip()}
    assert lines["variant"] == ["variant", "bytes", "1", "row", "32", "rows", "accuracy", "same", "differs"]
    assert lines["original"][1] == str(len(packaged("forest").files["model.onnx"]))
    assert lines["prune-0.5"][-1] == "chosen"
    assert lines["graph"][2:5] == ["1000", "(2000)", "1.00"]
    assert lines["graph"][-2:] == ["no", "gain"]
    assert "dynamic: not made: a tree ensemble compares and adds" in result.stdout
    assert "static: not made: needs --calibration" in result.stdout
    assert "floor: accuracy at least" in result.stdout
    sha256 = hashlib.sha256(Path("made/modelberth.json").read_bytes()).hexdigest()
    assert f"  model:\n    uri: made\n    sha256: {sha256}\n" in result.stdout


def test_a_forest_that_lost_trees_still_gives_probabilities() -> None:
    told("forest", *LABELLED, "--method", "prune", "--max-loss", "0.05")
    session = onnxruntime.InferenceSession("made/model.onnx", providers=["CPUExecutionProvider"])
    (scores,) = session.run(["probabilities"], {"input": PICTURES[ROWS]})
    assert scores.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_a_regression_is_judged_by_its_error() -> None:
    np.save("rows.npy", PATIENTS[300:])
    Path("truth.csv").write_text("progress\n" + "\n".join(map(str, PROGRESS[300:])))
    given = ["--rows", "rows.npy", "--labels", "truth.csv", "--method", "prune"]
    form = told("regression", *given, "--max-loss", "0.2")
    session = onnxruntime.InferenceSession("made/model.onnx", providers=["CPUExecutionProvider"])
    (values,) = session.run(None, {"input": PATIENTS[300:]})
    assert form["metric"] == "rmse"
    assert form["variants"][0]["value"] == pytest.approx(
        np.sqrt(np.mean((values[:, 0] - PROGRESS[300:]) ** 2))
    )
    assert form["floor"] == pytest.approx(1.2 * form["original"]["value"])


def test_several_targets_are_judged_by_the_mean_of_their_errors() -> None:
    np.save("rows.npy", PATIENTS[300:])
    np.save("truth.npy", TWO[300:])
    given = ["--rows", "rows.npy", "--labels", "truth.npy", "--method", "prune"]
    form = told("regressions", *given, "--max-loss", "0.2")
    session = onnxruntime.InferenceSession("made/model.onnx", providers=["CPUExecutionProvider"])
    (values,) = session.run(None, {"input": PATIENTS[300:]})
    assert form["metric"] == "rmse"
    errors = np.sqrt(np.mean((values - TWO[300:]) ** 2, axis=0))
    assert form["variants"][0]["value"] == pytest.approx(errors.mean())
    for wrong, message in (
        (PROGRESS[300:], r"--labels have one number for each row, .* its outputs: variable \[142, 2\]"),
        (np.column_stack([TWO, PROGRESS])[300:], "--labels have 3 numbers for each row"),
    ):
        np.save("truth.npy", wrong)
        result = run("regressions", *given, "--metric", "rmse")
        with pytest.raises(Failure, match=message):
            raise result.exception or AssertionError(result.output)
    Path("truth.json").write_text(json.dumps([*TWO[300:-1].tolist(), [1.0]]))
    result = run("regressions", *given[:2], "--labels", "truth.json", "--method", "prune")
    with pytest.raises(Failure, match=r"--labels\[141\]: 1\.0, expected 2 numbers for the metric rmse"):
        raise result.exception or AssertionError(result.output)


def test_several_labels_are_right_together() -> None:
    np.save("three.npy", THREE[ROWS])
    given = ["--rows", "rows.npy", "--labels", "three.npy", "--method", "dynamic"]
    form = told("several labels", *given, "--max-loss", "0.2")
    options = {"providers": ["CPUExecutionProvider"]}
    original, made = (
        onnxruntime.InferenceSession(f"{folder}/model.onnx", **options)
        for folder in ("several labels", "made")
    )
    (first,) = original.run(["label"], {"input": PICTURES[ROWS]})
    right = (first == THREE[ROWS]).all(axis=1)
    assert form["metric"] == "accuracy"
    assert form["original"]["value"] == pytest.approx(right.mean())
    # What any of the labels alone would say, and their mean, is more.
    assert 0.5 < right.mean() < (first == THREE[ROWS]).mean()
    rows = PICTURES[ROWS] if form["variants"][0]["batches"] else PICTURES[ROWS][:, None]
    answers = [made.run(["label"], {"input": row.reshape(-1, 64)})[0] for row in rows]
    assert form["variants"][0]["value"] == pytest.approx(
        (np.concatenate(answers) == THREE[ROWS]).all(axis=1).mean(), abs=1e-9
    )


@pytest.mark.parametrize(
    ("labels", "more", "message"),
    [
        (THREE[ROWS].tolist(), ["--metric", "macro-f1"], "--metric: given macro-f1, and .* 3 targets"),
        (THREE[ROWS, :2].tolist(), [], "--metric: rmse, as no .*, --labels have 2 numbers .* label "),
        (DIGITS[ROWS].tolist(), [], "--metric: rmse, as no .*, --labels have one number .* label "),
        ([*THREE[ROWS][:-1].tolist(), [1, 0]], [], r"--labels\[596\]: \[1, 0\], expected 3 labels"),
        ([*THREE[ROWS][:-1].tolist(), 1], [], r"--labels\[596\]: 1, expected 3 labels"),
        ((THREE[ROWS] + 7).tolist(), [], "the model answers 0, 1, the labels are 7, 8: none fits"),
    ],
)
def test_labels_that_do_not_fit_several_targets_are_refused(
    labels: list[Any], more: list[str], message: str
) -> None:
    Path("labels.json").write_text(json.dumps(labels))
    given = ["--rows", "rows.npy", "--labels", "labels.json", "--method", "dynamic"]
    with pytest.raises(Failure, match=message):
        raise run("several labels", *given, *more).exception or AssertionError("accepted")


def test_an_output_whose_rows_are_not_its_first_dimension_is_compared_row_by_row() -> None:
    """The scores of a forest with two targets are `[2, rows, 2]`."""
    result = run("targets", "--rows", "rows.npy", "--calibration", "train.npy", "--json")
    assert isinstance(result.exception, Failure | SystemExit | None), result.exception
    form = json.loads(result.stdout)
    assert (form["metric"], form["original"]["value"]) == ("agreement", 1.0)
    assert form["original"]["batches"] is False
    graph = next(variant for variant in form["variants"] if variant["name"] == "graph")
    assert (graph["agreement"], graph["widest_difference"]) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("source", "made", "how"),
    [
        ("linear", "linear", "which is PACKAGE, linear"),
        ("linear", "./link", "which is PACKAGE, linear"),
        ("linear", "linear/fast", "which lies in PACKAGE, linear"),
        ("linear/model.onnx", "linear", "which holds PACKAGE, linear/model.onnx"),
    ],
)
def test_the_original_is_not_replaced(source: str, made: str, how: str) -> None:
    package = packaged("linear")
    package.write(Path("linear"))
    Path("link").symlink_to("linear")
    # Refused before anything is read: there are no such rows.
    result = CliRunner().invoke(app, ["optimize", source, "--out", made, "--rows", "gone.npy"])
    assert isinstance(result.exception, Failure), result.output
    assert result.exception.status is Exit.USAGE
    assert f"{made.removeprefix('./')}, {how}: the new package would replace" in str(result.exception)
    assert Served.read(Path("linear"), package.sha256).sha256 == package.sha256


def test_without_labels_the_original_is_the_measure() -> None:
    form = told("network", "--rows", "rows.npy", "--method", "dynamic")
    assert (form["metric"], form["original"]["value"]) == ("agreement", 1.0)
    assert 0.99 <= form["variants"][0]["value"] <= 1
    assert "metrics" not in form["manifest"]


@pytest.mark.parametrize("option", [["--max-loss", "0.01"], ["--min-accuracy", "0.9"]])
def test_below_the_floor_nothing_is_written(option: list[str]) -> None:
    result = run("network", *LABELLED, "--method", "prune", "--sparsity", "0.95", *option, "--json")
    assert isinstance(result.exception, Failure)
    assert result.exception.status is Exit.FAILED
    form = json.loads(result.stdout)
    (variant,) = form["variants"]
    assert variant["value"] < form["floor"] < form["original"]["value"]
    assert (variant["verdict"], form["chosen"], form["package"]) == ("worse", None, None)
    message = str(result.exception)
    assert f"prune-0.95 {variant['value']:.4f}" in message
    assert f"accuracy at least {form['floor']:.4f} (original {form['original']['value']:.4f})" in message
    assert message.endswith("no package was written")
    assert not Path("made").exists()


@pytest.mark.usefixtures("all_as_fast")
@pytest.mark.parametrize(
    ("kind", "method", "reason"),
    [
        ("boosted", "dynamic", "dynamic: a tree ensemble compares and adds"),
        ("linear", "dynamic", "dynamic: no weights to convert in its operators: .*LinearClassifier"),
        ("linear", "prune", "prune-0.5: nothing to remove at 0.5: no hidden layer"),
        ("linear", "graph", "is better than the original by over 5%"),
    ],
)
def test_what_would_gain_nothing_is_refused_with_the_reason(kind: str, method: str, reason: str) -> None:
    result = run(kind, *LABELLED, "--method", method)
    assert isinstance(result.exception, Failure), result.output
    assert result.exception.status is Exit.FAILED
    with pytest.raises(Failure, match=reason):
        raise result.exception
    assert not Path("made").exists()


NAN = float("nan")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rows", "gone.npy"], r"--rows: gone\.npy is not a file"),
        (["--rows", "narrow.npy"], r"--rows\[0\]: 63 values, the model takes 64"),
        (["--rows", "ragged.json"], r"--rows\[2\]: 3 values, the model takes 64"),
        (["--rows", "text.json"], r"--rows\[1\]\[5\]: 'five', expected a number"),
        (["--rows", "text.csv"], r"--rows: text\.csv: row 1, column 2: 'x' is no number"),
        (["--rows", "nan.npy"], r"--rows\[3\]\[7\]: nan, expected a finite number: the server"),
        (["--rows", "gap.csv"], r"--rows\[1\]\[2\]: nan, expected a finite number"),
        (["--rows", "infinite.json"], r"--rows\[0\]\[1\]: -inf, expected a finite number"),
        ([*LABELLED, "--calibration", "nan.npy"], r"--calibration\[3\]\[7\]: nan, expected a finite"),
        ([*LABELLED[:2], "--labels", "short.txt"], "--labels: 2 labels, --rows has 597 rows"),
        (
            [*LABELLED[:2], "--labels", "names.json"],
            "the model answers 0, 1, 2, 3, …, the labels are a: none",
        ),
        ([*LABELLED[:2], "--labels", "wide.npy"], r"--labels\[0\]: .*, expected one label"),
        ([*LABELLED[:2], "--metric", "accuracy"], "--metric: given accuracy, which needs --labels"),
        ([*LABELLED, "--metric", "agreement"], "--metric: given agreement, .* leave out --labels"),
        ([*LABELLED, "--method", "static"], "--calibration: missing; static quantization needs"),
        ([*LABELLED, "--calibration", "rows.npy"], "--calibration: the same rows as --rows"),
        ([*LABELLED, "--calibration", "narrow.npy"], r"--calibration\[0\]: 63 values, the model takes 64"),
        ([*LABELLED, "--sparsity", "1"], "--sparsity: given 1, allowed: between 0 and 1"),
        ([*LABELLED, "--max-loss", "1"], "--max-loss: given 1, allowed: 0 to below 1"),
        ([*LABELLED, "--min-accuracy", "95"], "--min-accuracy: given 95, allowed: above 0 to 1"),
        ([*LABELLED, "--max-loss", "0", "--min-accuracy", "0.9"], "--min-accuracy: given with --max-loss"),
        (["--rows", "rows.npy", "--name", "a b"], "name: 'a b', expected 1 to 128 letters"),
    ],
)
def test_wrong_input_is_named_and_nothing_is_written(arguments: list[str], message: str) -> None:
    np.save("narrow.npy", PICTURES[ROWS, :63])
    np.save("wide.npy", PICTURES[ROWS])
    rows: list[list[Any]] = PICTURES[ROWS].tolist()
    Path("ragged.json").write_text(json.dumps([*rows[:2], rows[2][:3]]))
    rows[1][5] = "five"
    Path("text.json").write_text(json.dumps(rows))
    Path("text.csv").write_text("1,2,3\n1,2,x\n")
    missing = PICTURES[ROWS].copy()
    missing[3, 7] = np.nan
    np.save("nan.npy", missing)
    Path("gap.csv").write_text("1,2,3\n1,2,\n")
    Path("infinite.json").write_text("[[0, -Infinity]]")
    Path("short.txt").write_text("1\n2\n")
    Path("names.json").write_text(json.dumps(["a"] * len(rows)))
    result = run("network", "--method", "dynamic", *arguments)
    assert isinstance(result.exception, Failure), (result.output, result.exception)
    assert result.exception.status is Exit.USAGE
    with pytest.raises(Failure, match=message):
        raise result.exception
    assert not Path("made").exists()


def test_a_model_with_a_fixed_number_of_rows_is_refused() -> None:
    model = onnx.load_from_string(packaged("network").files["model.onnx"])
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    onnx.save(model, "one.onnx")
    result = CliRunner().invoke(app, ["optimize", "one.onnx", "--out", "made", "--rows", "rows.npy"])
    with pytest.raises(Failure, match=r"the input input has the shape \[1, 64\], a fixed number of rows"):
        raise result.exception or AssertionError(result.output)


def test_a_changed_file_of_the_package_is_refused() -> None:
    packaged("network").write(Path("network"))
    with Path("network/model.onnx").open("ab") as file:
        file.write(b"\0")
    result = CliRunner().invoke(app, ["optimize", "network", "--out", "made", "--rows", "rows.npy"])
    with pytest.raises(Failure, match=r"PACKAGE: network/model\.onnx has sha256 "):
        raise result.exception or AssertionError(result.output)


def test_the_command_line_offers_what_there_is() -> None:
    cli = importlib.import_module("modelberth.cli.optimize")
    assert [*map(str, cli.Method)] == [*map(str, Method), "all"]
    assert [*map(str, cli.Metric)] == [*map(str, Metric)]


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("modelberth.optimizing")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnx", None)
    result = run("network", *LABELLED)
    assert isinstance(result.exception, Failure)
    assert result.exception.status is Exit.TOOL
    assert str(result.exception).endswith("onnx is not installed: pip install 'modelberth[package]'")


def test_a_package_with_a_step_of_its_own_keeps_it() -> None:
    pictures = np.round(PICTURES[ROWS].reshape(-1, 8, 8) * 255).astype(int)
    Path("pictures.json").write_text(json.dumps(pictures.tolist()))
    source = REPOSITORY / "models" / "image-classification" / "package"
    arguments = ["--out", "made", "--rows", "pictures.json", "--method", "dynamic", "--json"]
    result = CliRunner().invoke(app, ["optimize", str(source), *arguments])
    assert result.exit_code == 0, (result.output, result.exception)
    form = json.loads(result.stdout)
    assert form["variants"][0]["value"] >= 0.99
    assert Path("made/preprocess.py").read_bytes() == (source / "preprocess.py").read_bytes()
    assert Served.read(Path("made"), form["sha256"]).preprocess is not None


def test_a_ranking_that_changes_is_noticed() -> None:
    Path("users.csv").write_text("user\n" + "\n".join(map(str, range(400))))
    source = str(REPOSITORY / "models" / "recommendation" / "package")
    arguments = ["--out", "made", "--rows", "users.csv", "--method", "dynamic", "--json"]
    result = CliRunner().invoke(app, ["optimize", source, *arguments])
    (variant,) = json.loads(result.stdout)["variants"]
    assert variant["verdict"] == "worse"
    assert 0 < variant["agreement"] < 0.99
    assert not Path("made").exists()
