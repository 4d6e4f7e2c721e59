"""What a model answers to many rows, computed as the server would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from modelberth.packaging import SourceError
from modelberth_server.model.session import Inference
from modelberth_server.model.signature import Signature
from modelberth_server.tensors import Array

__all__ = ["answers", "answers_as_served"]

_CHUNK: Final = 256
"""Rows computed at once."""
_TRIED: Final = 32


def answers(
    inference: Inference, signature: Signature, inputs: Mapping[str, Array], *, together: int = _CHUNK
) -> dict[str, Array]:
    """Compute every output for all rows, `together` at a time.

    Where the rows are not the first dimension of an output, as in the scores of a forest with several
    targets, one row at a time gives `[rows, ...]` of what each run gave.

    Raises:
        RequestError: the model cannot take the rows.
        SourceError: an output has another shape in each run.

    """
    names = [spec.name for spec in signature.outputs]
    rows = len(next(iter(inputs.values())))
    parts = [
        inference.run({name: array[start : start + together] for name, array in inputs.items()}, names)
        for start in range(0, rows, together)
    ]
    sizes = [min(together, rows - start) for start in range(0, rows, together)]
    return {
        name: _joined(name, arrays, sizes)
        for name, arrays in zip(names, zip(*parts, strict=True), strict=True)
    }


def answers_as_served(
    inference: Inference, signature: Signature, inputs: Mapping[str, Array]
) -> tuple[dict[str, Array], bool]:
    """Compute every output as the server does: requests are batched if rows do not depend on each other.

    Returns:
        The outputs by name, and whether rows give together what each gives alone.

    Raises:
        RequestError: the model cannot take the rows.
        SourceError: an output has another shape for each row.

    """
    few = {name: array[:_TRIED] for name, array in inputs.items()}
    whole, alone = (answers(inference, signature, few, together=count) for count in (_TRIED, 1))
    batches = all(_are_alike(whole[name], array) for name, array in alone.items())
    return answers(inference, signature, inputs, together=_CHUNK if batches else 1), batches


def _joined(name: str, parts: Sequence[Any], sizes: Sequence[int]) -> Array:
    """Join the runs of so many rows each; a single run of several rows stays as it is."""
    arrays = [np.asarray(part) for part in parts]
    is_by_row = all(array.shape[:1] == (size,) for array, size in zip(arrays, sizes, strict=True))
    shapes = {array.shape[1:] if is_by_row else array.shape for array in arrays}
    if len(shapes) > 1:
        found = " and ".join(str(list(shape)) for shape in sorted(shapes)[:2])
        raise SourceError(
            f"PACKAGE: the output {name} has another shape from run to run, {found}: variants cannot be "
            "compared by it"
        )
    if is_by_row:
        return np.concatenate(arrays)
    return np.stack(arrays) if sizes[0] == 1 else arrays[0]


def _are_alike(whole: Array, alone: Array) -> bool:
    if whole.shape != alone.shape:
        return False
    if alone.dtype.kind == "f":
        return np.allclose(whole, alone, rtol=1e-3, atol=1e-5, equal_nan=True)
    return bool((whole == alone).all())
