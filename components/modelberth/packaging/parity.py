"""Whether a converted model answers as the original does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from modelberth.packaging.errors import ParityError
from modelberth.packaging.trained import Array

__all__ = ["TOLERANCE", "Parity", "compare"]

TOLERANCE: Final = 1e-5
"""float32 arithmetic in ONNX Runtime against float64 in the framework, for numbers of about 1."""


@dataclass(frozen=True, slots=True)
class Parity:
    """Two models answered alike.

    Attributes:
        rows: number of rows on which they were compared
        outputs: names of the outputs that were compared
        widest: the largest difference of two numbers, as a share of the original's where that is above 1
        tolerance: the largest that was allowed

    """

    rows: int
    outputs: tuple[str, ...]
    widest: float
    tolerance: float


def compare(expected: Mapping[str, Array], got: Mapping[str, Array], tolerance: float = TOLERANCE) -> Parity:
    """Compare the outputs of the original, `expected`, with those of the package.

    Labels (integers, booleans, strings) have to be equal. Numbers may differ by `tolerance`, or by that share
    of the original's number where it is above 1.

    Raises:
        ParityError: names the first row and column that differ, and both values.

    """
    widest, rows = 0.0, 0
    for name, array in expected.items():
        original, converted = _columns(np.asarray(array)), _columns(np.asarray(got[name]))
        if original.shape != converted.shape:
            raise ParityError(
                f"output {name}: the original gives {_shape(original)}, the package {_shape(converted)}"
            )
        rows = max(rows, len(original))
        if original.dtype.kind == "f" and converted.dtype.kind == "f":
            differences = _relative(original.astype(np.float64), converted.astype(np.float64))
            widest = max(widest, float(differences.max(initial=0.0)))
            wrong = differences > tolerance
            allowed = f", allowed is {tolerance:g}"
        else:
            original, converted = _labels(original), _labels(converted)
            wrong = original != converted
            allowed = ""
        if wrong.any():
            row, column = (int(index) for index in np.argwhere(wrong)[0])
            place = name if original.shape[1] == 1 else f"{name}[{column}]"
            raise ParityError(
                f"row {row}, column {place}: the original gives {_shown(original[row, column])}, the package "
                f"{_shown(converted[row, column])}{allowed}; {int(wrong.any(axis=1).sum())} of {len(wrong)} "
                "rows differ"
            )
    return Parity(rows, tuple(expected), widest, tolerance)


def _columns(array: Array) -> Array:
    """Rows by columns; scikit-learn's `[rows]` is ONNX's `[rows, 1]`."""
    return array.reshape(array.shape[0], -1) if array.ndim else array.reshape(1, 1)


def _relative(original: Array, converted: Array) -> Array:
    """The differences, as a share of the original's number where that is above 1; of two NaN, none."""
    with np.errstate(invalid="ignore"):
        differences: Array = np.abs(original - converted) / np.maximum(1.0, np.abs(original))
    differences[(original == converted) | (np.isnan(original) & np.isnan(converted))] = 0.0
    return np.where(np.isnan(differences), np.inf, differences)


def _labels(array: Array) -> Array:
    """Labels in a form in which those of two libraries compare: 1, 1.0 and True are one label."""
    if array.dtype.kind in "biuf":
        return array.astype(np.float64)
    return array.astype(np.str_)


def _shown(value: Any) -> str:
    value = value.item() if hasattr(value, "item") else value
    return f"{value:.9g}" if isinstance(value, float) else repr(value)


def _shape(array: Array) -> str:
    return f"{array.shape[0]} rows of {array.shape[1]}"
