"""What a model's outputs say about each row, and how far two models' outputs are apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from modelberth_server.tensors import Array

__all__ = ["agreement", "classes", "difference", "numbers", "shown_classes"]

_SAME: Final = 0.01
"""Share of a column's standard deviation by which two numbers may differ and be called the same."""


def classes(
    answers: Mapping[str, Array], labels: tuple[str | int, ...] | None, rows: int, targets: int = 1
) -> Array | None:
    """The class of each row, as text `[rows]`, or of several targets, `[rows, targets]`.

    It is the first output that has one whole number or string for a row and target. Where all outputs are
    fractions, it is the column of the largest score, by its name in `labels`; that tells one target only.
    None: the model does not tell classes.
    """
    discrete = [array for array in answers.values() if array.dtype.kind != "f"]
    for array in discrete:
        if array.size == rows * targets:
            texts = np.array([shown_classes(value) for value in array.ravel().tolist()])
            return texts if targets == 1 else texts.reshape(rows, targets)
    if discrete or targets > 1:  # a ranking has scores, too, in its own order
        return None
    for array in answers.values():
        if array.ndim == 2 and array.shape[1] > 1:
            columns = array.argmax(axis=1).tolist()
            named = labels is not None and len(labels) == array.shape[1]
            return np.array([shown_classes(labels[at] if named and labels else at) for at in columns])
    return None


def numbers(answers: Mapping[str, Array], rows: int, targets: int = 1) -> Array | None:
    """The first output that has so many numbers for a row, `[rows, targets]`."""
    found = (array for array in answers.values() if array.dtype.kind == "f" and array.size == rows * targets)
    return next((array.reshape(rows, targets).astype(np.float64) for array in found), None)


def shown_classes(value: Any) -> str:
    """A class in a form in which those of two files compare: 1, 1.0 and "1" are one class."""
    try:
        return f"{float(value):.12g}"
    except (TypeError, ValueError):
        return str(value)


def agreement(
    original: Mapping[str, Array],
    given: Mapping[str, Array],
    labels: tuple[str | int, ...] | None,
    rows: int,
) -> float:
    """The share of rows that two models answer alike.

    Alike is the same class; without classes, all the same whole numbers and strings, as of a ranking; without
    those, numbers that differ by at most 1% of the standard deviation of their column.
    """
    ours, theirs = classes(original, labels, rows), classes(given, labels, rows)
    if ours is not None and theirs is not None:
        return float((ours == theirs).mean())
    same = np.ones(rows, np.bool_)
    discrete = [name for name, array in original.items() if array.dtype.kind != "f"]
    for name in discrete or original:
        first, second = original[name].reshape(rows, -1), given[name].reshape(rows, -1)
        if discrete:
            same &= (first == second).all(axis=1)
        else:
            with np.errstate(invalid="ignore"):
                near = np.abs(first - second) <= _SAME * np.nanstd(first, axis=0)
            same &= (near | _both_nan(first, second)).all(axis=1)
    return float(same.mean())


def difference(original: Mapping[str, Array], given: Mapping[str, Array]) -> float:
    """The largest difference of two numbers of an output; infinite where one of them is none."""
    widest = 0.0
    for name, first in original.items():
        second = given[name]
        if first.dtype.kind != "f":
            continue
        with np.errstate(invalid="ignore"):
            apart = np.abs(first.astype(np.float64) - second.astype(np.float64))
        apart[(first == second) | _both_nan(first, second)] = 0.0
        widest = max(widest, float(np.where(np.isnan(apart), np.inf, apart).max(initial=0.0)))
    return widest


def _both_nan(first: Array, second: Array) -> Array:
    both: Array = np.isnan(first) & np.isnan(second)
    return both
