"""Files of rows and labels: into the model's inputs, as `POST /predict` takes them."""

from __future__ import annotations

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
        SourceError: no such file, or a row does not fit; names the row and column.

    """
    rows = read_rows(path, option)
    rows = rows.tolist() if isinstance(rows, np.ndarray) else rows
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
    """Read a label for each row from a `.csv`, `.npy` or `.json` file, or from the lines of a `.txt`.

    Raises:
        SourceError: no such file, or more than one column.

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
        if not isinstance(label, str | int | float):
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
