"""Files of rows and labels: into the model's inputs, as `POST /predict` takes them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from modelberth.packaging import SourceError
from modelberth.packaging.samples import read_rows
from modelberth_server.contracts.rows import column, inputs_of_rows
from modelberth_server.errors import RequestError
from modelberth_server.model.signature import Signature
from modelberth_server.tensors import Array, TensorSpec

__all__ = ["read_inputs", "read_labels"]


def read_inputs(path: Path, signature: Signature, option: str) -> dict[str, Array]:
    """Read rows from a `.csv`, `.npy` or `.json` file into the model's inputs, as `POST /predict` takes them.

    Raises:
        SourceError: no such file, a row does not fit, or a number is NaN or infinite; names the row and
            column.

    """
    rows = read_rows(path, option)
    rows = rows.tolist() if isinstance(rows, np.ndarray) else rows
    if found := _not_finite(rows):
        raise SourceError(
            f"{option}{found[0]}: {found[1]}, expected a finite number: the server takes rows as JSON, "
            "which has no word for it"
        )
    try:
        if signature.preprocess is None and len(signature.inputs) == 1 and not _are_objects(rows):
            spec = signature.inputs[0]
            return {spec.name: column(_typed(rows, spec), spec, option)}
        return inputs_of_rows(signature, rows, option, booleans=True)
    except RequestError as error:
        raise SourceError(
            error.message if error.message.startswith(option) else f"{option}: {error.message}"
        ) from None


def read_labels(path: Path) -> list[Any]:
    """Read a label or a list of numbers for each row.

    From a `.csv`, `.npy` or `.json` file, or from the lines of a `.txt`.

    Raises:
        SourceError: no such file, or a row that is none of these.

    """
    if path.suffix.lower() == ".txt" and path.is_file():
        try:
            return path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(f"--labels: {path} cannot be read: {error}") from None
    values = read_rows(path, "--labels")
    values = values.tolist() if isinstance(values, np.ndarray) else values
    labels = [value[0] if isinstance(value, list) and len(value) == 1 else value for value in values]
    for row, label in enumerate(labels):
        if not isinstance(label, str | int | float) and not _is_numbers(label):
            raise SourceError(f"--labels[{row}]: {label!r}, expected one label")
    return labels


def _typed(rows: Any, spec: TensorSpec) -> Any:
    """Whole numbers as such where the model takes integers, and no lists of one where it takes no lists."""
    if len(spec.shape) == 1 and isinstance(rows, list):
        rows = [row[0] if isinstance(row, list) and len(row) == 1 else row for row in rows]
    return _whole(rows) if spec.datatype.dtype.kind in "iu" else rows


def _whole(value: Any) -> Any:
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _are_objects(rows: Any) -> bool:
    return isinstance(rows, list) and bool(rows) and isinstance(rows[0], dict)


def _is_numbers(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, int | float) for one in value)


def _not_finite(value: Any) -> tuple[str, float] | None:
    """The first NaN or infinity in nested lists and objects, with its place in them."""
    if isinstance(value, float):
        return None if math.isfinite(value) else ("", value)
    if isinstance(value, list):
        items: Iterable[tuple[Any, Any]] = enumerate(value)
    elif isinstance(value, dict):
        items = value.items()
    else:
        return None
    for key, item in items:
        if found := _not_finite(item):
            return f"[{key}]{found[0]}", found[1]
    return None
