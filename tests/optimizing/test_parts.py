"""The choice, the clock, and what is cut out of a graph."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from modelberth.optimizing.answers import agreement, classes, difference
from modelberth.optimizing.choice import Floor, Verdict, judge
from modelberth.optimizing.held_out import Metric
from modelberth.optimizing.latency import interleaved
from modelberth.optimizing.neurons import remove_neurons
from modelberth.optimizing.not_applicable import NotApplicableError
from modelberth.optimizing.trees import remove_trees
from modelberth.packaging import SourceError


@dataclass(frozen=True)
class Figures:
    size: int
    value: float
    ratios: Sequence[float]
    batches: bool = True


ORIGINAL = Figures(1000, 0.95, [1, 1])
FLOOR = Floor.below(Metric.ACCURACY, 0.95, 0.01)


@pytest.mark.parametrize(
    ("candidates", "verdicts"),
    [
        # the fastest, though another one is smaller
        ([Figures(900, 0.95, [0.5, 0.5]), Figures(100, 0.95, [0.8, 0.8])], "chosen good"),
        # equally fast within 5%: the smallest
        ([Figures(900, 0.95, [0.50, 0.5]), Figures(100, 0.95, [0.51, 0.52])], "good chosen"),
        # the fastest is not good enough; exactly at the floor is
        ([Figures(10, 0.93, [0.1, 0.1]), Figures(900, 0.94, [0.9, 0.9])], "worse chosen"),
        # twice as slow for one row and four times as fast for 32 is faster
        ([Figures(1000, 0.95, [2, 0.25])], "chosen"),
        ([Figures(990, 0.95, [0.98, 0.99])], "no gain"),
        ([Figures(100, 0.99, [1.3, 1.3])], "slower"),
        ([Figures(100, 0.95, [1.04, 1.0])], "chosen"),
        ([Figures(100, 0.95, [0.5, 0.5], batches=False), Figures(500, 0.95, [0.9, 0.9])], "alone chosen"),
        ([], ""),
    ],
)
def test_the_choice(candidates: list[Figures], verdicts: str) -> None:
    found = judge(candidates, ORIGINAL, FLOOR)
    assert " ".join(found) == verdicts


def test_a_method_that_was_asked_for_may_be_slower() -> None:
    assert judge([Figures(100, 0.95, [1.3, 1.3])], ORIGINAL, FLOOR, asked=True) == [Verdict.CHOSEN]


def test_the_floors() -> None:
    rmse = Floor.below(Metric.RMSE, 50.0, 0.1)
    assert rmse.holds(55.0)
    assert not rmse.holds(55.1)
    assert str(rmse) == "rmse at most 55.0000"
    least = Floor.at(Metric.MACRO_F1, 0.9)
    assert least.holds(0.9)
    assert not least.holds(0.899)
    with pytest.raises(SourceError, match="--min-accuracy: the metric is rmse"):
        Floor.at(Metric.RMSE, 0.9)


def test_models_are_timed_in_turns_and_compared_with_the_first() -> None:
    now, calls = 0.0, []

    def taking(name: str, seconds: float) -> Callable[[int], None]:
        def run(number: int) -> None:
            nonlocal now
            now += seconds * (10 if number == 7 else 1)
            calls.append(name)

        return run

    timings = interleaved([taking("a", 0.004), taking("b", 0.001)], clock=lambda: now, rounds=60)
    assert [timing.median for timing in timings] == pytest.approx([0.004, 0.001])
    assert [timing.ratio for timing in timings] == pytest.approx([1, 0.25])
    assert 0.004 < timings[0].p99 <= 0.04
    measured = calls[20:]  # after the warm-up
    assert len(measured) == 120
    assert measured == ["a", "b", "b", "a"] * 30


def test_a_slow_model_is_timed_less_often() -> None:
    now, calls = 0.0, 0

    def run(_: int) -> None:
        nonlocal now, calls
        now += 1.0
        calls += 1

    interleaved([run], clock=lambda: now)
    assert calls == 10 + 50


def network(*, transposed: bool, bias: str) -> onnx.ModelProto:
    """`x [rows, 3]` → 4 neurons → `y [rows, 2]`; neuron 1 does nothing, neuron 3 copies neuron 0."""
    first = np.array([[1, 0, 2, 1], [0, 0, 1, 0], [1, 0, -1, 1]], np.float32)
    second = np.array([[1, 2], [0, 0], [3, 1], [1, 2]], np.float32)
    tensors = {"w": first.T if transposed else first, "v": second.T if transposed else second}
    tensors |= {"b": np.array([0.5, 0, 0, 0.5], np.float32), "c": np.array([1, -1], np.float32)}
    if bias == "gemm":
        options = {"transB": 1} if transposed else {}
        before = [helper.make_node("Gemm", ["x", "w", "b"], ["h"], **options)]
        after = [helper.make_node("Gemm", ["a", "v", "c"], ["y"], **options)]
    else:
        before = [helper.make_node("MatMul", ["x", "w"], ["g"]), helper.make_node("Add", ["b", "g"], ["h"])]
        after = [helper.make_node("MatMul", ["a", "v"], ["z"]), helper.make_node("Add", ["z", "c"], ["y"])]
    graph = helper.make_graph(
        [*before, helper.make_node("Relu", ["h"], ["a"]), *after],
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 2])],
        [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in tensors.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def computed(model: onnx.ModelProto, rows: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (values,) = session.run(None, {"x": rows})
    return np.asarray(values)


X = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)


@pytest.mark.parametrize(("transposed", "bias"), [(False, "gemm"), (True, "gemm"), (False, "add")])
def test_a_neuron_that_does_nothing_is_not_missed(transposed: bool, bias: str) -> None:
    model = network(transposed=transposed, bias=bias)
    before = computed(model, X)
    assert remove_neurons(model, 0.25, None) == 1
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    assert shapes["b"] == (3,)
    assert shapes["w"] == (3, 3)
    assert shapes["v"] == ((2, 3) if transposed else (3, 2))
    assert computed(model, X) == pytest.approx(before, abs=1e-6)


def test_with_calibration_rows_the_others_stand_in_for_a_neuron() -> None:
    blind, fitted = (network(transposed=False, bias="gemm") for _ in range(2))
    before = computed(blind, X)
    assert remove_neurons(blind, 0.5, None) == remove_neurons(fitted, 0.5, {"x": X[:25]}) == 2
    assert np.abs(computed(blind, X) - before).max() > 0.5
    assert computed(fitted, X) == pytest.approx(before, abs=0.01)


def test_a_layer_that_is_also_an_output_or_shared_is_left_alone() -> None:
    shown = network(transposed=False, bias="gemm")
    shown.graph.output.append(helper.make_tensor_value_info("a", TensorProto.FLOAT, ["rows", 4]))
    shared = network(transposed=False, bias="gemm")
    shared.graph.node.append(helper.make_node("Identity", ["w"], ["unused"]))
    for model in (shown, shared):
        assert remove_neurons(model, 0.5, None) == 0


def test_ensembles_that_cannot_be_read_are_refused() -> None:
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["x"],
        ["y"],
        domain="ai.onnx.ml",
        nodes_treeids=[0, 1],
        target_weights_as_tensor=numpy_helper.from_array(np.zeros(2)),
    )
    model = network(transposed=False, bias="gemm")
    model.graph.node.append(node)
    with pytest.raises(NotApplicableError, match=r"precision are not read \(target_weights_as_tensor\)"):
        remove_trees(model, 0.5)
    model.graph.node[-1].op_type = "TreeEnsemble"
    with pytest.raises(NotApplicableError, match=r"TreeEnsemble of ai\.onnx\.ml 5 is not read"):
        remove_trees(model, 0.5)


def test_what_two_models_say_alike() -> None:
    scores = {"scores": np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]], np.float32)}
    flipped = {"scores": np.array([[0.8, 0.2], [0.3, 0.7], [0.6, 0.4]], np.float32)}
    assert classes(scores, ("no", "yes"), 3) == pytest.approx(np.array(["no", "yes", "yes"]))
    assert agreement(scores, flipped, None, 3) == pytest.approx(2 / 3)
    assert difference(scores, flipped) == pytest.approx(0.2, abs=1e-6)
    ranked = {"items": np.array([[1, 2], [3, 4]]), "scores": np.array([[1, 2], [3, 4]], np.float32)}
    moved = {"items": np.array([[1, 2], [4, 3]]), "scores": ranked["scores"]}
    assert agreement(ranked, moved, None, 2) == 0.5
    values = {"y": np.array([[0.0], [10.0], [np.nan]], np.float32)}  # their standard deviation is 5
    near = {"y": np.array([[0.049], [10.051], [np.nan]], np.float32)}
    assert agreement(values, near, None, 3) == pytest.approx(2 / 3)
    assert difference(values, {"y": np.array([[0.0], [10.0], [1.0]], np.float32)}) == np.inf
