"""Histograms of the training data, which the server compares with what it sees: drift."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from modelberth.packaging.errors import SourceError
from modelberth.packaging.trained import Array

__all__ = ["MAX_BINS", "MAX_COLUMNS", "histograms"]

MAX_BINS: Final = 20
MAX_COLUMNS: Final = 512
"""The manifest is read at every start; a picture's pixels are no features to watch one by one."""
_DIGITS: Final = 9  # what a float32 can tell apart


def histograms(values: Array, where: str) -> list[dict[str, list[Any]]]:
    """Count each column of `[rows]` or `[rows, columns]` in bins of about equal counts.

    Returns:
        For each column `edges`, ascending, and `counts`, one fewer; NaN is in no bin.

    Raises:
        SourceError: no numbers, too many columns, or a column without a number.

    """
    table = values.reshape(values.shape[0], -1)
    if table.dtype.kind not in "biuf" or values.ndim > 2 or table.shape[1] > MAX_COLUMNS:
        raise SourceError(
            f"{where}: shape {list(values.shape)}, type {values.dtype}; allowed: numbers [rows, columns] "
            f"with at most {MAX_COLUMNS} columns"
        )
    return [_histogram(column, f"{where}: column {index}") for index, column in enumerate(table.T)]


def _histogram(column: Array, where: str) -> dict[str, list[Any]]:
    numbers = column.astype(np.float64)
    numbers = numbers[np.isfinite(numbers)]
    if not numbers.size:
        raise SourceError(f"{where}: has no number")
    quantiles = np.quantile(numbers, np.linspace(0, 1, MAX_BINS + 1))
    edges = np.unique([float(f"{edge:.{_DIGITS}g}") for edge in quantiles])
    if len(edges) == 1:  # a constant: one bin that holds it
        edges = np.array([edges[0], np.nextafter(np.float32(edges[0]), np.float32(np.inf))], np.float64)
    # Rounding may have moved the outer edges past the outermost numbers.
    counts, _ = np.histogram(np.clip(numbers, edges[0], edges[-1]), edges)
    return {"edges": edges.tolist(), "counts": counts.tolist()}
