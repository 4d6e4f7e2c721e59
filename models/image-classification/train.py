"""Train the classifier of handwritten digits, package it with its preparation of pictures and write its card.

`python models/image-classification/train.py` writes `package/` and `MODEL_CARD.md` beside this file; two runs
with the same libraries write the same bytes. `--check` trains again in memory and exits with 1 if the
committed package or card does not hold up.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, compose, helper, numpy_helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, recall_score
from sklearn.model_selection import StratifiedKFold, cross_val_score, train_test_split
from sklearn.neural_network import MLPClassifier

from modelberth.packaging import Package, PackagingError, Trained, build

sys.path.append(str(Path(__file__).resolve().parents[1]))

from committed import Training, made_with, main
from predictions import Predictions

FOLDER = Path(__file__).resolve().parent
NAME, VERSION = "digits", "1"
SEED = 0
HELD_OUT_SHARE = 0.4
SIDE = 8
WHITE = 255
# The oldest version whose Resize smooths before it makes a picture smaller (antialias).
OPSETS = {"": 18, "ai.onnx.ml": 3}
IR_VERSION = 8

Pictures = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """The pictures, split once into some to learn from and some that no choice has seen."""

    train_pictures: Pictures
    held_out_pictures: Pictures
    train_labels: Labels
    held_out_labels: Labels

    @classmethod
    def of_digits(cls) -> "Split":
        """The UCI data's test set as scikit-learn ships it: 8x8 grey levels of 0 to 16, here 0 to 255."""
        data = load_digits()
        pictures = np.round(data.images * (WHITE / 16)).astype(np.uint8)
        parts = train_test_split(
            pictures, data.target, test_size=HELD_OUT_SHARE, random_state=SEED, stratify=data.target
        )
        return cls(*parts)


def features(pictures: Pictures) -> npt.NDArray[np.float32]:
    """Pictures of 8x8 as the estimators take them: 64 numbers from 0 to 1."""
    return pictures.reshape(len(pictures), -1).astype(np.float32) / np.float32(WHITE)


def enlarged(pictures: Pictures, times: int) -> Pictures:
    """Each pixel as a block of `times` x `times`."""
    return pictures.repeat(times, axis=1).repeat(times, axis=2)


def candidates() -> dict[str, Any]:
    """Return the estimators to choose from, by the name that the card gives them."""
    return {
        "logistic regression, C=1": LogisticRegression(C=1, max_iter=1000),
        "neural network, 1 hidden layer of 32": MLPClassifier((32,), max_iter=600, random_state=SEED),
        "neural network, 1 hidden layer of 64": MLPClassifier((64,), max_iter=600, random_state=SEED),
    }


def cross_validated_log_loss(split: Split) -> dict[str, float]:
    """Mean log loss of each candidate in 3 folds of the training pictures (lower is better)."""
    folds = StratifiedKFold(n_splits=3, shuffle=True, random_state=SEED)
    rows = features(split.train_pictures)
    return {
        name: -float(
            cross_val_score(estimator, rows, split.train_labels, scoring="neg_log_loss", cv=folds).mean()
        )
        for name, estimator in candidates().items()
    }


