"""Train the classifier of customer messages, package it with its tokenizer and write its model card.

`python models/text-classification/train.py` writes `package/` and `MODEL_CARD.md` beside this file; two runs
with the same libraries write the same bytes. `--check` trains again in memory and exits with 1 if the
committed package or card does not hold up.
"""

import csv
import json
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, recall_score
from sklearn.model_selection import StratifiedKFold, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline

from modelberth.packaging import Package, PackagingError, Trained, build

sys.path.append(str(Path(__file__).resolve().parents[1]))

from committed import Training, made_with, main
from predictions import Predictions

FOLDER = Path(__file__).resolve().parent
NAME, VERSION = "messages", "1"
SEED = 0
HELD_OUT_SHARE = 0.3
CATEGORIES = ("account", "billing", "cancellation", "delivery", "technical")
# What people type and tokenizers disagree about: the package has to split each of them as scikit-learn does.
ODD_TEXTS = (
    "",
    "!!!",
    "a",
    "  Where   is\tmy\nPARCEL???  ",
    "don\u2019t charge\u2014me twice",
    "ÜBER-invoice für Zürich",
    "caf\u00e9, na\u00efve, co\u0301mbining",
    "日本語のメッセージ",
    "refund 😀 please",
    "snake_case and_so_on",
    "£20 + €30 = 3/4",
    "1.234,56 EUR re-billed; e-mail me@example.com",
    "\u00a0non\u00a0breaking\u00a0order",
    "password" * 50,
)

Texts = list[str]
Labels = npt.NDArray[np.str_]


