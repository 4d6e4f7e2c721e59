"""The committed iris model is what its card says, and its check notices when it is not."""

import importlib.util
import os
import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import onnxruntime
import pytest
from sklearn.datasets import load_iris

from serving.models import IRIS

FOLDER = IRIS.parent
CARD = FOLDER / "MODEL_CARD.md"


@pytest.fixture(scope="module")
def train() -> ModuleType:
    spec = importlib.util.spec_from_file_location("iris_train", FOLDER / "train.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class Trained:
    """What training gives, once for all tests."""

    def __init__(self, train: ModuleType) -> None:
        self.split = train.Split.of_iris()
        self.scores = train.cross_validated_log_loss(self.split)
        self.chosen = min(self.scores, key=self.scores.__getitem__)
        self.model = train.train(self.split, self.chosen)
        self.card = train.render_card(self.split, self.scores, self.chosen, self.model)


@pytest.fixture(scope="module")
def trained(train: ModuleType) -> Trained:
    return Trained(train)


def problems(train: ModuleType, trained: Trained, folder: Path, model: bytes, card: str) -> list[str]:
    (folder / "model.onnx").write_bytes(model)
    (folder / "MODEL_CARD.md").write_text(card)
    found: list[str] = train.check(folder, trained.model, trained.split, trained.scores, trained.chosen)
    return found


def test_training_again_gives_the_same_bytes(train: ModuleType, trained: Trained) -> None:
    """With the same libraries on the same machine; others may differ, so `--check` compares predictions."""
    assert train.train(trained.split, trained.chosen) == trained.model
    assert train.render_card(trained.split, trained.scores, trained.chosen, trained.model) == trained.card


def test_the_check_passes_on_what_is_committed(train: ModuleType, trained: Trained, tmp_path: Path) -> None:
    assert problems(train, trained, tmp_path, IRIS.read_bytes(), CARD.read_text()) == []
    other_versions = CARD.read_text().replace("Made with: ", "Made with: something else, ")
    assert problems(train, trained, tmp_path, IRIS.read_bytes(), other_versions) == []


def test_the_check_notices_another_model(train: ModuleType, trained: Trained, tmp_path: Path) -> None:
    renamed = trained.model.replace(b"virginica", b"virginicb")
    (problem,) = problems(train, trained, tmp_path, renamed, trained.card)
    assert "not the one in MODEL_CARD.md" in problem
    # Where the card matches the other model, only training again can tell.
    worst = train.train(trained.split, max(trained.scores, key=trained.scores.__getitem__))
    card = train.render_card(trained.split, trained.scores, trained.chosen, worst)
    (problem,) = problems(train, trained, tmp_path, worst, card)
    assert "training again gives another model" in problem


def test_the_command_writes_then_checks_and_notices_a_wrong_figure(
    train: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(train, "FOLDER", tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py"])
    assert train.main() == 0
    card = tmp_path / "MODEL_CARD.md"
    assert card.read_text().count("\n") == CARD.read_text().count("\n")
    monkeypatch.setattr(sys, "argv", ["train.py", "--check"])
    assert train.main() == 0
    assert capsys.readouterr() == ("", "")
    card.write_text(card.read_text().replace("| accuracy | 0.98", "| accuracy | 0.99"))
    assert train.main() == 1
    complaint = capsys.readouterr().err
    assert "-| accuracy | 0.99" in complaint
    assert "+| accuracy | 0.98" in complaint


def test_a_wrong_export_is_not_written(
    train: ModuleType, trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = iter([trained.model.replace(b"virginica", b"virginicb")])
    monkeypatch.setattr(train, "export", lambda _: next(others))
    with pytest.raises(SystemExit, match=r"not the trained one: \d+ of 60 labels differ"):
        train.train(trained.split, trained.chosen)


def test_it_names_flowers() -> None:
    data = load_iris()
    session = onnxruntime.InferenceSession(IRIS)
    labels, probabilities = session.run(None, {"input": data.data.astype(np.float32)})
    assert (labels == data.target_names[data.target]).mean() > 0.95
    assert probabilities.shape == (150, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_the_card_answers_what_a_reader_asks() -> None:
    card = CARD.read_text()
    for heading in ("Input", "Data", "Choice", "Quality on the 60 held-out rows", "Use and limits"):
        assert f"\n## {heading}\n" in card
    assert len(re.findall(r"^\| \d \| \w+ \w+ \| cm \|$", card, re.MULTILINE)) == 4
    assert len(re.findall(r"^\| recall \w+ \| [01]\.\d{4} \|$", card, re.MULTILINE)) == 3


def test_nothing_here_is_pickled() -> None:
    names = [name for _, _, files in os.walk(FOLDER) for name in files if not name.endswith(".pyc")]
    assert sorted(names) == ["MODEL_CARD.md", "model.onnx", "train.py"]
    assert not re.search(r"pickle|joblib", (FOLDER / "train.py").read_text())
