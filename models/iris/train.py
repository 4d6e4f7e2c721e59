"""Train the iris classifier, export it to ONNX and write its model card.

`python models/iris/train.py` writes `model.onnx` and `MODEL_CARD.md` beside this file; two runs with the
same libraries write the same bytes. `--check` trains again in memory and exits with 1 if the committed
model or card does not hold up.
"""

import argparse
import difflib
import hashlib
import json
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnx.helper import set_model_props
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, recall_score
from sklearn.model_selection import StratifiedKFold, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

FOLDER = Path(__file__).resolve().parent
SEED = 0
HELD_OUT_SHARE = 0.4
CLASSES = ("setosa", "versicolor", "virginica")
FEATURES = ("sepal length", "sepal width", "petal length", "petal width")
# The first flower in Fisher's table. The model carries it, so that a person has something to try it with.
EXAMPLE = [[5.1, 3.5, 1.4, 0.2]]
# The oldest versions that have every operator the model uses: old runtimes load it too.
OPSETS = {"": 17, "ai.onnx.ml": 3}
# float32 arithmetic in ONNX Runtime against float64 in scikit-learn.
PROBABILITY_TOLERANCE = 1e-5
MADE_WITH = "Made with: "

Rows = npt.NDArray[np.float32]
Labels = npt.NDArray[np.str_]


@dataclass(frozen=True)
class Split:
    """The 150 flowers, split once into rows to learn from and rows that no choice has seen."""

    train_rows: Rows
    held_out_rows: Rows
    train_labels: Labels
    held_out_labels: Labels

    @classmethod
    def of_iris(cls) -> "Split":
        """Fisher's data as scikit-learn ships it: rows of 4 lengths in cm, labels as names."""
        data = load_iris()
        rows = data.data.astype(np.float32)
        labels = data.target_names[data.target]
        parts = train_test_split(rows, labels, test_size=HELD_OUT_SHARE, random_state=SEED, stratify=labels)
        return cls(*parts)


@dataclass(frozen=True)
class Predictions:
    """What a model says about the held-out rows: labels `[rows]`, probabilities `[rows, 3]`."""

    labels: Labels
    probabilities: npt.NDArray[np.float32]

    def difference(self, other: "Predictions", tolerance: float) -> str | None:
        """Say how two sets of predictions differ by more than `tolerance`, or None."""
        if unequal := int((self.labels != other.labels).sum()):
            return f"{unequal} of {len(self.labels)} labels differ"
        widest = float(np.abs(self.probabilities - other.probabilities).max())
        if widest > tolerance:
            return f"a probability differs by {widest:.2e}, allowed is {tolerance:.0e}"
        return None


def candidates() -> dict[str, Any]:
    """Return the estimators to choose from, by the name that the card gives them."""
    return {
        "standardized logistic regression, C=1": make_pipeline(
            StandardScaler(), LogisticRegression(C=1, max_iter=1000)
        ),
        "standardized logistic regression, C=10": make_pipeline(
            StandardScaler(), LogisticRegression(C=10, max_iter=1000)
        ),
        "gradient boosting, 20 trees a class": GradientBoostingClassifier(n_estimators=20, random_state=SEED),
    }


def cross_validated_log_loss(split: Split) -> dict[str, float]:
    """Mean log loss of each candidate in 5 folds of the training rows (lower is better)."""
    folds = StratifiedKFold(n_splits=5, shuffle=True, random_state=SEED)
    return {
        name: -float(
            cross_val_score(
                estimator, split.train_rows, split.train_labels, scoring="neg_log_loss", cv=folds
            ).mean()
        )
        for name, estimator in candidates().items()
    }


def export(estimator: Any) -> bytes:
    """Convert a fitted classifier to ONNX: `input` float32 [rows, 4] → `label`, `probabilities`."""
    model = to_onnx(
        estimator,
        initial_types=[("input", FloatTensorType([None, len(FEATURES)]))],
        options={"zipmap": False},
        target_opset=OPSETS,
        name="iris",
    )
    set_model_props(model, {"modelberth.example": json.dumps(EXAMPLE)})
    return bytes(model.SerializeToString(deterministic=True))


def predict(model: bytes, rows: Rows) -> Predictions:
    """Run an exported model in ONNX Runtime."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    labels, probabilities = session.run(["label", "probabilities"], {"input": rows})
    return Predictions(labels.astype(np.str_), probabilities)


def train(split: Split, name: str) -> bytes:
    """Fit a candidate and export it; exit if ONNX Runtime and scikit-learn disagree on a held-out row."""
    estimator = candidates()[name].fit(split.train_rows, split.train_labels)
    model = export(estimator)
    expected = Predictions(
        estimator.predict(split.held_out_rows), estimator.predict_proba(split.held_out_rows)
    )
    if difference := expected.difference(predict(model, split.held_out_rows), PROBABILITY_TOLERANCE):
        sys.exit(f"error: the exported model is not the trained one: {difference}")
    return model


def render_card(split: Split, scores: dict[str, float], chosen: str, model: bytes) -> str:
    """Write the model card; every figure in it is measured on the bytes of `model`."""
    truth = split.held_out_labels
    predictions = predict(model, split.held_out_rows)
    recalls = recall_score(truth, predictions.labels, labels=CLASSES, average=None)
    correct = int((predictions.labels == truth).sum())
    libraries = ", ".join(
        f"{name} {version(name)}" for name in ("scikit-learn", "skl2onnx", "onnx", "onnxruntime", "numpy")
    )
    score_rows = "\n".join(
        f"| {name} | {score:.2f} |{' chosen' if name == chosen else ''} |" for name, score in scores.items()
    )
    recall_rows = "\n".join(
        f"| recall {name} | {recall:.4f} |" for name, recall in zip(CLASSES, recalls, strict=True)
    )
    feature_rows = "\n".join(f"| {index} | {name} | cm |" for index, name in enumerate(FEATURES))
    return f"""# Model card: iris