def preparation() -> onnx.ModelProto:
    """The graph before the classifier: `image` uint8 `[rows, height, width]` → `features` `[rows, 64]`."""
    constants: dict[str, npt.NDArray[Any]] = {
        "channel": np.array([1], np.int64),
        "sizes": np.array([SIDE, SIDE], np.int64),
        "white": np.array(WHITE, np.float32),
        "flat": np.array([-1, SIDE * SIDE], np.int64),
    }
    nodes = [
        helper.make_node("Cast", ["image"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["numbers", "channel"], ["one_channel"]),
        helper.make_node(
            "Resize",
            ["one_channel", "", "", "sizes"],
            ["small"],
            antialias=1,
            axes=[2, 3],
            coordinate_transformation_mode="half_pixel",
            mode="linear",
        ),
        helper.make_node("Div", ["small", "white"], ["shades"]),
        helper.make_node("Reshape", ["shades", "flat"], ["features"]),
    ]
    graph = helper.make_graph(
        nodes,
        "preparation",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["rows", "height", "width"])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", SIDE * SIDE])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid(domain, number) for domain, number in OPSETS.items()]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)


def whole(estimator: Any) -> onnx.ModelProto:
    """Preparation and classifier in one graph."""
    classifier = to_onnx(
        estimator,
        initial_types=[("features", FloatTensorType([None, SIDE * SIDE]))],
        options={"zipmap": False},
        target_opset=OPSETS,
        name="classifier",
    )
    classifier.ir_version = IR_VERSION
    del classifier.opset_import[:]
    classifier.opset_import.extend(preparation().opset_import)
    prefixed = compose.add_prefix(classifier, "c_", rename_inputs=False, rename_outputs=False)
    merged = compose.merge_models(preparation(), prefixed, io_map=[("features", "features")], name=NAME)
    onnx.checker.check_model(merged)
    return merged


def train(split: Split, name: str) -> Package:
    """Fit a candidate and package it; exit if the package and scikit-learn disagree on a picture."""
    estimator = candidates()[name].fit(features(split.train_pictures), split.train_labels)

    def predict(instances: Sequence[Any]) -> Mapping[str, Any]:
        rows = features(np.array(instances, np.uint8))
        return {"label": estimator.predict(rows), "probabilities": estimator.predict_proba(rows)}

    accuracy = accuracy_score(split.held_out_labels, estimator.predict(features(split.held_out_pictures)))
    trained = Trained(
        model=whole(estimator),
        predict=predict,
        samples=split.held_out_pictures,
        reference=split.train_pictures.tolist(),
        labels=[str(digit) for digit in range(10)],
        metrics={"accuracy": round(float(accuracy), 4)},
    )
    try:
        return build(trained, name=NAME, version=VERSION, preprocess=FOLDER / "preprocess.py").package
    except PackagingError as error:
        sys.exit(f"error: {error}")


def render_card(split: Split, scores: dict[str, float], chosen: str, package: Package) -> str:
    """Write the model card; every figure in it is measured on the bytes of the package."""
    truth = split.held_out_labels
    model = package.files["model.onnx"]
    predictions = Predictions.of(model, split.held_out_pictures)
    recalls = recall_score(truth, predictions.labels, average=None)
    correct = int((predictions.labels == truth).sum())
    libraries = made_with("scikit-learn", "skl2onnx", "onnx", "onnxruntime", "numpy")
    score_rows = "\n".join(
        f"| {name} | {score:.2f} |{' chosen' if name == chosen else ''} |" for name, score in scores.items()
    )
    recall_rows = "\n".join(f"| recall {digit} | {recall:.4f} |" for digit, recall in enumerate(recalls))
    size_rows = "\n".join(
        f"| accuracy at {SIDE * times}x{SIDE * times} pixels | "
        f"{(Predictions.of(model, enlarged(split.held_out_pictures, times)).labels == truth).mean():.4f} |"
        for times in (2, 4, 16)
    )
    return f"""# Model card: digits

Reads one handwritten digit in a picture of grey levels.

Written by `train.py`; `python models/image-classification/train.py --check` proves every figure below.

| | |
|---|---|
| package | `package/`, {package.size} bytes |
| sha256 | `{package.sha256}` (of `modelberth.json`) |
| kind | {chosen} |
| input | `image`, uint8, shape [rows, height, width], of any size: the graph scales it to {SIDE}x{SIDE} |
| output | `label`, int64, shape [rows] |
| output | `probabilities`, float32, shape [rows, 10], of the digits 0 to 9 |
| instances | rows of pixels, 0 black to 255 white, or a binary PGM file in base64, by `preprocess.py` |

The digit is light on a dark ground and fills the picture. All pictures of a request have one size.

## Data

{len(split.train_labels) + len(truth)} pictures of {SIDE}x{SIDE} from 13 writers: the test set of "Optical
Recognition of Handwritten Digits" by E. Alpaydin and C. Kaynak (1998), UCI Machine Learning Repository,
https://doi.org/10.24432/C50P49, CC BY 4.0. The copy is the one that scikit-learn ships
(`sklearn.datasets.load_digits`); its grey levels of 0 to 16 are spread over 0 to 255 here.

Split: {len(split.train_labels)} pictures to train, {len(truth)} held out, stratified by digit, seed {SEED}.
The same writers are in both parts, so those of other people will be read less well.

## Choice

Mean log loss in 3-fold cross-validation of the training pictures; the held-out ones took no part in the
choice.

| candidate | log loss | |
|---|---|---|
{score_rows}

## Quality on the {len(truth)} held-out pictures

Measured with ONNX Runtime on `package/model.onnx`; larger ones are made by repeating each pixel, and
scaling them down again blurs a little.

| metric | value |
|---|---|
| accuracy | {accuracy_score(truth, predictions.labels):.4f} ({correct} of {len(truth)}) |
| log loss | {log_loss(truth, predictions.probabilities):.4f} |
{size_rows}
{recall_rows}

## Use and limits

For demonstration and for tests of the serving path. Every picture gets one of ten digits, also one of a cat.
A digit that is dark on light, off the middle or rotated is not what it has learned from. Not for decisions
about people, money or safety.

{libraries}
"""


def difference(split: Split, package: Package, other: Package) -> str | None:
    """Say how two packages differ on the held-out pictures, or None."""
    if package.files["preprocess.py"] != other.files["preprocess.py"]:
        return "preprocess.py is not the one in the package"
    ours, theirs = (
        Predictions.of(made.files["model.onnx"], split.held_out_pictures) for made in (package, other)
    )
    # Many small steps of training let rounding grow.
    return ours.difference(theirs, tolerance=1e-2)


def training() -> Training:
    """Split, choose and train."""
    split = Split.of_digits()
    scores = cross_validated_log_loss(split)
    chosen = min(scores, key=scores.__getitem__)
    return Training(
        package=train(split, chosen),
        card=partial(render_card, split, scores, chosen),
        difference=partial(difference, split),
    )


if __name__ == "__main__":
    sys.exit(main(FOLDER, training))