@dataclass(frozen=True)
class Split:
    """The messages, split once into some to learn from and some that no choice has seen."""

    train_texts: Texts
    held_out_texts: Texts
    train_labels: Labels
    held_out_labels: Labels

    @classmethod
    def of_messages(cls) -> "Split":
        """`data/messages.csv`: a category and a message in each row."""
        with (FOLDER / "data" / "messages.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        texts = [row["message"] for row in rows]
        labels = np.array([row["category"] for row in rows])
        parts = train_test_split(texts, labels, test_size=HELD_OUT_SHARE, random_state=SEED, stratify=labels)
        return cls(*parts)


def candidates() -> dict[str, Any]:
    """Return the estimators to choose from, by the name that the card gives them."""
    return {
        f"tf-idf of {words}, logistic regression, C={strength}": make_pipeline(
            TfidfVectorizer(ngram_range=ngrams),
            LogisticRegression(C=strength, max_iter=1000),
        )
        for words, ngrams in {"words": (1, 1), "words and pairs": (1, 2)}.items()
        for strength in (3, 30, 300)
    }


def cross_validated_log_loss(split: Split) -> dict[str, float]:
    """Mean log loss of each candidate in 3 folds of the training messages (lower is better)."""
    folds = StratifiedKFold(n_splits=3, shuffle=True, random_state=SEED)
    return {
        name: -float(
            cross_val_score(
                estimator, split.train_texts, split.train_labels, scoring="neg_log_loss", cv=folds
            ).mean()
        )
        for name, estimator in candidates().items()
    }


def train(split: Split, name: str) -> Package:
    """Fit a candidate and package it; exit if the package and scikit-learn disagree on a message."""
    estimator = candidates()[name].fit(split.train_texts, split.train_labels)
    accuracy = float(accuracy_score(split.held_out_labels, estimator.predict(split.held_out_texts)))
    trained = Trained(
        model=estimator,
        samples=[*split.held_out_texts, *ODD_TEXTS],
        reference=split.train_texts,
        metrics={"accuracy": round(accuracy, 4)},
    )
    try:
        return build(trained, name=NAME, version=VERSION).package
    except PackagingError as error:
        sys.exit(f"error: {error}")


def render_card(split: Split, scores: dict[str, float], chosen: str, package: Package) -> str:
    """Write the model card; every figure in it is measured on the bytes of the package."""
    truth = split.held_out_labels
    model = package.files["model.onnx"]
    predictions = Predictions.of(model, np.array(split.held_out_texts, np.object_))
    recalls = recall_score(truth, predictions.labels, labels=CATEGORIES, average=None)
    correct = int((predictions.labels == truth).sum())
    loss = log_loss(truth, predictions.probabilities, labels=CATEGORIES)
    libraries = made_with("scikit-learn", "skl2onnx", "onnx", "onnxruntime", "numpy")
    score_rows = "\n".join(
        f"| {name} | {score:.2f} |{' chosen' if name == chosen else ''} |" for name, score in scores.items()
    )
    recall_rows = "\n".join(
        f"| recall {name} | {recall:.4f} |" for name, recall in zip(CATEGORIES, recalls, strict=True)
    )
    return f"""# Model card: messages

Says what a short English message to a shop's customer service is about: {", ".join(CATEGORIES)}.

Written by `train.py`; `python models/text-classification/train.py --check` proves every figure below.

| | |
|---|---|
| package | `package/`, {package.size} bytes |
| sha256 | `{package.sha256}` (of `modelberth.json`) |
| kind | {chosen} |
| input | `input`, string, shape [rows]: the text itself; the tokenizer is in the graph |
| output | `label`, string, shape [rows] |
| output | `probabilities`, float32, shape [rows, {len(CATEGORIES)}], in the order {", ".join(CATEGORIES)} |
| example | `{json.dumps(package.manifest["example"][:1])}` |

## Data

{len(split.train_texts) + len(truth)} messages in `data/messages.csv`, as many of each category. All are
invented: they were written for this example (Apache-2.0, like the rest of the repository), one by one and
without a template; no customer wrote them, and nobody's mail is in them. Those that are held out were made up
together with the others, so real mail will be harder.

Split: {len(split.train_texts)} messages to train, {len(truth)} held out, stratified by category, seed {SEED}.

## Choice

Mean log loss in 3-fold cross-validation of the training messages; the held-out ones took no part in the
choice.

| candidate | log loss | |
|---|---|---|
{score_rows}

## Quality on the {len(truth)} held-out messages

Measured with ONNX Runtime on `package/model.onnx`.

| metric | value |
|---|---|
| accuracy | {accuracy_score(truth, predictions.labels):.4f} ({correct} of {len(truth)}) |
| log loss | {loss:.4f} |
{recall_rows}

## Tokenizer

Words are runs of at least two letters, digits or underscores of any script, in lower case. The package splits
and scores {len(ODD_TEXTS)} odd texts as scikit-learn does (empty, emoji, accents, Japanese, non-breaking
spaces), within 1e-5. One known difference: capitals outside ASCII are not lowered, so the few that have an
ASCII small letter, such as the Kelvin sign, are read differently.

## Use and limits

For demonstration and for tests of the serving path. It knows words, not meaning, in English only; every text
gets one of the five names, also one that is about something else. With {len(truth)} held-out messages, one
more or less moves the accuracy by {100 / len(truth):.1f} percentage points. Not for decisions about people
without somebody who reads the message.

{libraries}
"""


def difference(split: Split, package: Package, other: Package) -> str | None:
    """Say how two packages differ on the held-out messages, or None."""
    texts = np.array(split.held_out_texts, np.object_)
    ours, theirs = (Predictions.of(made.files["model.onnx"], texts) for made in (package, other))
    return ours.difference(theirs, tolerance=1e-3)


def training() -> Training:
    """Split, choose and train."""
    split = Split.of_messages()
    scores = cross_validated_log_loss(split)
    chosen = min(scores, key=scores.__getitem__)
    return Training(
        package=train(split, chosen),
        card=partial(render_card, split, scores, chosen),
        difference=partial(difference, split),
    )


if __name__ == "__main__":
    sys.exit(main(FOLDER, training))