Names the species of an iris flower (setosa, versicolor or virginica) from four lengths.

Written by `train.py`; `python models/iris/train.py --check` proves every figure below.

| | |
|---|---|
| file | `model.onnx`, {len(model)} bytes, ONNX opset {OPSETS[""]} with ai.onnx.ml {OPSETS["ai.onnx.ml"]} |
| sha256 | `{hashlib.sha256(model).hexdigest()}` |
| kind | {chosen} |
| input | `input`, float32, shape [rows, {len(FEATURES)}] |
| output | `label`, string, shape [rows] |
| output | `probabilities`, float32, shape [rows, {len(CLASSES)}], in the order {", ".join(CLASSES)} |
| example | `{json.dumps(EXAMPLE)}`, in the metadata as `modelberth.example` |

## Input

| column | feature | unit |
|---|---|---|
{feature_rows}

## Data

150 flowers, 50 of each species, measured by E. Anderson and published by R. A. Fisher, "The use of multiple
measurements in taxonomic problems", Annals of Eugenics 7 (1936), 179-188. The copy is the one that
scikit-learn ships (`sklearn.datasets.load_iris`, BSD-3-Clause). It follows Fisher's paper; the copy of the
UCI Machine Learning Repository (CC BY 4.0) has two wrong rows.

Split: {len(split.train_rows)} rows to train, {len(truth)} held out, stratified by species, seed {SEED}.

## Choice

Mean log loss in 5-fold cross-validation of the training rows; the held-out rows took no part in the choice.

| candidate | log loss | |
|---|---|---|
{score_rows}

## Quality on the {len(truth)} held-out rows

Measured with ONNX Runtime on `model.onnx`.

| metric | value |
|---|---|
| accuracy | {accuracy_score(truth, predictions.labels):.4f} ({correct} of {len(truth)}) |
| log loss | {log_loss(truth, predictions.probabilities, labels=CLASSES):.4f} |
{recall_rows}

## Use and limits

For demonstration and for tests of the serving path. It knows three species from one collection, and any four
numbers get one of the three names: values outside the range of the data (sepals of 4.3 to 7.9 by 2.0 to
4.4 cm, petals of 1.0 to 6.9 by 0.1 to 2.5 cm) mean nothing. With {len(truth)} held-out rows, one row more or
less moves the accuracy by {100 / len(truth):.1f} percentage points. Not for decisions about people, health or
safety.

{MADE_WITH}{libraries}
"""


def check(folder: Path, retrained: bytes, split: Split, scores: dict[str, float], chosen: str) -> list[str]:
    """List what is wrong with the committed model and card (compared without the library versions)."""
    model = (folder / "model.onnx").read_bytes()
    card = (folder / "MODEL_CARD.md").read_text()
    sha256 = hashlib.sha256(model).hexdigest()
    if f"`{sha256}`" not in card:
        return [f"model.onnx has sha256 {sha256}, which is not the one in MODEL_CARD.md"]
    problems = []
    # Another version of a library may write other bytes, yet it has to come to the same predictions.
    fresh = predict(retrained, split.held_out_rows)
    if difference := fresh.difference(predict(model, split.held_out_rows), tolerance=1e-3):
        problems.append(f"training again gives another model: {difference}")
    committed, measured = (
        [line for line in text.splitlines() if not line.startswith(MADE_WITH)]
        for text in (card, render_card(split, scores, chosen, model))
    )
    if committed != measured:
        diff = difflib.unified_diff(committed, measured, "MODEL_CARD.md", "measured", n=0, lineterm="")
        problems.append("MODEL_CARD.md does not say what was measured:\n" + "\n".join(diff))
    return problems


def main() -> int:
    """Write the model and its card, or check them."""
    parser = argparse.ArgumentParser(description="Train the iris model, or check the committed one.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 on a difference")
    checking = parser.parse_args().check
    split = Split.of_iris()
    scores = cross_validated_log_loss(split)
    chosen = min(scores, key=scores.__getitem__)
    model = train(split, chosen)
    if checking:
        problems = check(FOLDER, model, split, scores, chosen)
        for problem in problems:
            print(f"error: {problem}", file=sys.stderr)
        return 1 if problems else 0
    (FOLDER / "model.onnx").write_bytes(model)
    (FOLDER / "MODEL_CARD.md").write_text(render_card(split, scores, chosen, model))
    return 0


if __name__ == "__main__":
    sys.exit(main())
