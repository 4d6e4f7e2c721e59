"""What the first runs of a model find out, and what they take for it."""

import time
from collections.abc import Callable, Mapping, Sequence

import pytest
from onnx import TensorProto

from modelberth_server.model.session import Model
from modelberth_server.model.warm_up import FEW_ROWS, warm_up
from modelberth_server.tensors import Array
from serving.contracts import open_model
from serving.models import identity_model

MAX_ROWS = 64


def warmed(seconds: Callable[[int], float]) -> tuple[Model, list[int]]:
    """Warm a model up whose run takes so long for so many rows; return it and the rows of each run."""
    model = open_model(identity_model(("x", TensorProto.FLOAT, [None, 1])))
    run, seen = model.run, []

    def watched(inputs: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        seen.append(len(inputs["x"]))
        time.sleep(seconds(seen[-1]))
        return run(inputs, outputs)

    model.run = watched  # type: ignore[method-assign]
    warm_up(model, max_rows=MAX_ROWS, has_loops=False)
    return model, seen


def test_a_model_whose_rows_each_take_their_time_is_never_given_a_whole_batch() -> None:
    model, seen = warmed(lambda rows: 0.005 * rows)

    assert not model.batches
    assert not model.quick
    assert max(seen) == FEW_ROWS
    assert sum(seen) < MAX_ROWS


def test_a_model_that_takes_as_long_for_many_rows_as_for_one_is_given_batches() -> None:
    model, seen = warmed(lambda _: 0.002)

    assert model.batches
    assert not model.quick
    assert max(seen) == MAX_ROWS


def test_a_model_that_is_slow_with_a_whole_batch_alone_gets_none() -> None:
    model, seen = warmed(lambda rows: 0.002 if rows <= FEW_ROWS else 0.002 * rows)

    assert not model.batches
    assert max(seen) == MAX_ROWS


@pytest.mark.parametrize(("seconds", "quick"), [(0.0, True), (0.002, False)])
def test_a_quick_model_is_known_to_be(seconds: float, quick: bool) -> None:
    assert warmed(lambda _: seconds)[0].quick is quick
