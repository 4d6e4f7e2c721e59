"""The three use cases: what is committed is what their cards say, and it answers as they say."""

import base64
import importlib.util
import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnxruntime
import pytest

from modelberth.packaging import MANIFEST, Package
from support.project import REPOSITORY

MODELS = REPOSITORY / "models"
EXAMPLES = ("image-classification", "text-classification", "recommendation")


def imported(file: Path) -> ModuleType:
    name = f"{file.parent.name}_{file.stem}".replace("-", "_")
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def committed(example: str) -> Package:
    package: Package = imported(MODELS / "committed.py").committed(MODELS / example / "package")
    return package


def session(example: str) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(MODELS / example / "package" / "model.onnx")


def manifest(example: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((MODELS / example / "package" / MANIFEST).read_text())
    return told


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_folder_holds_what_the_manifest_pins_and_no_pickle(example: str) -> None:
    folder = MODELS / example / "package"
    package = committed(example)
    assert package.manifest_bytes == (folder / MANIFEST).read_bytes()
    assert {path.name for path in folder.iterdir() if path.name != "__pycache__"} == Package.files_in(folder)
    assert package.size < 1_000_000
    card = (MODELS / example / "MODEL_CARD.md").read_text()
    assert f"`{package.sha256}`" in card
    for heading in ("Data", "Choice", "Use and limits"):
        assert f"\n## {heading}\n" in card
    assert manifest(example)["parity"]["rows"] >= 100
    assert manifest(example)["parity"]["compared"]


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_check_passes_and_notices_a_wrong_card_and_another_model(
    example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train = imported(MODELS / example / "train.py")
    training = train.training()
    monkeypatch.setattr(sys, "argv", ["train.py", "--check"])

    def checked(folder: Path) -> tuple[int, str]:
        status = train.main(folder, lambda: training)
        return status, capsys.readouterr().err

    assert checked(MODELS / example) == (0, "")
    card = (MODELS / example / "MODEL_CARD.md").read_text()
    for folder, text in (("wrong", card.replace("0.", "0.9")), ("other", card)):
        copy = tmp_path / folder
        committed(example).write(copy / "package")
        (copy / "MODEL_CARD.md").write_text(text)
    (tmp_path / "other" / "package" / "model.onnx").write_bytes(b"another")
    for folder, problem in (
        ("wrong", "MODEL_CARD.md does not say what was measured"),
        ("other", "does not pin the files"),
    ):
        status, said = checked(tmp_path / folder)
        assert status == 1
        assert problem in said


def test_training_that_comes_to_another_model_is_noticed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train = imported(MODELS / "recommendation" / "train.py")
    monkeypatch.setattr(sys, "argv", ["train.py", "--check"])
    another = train.train(train.Split.of_interactions(), "item-based, shrinkage 0")
    training = replace(train.training(), package=another)
    assert train.main(train.FOLDER, lambda: training) == 1
    assert "training again gives another model" in capsys.readouterr().err


def test_digits_of_any_size_are_read() -> None:
    train = imported(MODELS / "image-classification" / "train.py")
    split = train.Split.of_digits()
    model = (MODELS / "image-classification" / "package" / "model.onnx").read_bytes()
    for times, least in ((1, 0.97), (4, 0.93)):
        pictures = train.enlarged(split.held_out_pictures, times)
        assert (train.Predictions.of(model, pictures).labels == split.held_out_labels).mean() > least
    wide = split.held_out_pictures[:3].repeat(2, axis=2)
    assert train.Predictions.of(model, wide).probabilities.shape == (3, 10)


def test_pictures_come_as_pixels_or_as_pgm_and_others_are_refused() -> None:
    preprocess = imported(MODELS / "image-classification" / "package" / "preprocess.py").preprocess
    pixels = [[0, 128, 255], [1, 2, 3]]
    file = base64.b64encode(b"P5\n# a comment\n3 2\n255\n" + bytes([0, 128, 255, 1, 2, 3])).decode()
    read = preprocess([pixels, file])["image"]
    assert read.dtype == np.uint8
    assert read.tolist() == [pixels, pixels]
    refused: dict[str, list[Any]] = {
        "not base64": ["%%%"],
        "not a binary PGM": [base64.b64encode(b"GIF89a").decode()],
        "5 pixels for 3x2": [base64.b64encode(b"P5 3 2 255\n12345").decode()],
        "a pixel is 0 or 256": [[[0, 256]]],
        "whole numbers": [[[0.5]]],
        "different lengths": [[[1, 2], [3]]],
        "expected rows of pixels": [7],
        r"instances\[1\]: pictures of 1x1 and 2x1": [[[1, 2]], [[1]]],
    }
    for message, instances in refused.items():
        with pytest.raises(ValueError, match=message):
            preprocess(instances)


def test_messages_are_sorted_by_what_they_are_about() -> None:
    texts = {
        "billing": "Why was my card charged twice for this invoice?",
        "delivery": "The courier says the parcel was delivered, it is not here.",
        "cancellation": "I want to cancel my contract at the end of the month.",
        "technical": "The app crashes after the update.",
        "account": "I cannot log in, the password reset mail never comes.",
    }
    labels, _ = session("text-classification").run(None, {"input": np.array([*texts.values()], np.object_)})
    assert labels.tolist() == list(texts)


def test_the_messages_are_varied() -> None:
    rows = (MODELS / "text-classification" / "data" / "messages.csv").read_text().splitlines()[1:]
    messages = [row.split(",", 1)[1] for row in rows]
    assert len(set(messages)) == len(messages) >= 1300
    assert len(set(Counter(row.split(",", 1)[0] for row in rows).values())) == 1, "as many of each category"
    openings = {" ".join(message.split()[:3]).lower() for message in messages}
    assert len(openings) > 0.8 * len(messages), "no template"


def test_recommendations_are_new_ranked_and_better_than_popular_ones() -> None:
    train = imported(MODELS / "recommendation" / "train.py")
    generate = imported(MODELS / "recommendation" / "generate.py")
    rows = generate.FILE.read_text().splitlines()[1:]
    assert [f"{user},{item}" for user, item in generate.generate()] == rows
    split = train.Split.of_interactions()
    seen = split.train | split.validation
    assert not (seen & split.held_out).any()
    users = np.arange(len(seen))
    items, scores = session("recommendation").run(None, {"user": users})
    assert not np.take_along_axis(seen, items, axis=1).any()
    assert (np.diff(scores, axis=1) <= 0).all()
    assert np.isfinite(scores).all()
    assert all(len(set(row)) == train.TOP for row in items.tolist())
    popular = train.top(np.broadcast_to(seen.sum(axis=0).astype(np.float64), seen.shape), seen)
    assert train.recall(items, split.held_out) > 1.5 * train.recall(popular, split.held_out)
    # By hand: of two wanted items one is found, in the second place.
    wanted = np.zeros((1, 20), np.bool_)
    wanted[0, [3, 19]] = True
    chosen = np.array([[0, 3, 1, 2, 4, 5, 6, 7, 8, 9]])
    assert train.recall(chosen, wanted) == 0.5
    assert train.ndcg(chosen, wanted) == pytest.approx((1 / np.log2(3)) / (1 + 1 / np.log2(3)))
