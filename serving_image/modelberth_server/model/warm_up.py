"""The first runs of a model: they make the next ones fast, and show how it may be run.

Three things are measured rather than believed: that rows of different requests can share a batch (a model
that normalises over its batch would give each caller a part of the others' data); that a batch saves time;
and that a run is so short that the event loop can do it itself.
"""

import itertools
import logging
import math
import time
from typing import Final

import numpy as np

from modelberth_server.errors import RequestError
from modelberth_server.model.session import Model
from modelberth_server.tensors import Array, TensorSpec, decode

__all__ = ["made_up_inputs", "warm_up"]

RUNS: Final = 3
ROWS: Final = 3
# What these do not win together, more of them hardly do. To find that out with a whole batch would take a
# classifier of pictures 1.5 s of its start, and 400 MB that ONNX Runtime keeps.
FEW_ROWS: Final = 4
# A hand-over to a thread and back costs about 0.1 ms and a switch of the interpreter lock up to 5 ms.
QUICK_SECONDS: Final = 0.001
# Batches of runs this long hardly pay on a CPU, and the proof would delay the start.
TOO_LONG_SECONDS: Final = 0.05
# The most that a batch may take, against its rows one by one. A convolution over a picture takes 0.95, since
# it keeps the core busy alone; an ensemble of 100 trees 0.25.
WORTH_IT: Final = 0.7
_GOLDEN_RATIO: Final = (5**0.5 - 1) / 2

logger = logging.getLogger(__name__)


def warm_up(model: Model, *, max_rows: int, has_loops: bool) -> None:
    """Run the model so that the first request finds threads, memory and kernels in place; set what it may do.

    Args:
        model: just opened
        max_rows: rows of the largest batch
        has_loops: whether how long it computes may depend on the values that it is given

    """
    try:
        seconds = _time(model, made_up_inputs(model, 1, same=True))
        if max_rows > 1 and seconds < TOO_LONG_SECONDS and _rows_are_free(model):
            few = min(FEW_ROWS, max_rows)
            model.batches = _together(model, few, seconds) is not None and _batch_is_sum_of_rows(model)
        if model.batches:
            together = _together(model, max_rows, seconds)
            if together is None:
                model.batches = False
            else:
                seconds = together
    except RequestError as error:
        # One row of zeros is a guess where dimensions are dynamic; a model need not accept it.
        logger.warning("no warm-up, the first request may be slow: %s", error.message)
    else:
        model.quick = seconds < QUICK_SECONDS and not has_loops


def _time(model: Model, inputs: dict[str, Array]) -> float:
    """Return the seconds of the shortest of a few runs."""
    outputs = [spec.name for spec in model.signature.outputs]
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        model.run(inputs, outputs)
        times.append(time.perf_counter() - began)
    return min(times)


def _together(model: Model, rows: int, alone: float) -> float | None:
    """Return the seconds of so many rows as a batch; None where it is not worth it, against each `alone`.

    Each caller would wait for all the others then, and nobody would win.
    """
    seconds = _time(model, made_up_inputs(model, rows, same=False))
    return seconds if seconds <= WORTH_IT * rows * alone else None


def _rows_are_free(model: Model) -> bool:
    signature = model.signature
    return bool(signature.inputs) and all(
        spec.shape and spec.shape[0] == -1 for spec in (*signature.inputs, *signature.outputs)
    )


def _batch_is_sum_of_rows(model: Model) -> bool:
    """Tell whether different rows give together what each gives alone, wherever it can be tried."""
    names = [spec.name for spec in model.signature.outputs]
    proven = False
    for inputs in (made_up_inputs(model, ROWS, same=False), _all_made_up(model, ROWS, same=False)):
        if not _rows_differ(inputs):
            # Equal rows say nothing: their mean is each of them.
            continue
        try:
            together = model.run(inputs, names)
            alone = [
                model.run({name: array[row : row + 1] for name, array in inputs.items()}, names)
                for row in range(ROWS)
            ]
        except RequestError:
            # Made-up values can be out of the model's range.
            continue
        proven = all(
            _equal(whole, parts) for whole, parts in zip(together, zip(*alone, strict=True), strict=True)
        )
        if not proven:
            break
    return proven


def _rows_differ(inputs: dict[str, Array]) -> bool:
    return any(not (array[1:] == array[:1]).all() for array in inputs.values())


def _equal(whole: Array, parts: tuple[Array, ...]) -> bool:
    if len(whole) != ROWS or any(len(part) != 1 or part.shape[1:] != whole.shape[1:] for part in parts):
        return False
    joined = np.concatenate(parts)
    if whole.dtype.kind == "f":
        # A matrix product adds up in another order for another number of rows.
        return np.allclose(joined, whole, rtol=1e-3, atol=1e-5, equal_nan=True)
    return bool((joined == whole).all())


def made_up_inputs(model: Model, rows: int, *, same: bool) -> dict[str, Array]:
    """Return inputs to try: the model's example rows, else ones from -2 to 2, or zeros with `same`."""
    specs = model.signature.inputs
    example = model.signature.example
    if example is not None and len(specs) == 1 and model.signature.preprocess is None:
        try:
            array = decode(example, specs[0].datatype, specs[0].shape, "example")
        except RequestError as error:
            logger.warning("the example that the model carries does not fit its input: %s", error.message)
        else:
            if len(array) > 1 or rows == 1:
                return {specs[0].name: np.resize(array, (rows, *array.shape[1:]))}
    return _all_made_up(model, rows, same=same)


def _all_made_up(model: Model, rows: int, *, same: bool) -> dict[str, Array]:
    return {spec.name: _made_up(spec, rows, same=same) for spec in model.signature.inputs}


def _made_up(spec: TensorSpec, rows: int, *, same: bool) -> Array:
    shape = [max(size, 1) for size in spec.shape]
    if shape and spec.shape[0] == -1:
        shape[0] = rows
    kind = spec.datatype.dtype.kind
    if kind == "O":
        words = itertools.cycle(("",) if same else ("a", "b c", "d"))
        return np.array(list(itertools.islice(words, math.prod(shape))), np.object_).reshape(shape)
    if same:
        return np.zeros(shape, spec.datatype.dtype)
    # Multiples of the golden ratio spread evenly over [0, 1); numpy.random takes 2% of the start to import.
    spread = np.arange(math.prod(shape)) * _GOLDEN_RATIO % 1
    values = 4 * spread - 2 if kind == "f" else spread < 0.5
    return values.reshape(shape).astype(spec.datatype.dtype)
