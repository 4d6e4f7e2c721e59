from typing import Any

import numpy as np
import pytest

from modelberth_server.errors import ModelError
from modelberth_server.model.signature import Signature
from modelberth_server.telemetry import drift
from modelberth_server.telemetry.bins import DEFAULT_EDGES, MAX_BINS, Classes, Edges, EdgeTable
from modelberth_server.telemetry.drift import MAX_COLUMNS, MOST_ROWS_A_SECOND, UNASKED_COLUMNS, Tracker
from modelberth_server.telemetry.stability import LEAST_ROWS, WINDOW_ROWS, stability_index
from modelberth_server.tensors import TensorSpec
from serving.watching import FLOAT, INT, IRIS, STRING

FEATURES = "modelberth_feature_bucket_total"
FEATURE_PSI = "modelberth_feature_psi"
PREDICTIONS = "modelberth_prediction_bucket_total"


@pytest.fixture(autouse=True)
def every_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count all rows, however fast they come."""
    monkeypatch.setattr(drift, "MOST_ROWS_A_SECOND", 10 * WINDOW_ROWS)


def reference(values: Any, bins: int = 10) -> dict[str, Any]:
    counts, edges = np.histogram(values, bins)
    return {"edges": edges.tolist(), "counts": counts.tolist()}


def model(*tensors: TensorSpec, inputs: int = 1) -> Signature:
    return Signature("m", "1", "a" * 64, tensors[:inputs], tensors[inputs:])


@pytest.mark.parametrize("seed", range(5))
def test_buckets_are_those_of_numpy(seed: int) -> None:
    """Integers lie on the edges, where two ways to count would differ."""
    random = np.random.default_rng(seed)
    training = random.integers(0, 20, 1000)
    table = [Edges(tuple(map(float, np.histogram(training, bins)[1]))) for bins in (5, 10, 17)]
    found = EdgeTable(table).indices(np.stack([training] * 3))
    for position, bins in enumerate((5, 10, 17)):
        counts = np.bincount(found[position], minlength=bins + 3)
        assert counts[1 : bins + 1].tolist() == np.histogram(training, bins)[0].tolist()
        assert counts[0] == counts[bins + 1] == counts[bins + 2] == 0


def test_what_lies_outside_and_what_is_missing_have_buckets_of_their_own() -> None:
    edges = Edges((0.0, 1.0, 2.0))
    assert edges.names == ("(-Inf,0)", "[0,1)", "[1,2]", "(2,+Inf)", "missing")
    values = np.array([[-np.inf, -1, 0, 1, 2, 2.1, np.inf, np.nan]], np.float32)
    assert EdgeTable([edges]).indices(values).tolist() == [[0, 0, 1, 2, 2, 3, 3, 4]]
    assert edges.folded(np.array([1, 2, 3, 4, 5])).tolist() == [3, 7]


def test_the_most_edges_still_count() -> None:
    edges = Edges(tuple(float(edge) for edge in range(MAX_BINS + 1)))
    assert EdgeTable([edges]).indices(np.array([[1e9, np.nan]])).tolist() == [[MAX_BINS + 1, MAX_BINS + 2]]


def test_the_stability_index_is_that_of_the_formula() -> None:
    actual, expected = np.array([30, 70]), np.array([500, 500])
    by_hand = (0.3 - 0.5) * np.log(0.3 / 0.5) + (0.7 - 0.5) * np.log(0.7 / 0.5)
    assert stability_index(actual, expected) == pytest.approx(by_hand)
    assert stability_index(expected, expected) == 0
    assert 0 < stability_index(np.array([0, 1]), np.array([1, 0])) < 20


def test_features_are_compared_with_the_reference() -> None:
    random = np.random.default_rng(1)
    training = random.normal(size=(20_000, 4))
    tracker = Tracker(IRIS, {"inputs": {"X": [reference(training[:, column]) for column in range(4)]}})
    moved = np.array([0, 0, 0.5, 5], np.float32)
    for start in range(0, 4000, 8):
        rows = random.normal(size=(8, 4)).astype(np.float32) + moved
        tracker.add({"X": rows}, {}, 8)
        if start == 0:
            assert not tracker.samples()[FEATURE_PSI], f"fewer than {LEAST_ROWS} rows tell nothing"
    samples = tracker.samples()
    index = {labels[-1]: numbers[0] for labels, numbers in samples[FEATURE_PSI].items()}
    assert index["0"] < 0.02
    assert index["1"] < 0.02
    assert 0.1 < index["2"] < 1
    assert index["3"] > 1
    for column in range(4):
        rows_of = [n[0] for labels, n in samples[FEATURES].items() if labels[3] == str(column)]
        assert len(rows_of) == 13
        assert sum(rows_of) == 4000
    assert samples[FEATURES]["iris", "3", "X", "0", "missing"] == [0]


def test_of_a_busy_server_a_sample_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(drift.time, "monotonic", lambda: now)
    monkeypatch.setattr(drift, "MOST_ROWS_A_SECOND", MOST_ROWS_A_SECOND)
    tracker = Tracker(IRIS, {"inputs": {"X": [reference(np.arange(100.0))] * 4}})
    rows = np.full((100, 4), 50.0)
    for second in range(3):
        now = 100.5 + second
        for _ in range(2 * MOST_ROWS_A_SECOND // 100):
            tracker.add({"X": rows}, {}, 100)
    counted = sum(numbers[0] for labels, numbers in tracker.samples()[FEATURES].items() if labels[3] == "0")
    assert counted == 3 * MOST_ROWS_A_SECOND


def test_the_index_forgets_and_the_counters_do_not() -> None:
    training = np.arange(100.0)
    tracker = Tracker(IRIS, {"inputs": {"X": [reference(training)] * 4}})
    good = np.tile(training[:, None], (1, 4))
    for rows in (good + 1000, good):
        for _ in range(2 * WINDOW_ROWS // 100):
            tracker.add({"X": rows}, {}, 100)
    samples = tracker.samples()
    assert samples[FEATURE_PSI]["iris", "3", "X", "0"][0] < 0.01
    assert samples[FEATURES]["iris", "3", "X", "0", "(99,+Inf)"] == [2 * WINDOW_ROWS]


def test_without_a_reference_only_predictions_are_counted() -> None:
    tracker = Tracker(IRIS, labels=["setosa", "versicolor", "virginica"])
    outputs = {"label": np.array([0, 2, 2, 9]), "scores": np.full((4, 3), 0.25, np.float32)}
    tracker.add({"X": np.zeros((4, 4), np.float32)}, outputs, 4)
    samples = tracker.samples()
    assert samples[FEATURES] == samples[FEATURE_PSI] == {}
    assert {labels[2:]: n for labels, n in samples[PREDICTIONS].items()} == {
        ("label", "0", "setosa"): [1],
        ("label", "0", "virginica"): [2],
        ("label", "0", "other"): [1],
        **{("scores", str(column), "[0.2,0.3)"): [4] for column in range(3)},
    }


def test_strings_are_only_named_if_they_are_labels() -> None:
    signature = model(TensorSpec("t", STRING, (-1, 1)), TensorSpec("y", STRING, (-1,)))
    given = {"inputs": {"t": [{"classes": ["a", "b"], "counts": [1, 3]}]}}
    tracker = Tracker(signature, given, ["yes"])
    texts = np.array([["a"], ["b"], ["b"], ["secret"]], object)
    tracker.add({"t": texts}, {"y": np.array(["yes", "no", "yes", "secret"], object)}, 4)
    samples = tracker.samples()
    assert "secret" not in str(samples)
    assert {labels[-1]: n[0] for labels, n in samples[FEATURES].items()} == {"b": 2, "a": 1, "other": 1}
    assert {labels[-1]: n[0] for labels, n in samples[PREDICTIONS].items()} == {"yes": 2, "other": 2}


def test_only_the_most_frequent_classes_have_buckets() -> None:
    classes = Classes.of(list(range(500)), [float(n) for n in range(500)])
    assert len(classes.names) == MAX_BINS + 1
    assert classes.names[0] == "499"
    assert classes.indices(np.array([499, 0, 7000])).tolist() == [0, MAX_BINS, MAX_BINS]
    assert classes.expected is not None
    assert classes.expected.sum() == sum(range(500))


def test_the_number_of_columns_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    signature = model(TensorSpec("w", FLOAT, (-1, 300)), TensorSpec("e", FLOAT, (-1, 768)))
    tracker = Tracker(signature, {"inputs": {"w": [reference([0, 1], 2)] * 300}})
    assert f"first {MAX_COLUMNS} of 300" in caplog.text
    tracker.add({"w": np.zeros((3, 300), np.float32)}, {"e": np.zeros((3, 768), np.float32)}, 3)
    samples = tracker.samples()
    assert len({labels[3] for labels in samples[FEATURES]}) == MAX_COLUMNS
    assert len({labels[3] for labels in samples[PREDICTIONS]}) == UNASKED_COLUMNS


def test_no_more_than_a_few_rows_are_held() -> None:
    tracker = Tracker(IRIS, {"inputs": {"X": [reference([0, 1], 2)] * 4}})
    most = 0
    for _ in range(2000):
        tracker.add({"X": np.zeros((1, 4), np.float32)}, {}, 1)
        most = max(most, len(tracker._pending))
    assert 1 < most <= 256


def test_an_output_of_another_shape_than_declared_is_left_out() -> None:
    tracker = Tracker(IRIS)
    for scores in (np.zeros((2, 3)), np.zeros((2, 5)), np.zeros((1, 2, 3)), np.zeros(()), None):
        outputs = {} if scores is None else {"scores": scores}
        tracker.add({"X": np.zeros((2, 4), np.float32)}, outputs, 2)
    counted = tracker.samples()[PREDICTIONS]
    assert [n for labels, n in counted.items() if labels[2:4] == ("scores", "0")] == [[2]]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"input": {}}, "reference: unknown key input"),
        ({"inputs": []}, "reference.inputs: expected an object"),
        ({"inputs": {"Y": []}}, "Y is no tensor of the model, which has X"),
        ({"inputs": {"X": []}}, r"reference.inputs.X: expected a list of 4"),
        ({"inputs": {"X": [{}] * 4}}, r"inputs.X\[0\]: expected an object with edges"),
        ({"inputs": {"X": [{"edges": [0, 1], "counts": [1, 2]}] * 4}}, r"X\[0\].edges: 2, expected one more"),
        ({"inputs": {"X": [{"edges": [1, 0], "counts": [1]}] * 4}}, r"X\[0\].edges: expected rising"),
        ({"inputs": {"X": [{"edges": [0, float("nan")], "counts": [1]}] * 4}}, r"X\[0\].edges\[1\]"),
        ({"inputs": {"X": [{"edges": [0, 1], "counts": [0]}] * 4}}, r"X\[0\].counts: expected numbers of"),
        ({"inputs": {"X": [{"edges": [0, 1], "counts": [True]}] * 4}}, r"X\[0\].counts\[0\]"),
        (
            {"inputs": {"X": [{"edges": list(range(200)), "counts": [1] * 199}] * 4}},
            r"X\[0\].edges: 200, at most 101",
        ),
        ({"outputs": {"label": [{"classes": [1, 1], "counts": [1, 2]}]}}, "2 different values"),
        ({"outputs": {"label": [{"classes": [1.5], "counts": [1]}]}}, "strings or integers"),
    ],
)
def test_a_bad_reference_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        Tracker(IRIS, given)


def test_tensors_that_are_no_tables_are_not_watched() -> None:
    image = TensorSpec("image", FLOAT, (-1, 3, 8, 8))
    given = {"inputs": {"image": [reference([0, 1], 2)]}}
    with pytest.raises(ModelError, match="only tensors"):
        Tracker(model(image), given)
    text = TensorSpec("text", STRING, (-1,))
    with pytest.raises(ModelError, match="strings have classes"):
        Tracker(model(text), {"inputs": {"text": [reference([0, 1], 2)]}})
    mask = TensorSpec("mask", INT, (-1, 8, 8))
    assert Tracker(model(image, mask)).outputs == ()
    assert len(DEFAULT_EDGES) < MAX_BINS
