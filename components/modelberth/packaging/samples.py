"""Rows to compare the original and the package on: given, from the training data, or drawn at random."""

from __future__ import annotations

import contextlib
import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Self

import numpy as np

from modelberth.packaging.errors import SourceError
from modelberth.packaging.json_value import json_value
from modelberth.packaging.trained import Array

__all__ = ["Origin", "Samples", "as_array", "read_rows", "require_columns"]

Origin = Literal["given", "random"]

_SEED: Final = 0
_DRAWN: Final = 256
_EXAMPLES: Final = 2


@dataclass(frozen=True)
class Samples:
    """Rows, as `POST /predict` takes them, and as one array."""

    rows: list[Any]
    array: Array
    origin: Origin

    @classmethod
    def given(cls, values: Any, where: str) -> Self:
        """Take rows from an array, a list or a table of pandas.

        Raises:
            SourceError: no rows, or rows of different lengths.

        """
        array = as_array(values, where)
        rows = values if isinstance(values, list) else array.tolist()
        return cls(rows, array, "given")

    @classmethod
    def drawn(cls, features: int) -> Self:
        """Draw rows of numbers, the same ones each time; small and large ones, since nothing is known."""
        generator = np.random.default_rng(_SEED)
        array = generator.normal(size=(_DRAWN, features)) * 10 ** generator.uniform(-1, 2, size=(_DRAWN, 1))
        return cls(array.tolist(), array, "random")

    def example(self) -> list[Any] | None:
        """The first rows that JSON can hold, to try the model with; None for rows drawn at random."""
        if self.origin == "random":
            return None
        usable: list[Any] = []
        for row in self.rows:
            # NaN stands for a missing value in Python, and JSON has no word for it.
            with contextlib.suppress(SourceError):
                usable.append(json_value(row, ""))
            if len(usable) == _EXAMPLES:
                break
        return usable or None


def read_rows(path: Path, option: str) -> Any:
    """Read rows from a `.csv` (numbers, or one column of text, with or without a header), `.npy` or `.json`.

    Raises:
        SourceError: no such file, another format, or a cell that is no number.

    """
    if not path.is_file():
        raise SourceError(f"{option}: {path} is not a file")
    try:
        match path.suffix.lower():
            case ".npy":
                return np.load(path, allow_pickle=False)
            case ".json":
                rows = json.loads(path.read_text(encoding="utf-8"))
                if not isinstance(rows, list):
                    raise SourceError(f"{option}: {path} is no JSON list of rows")
                return rows
            case ".csv":
                with path.open(newline="", encoding="utf-8") as file:
                    return _cells([row for row in csv.reader(file) if row], option, path)
    except (ValueError, csv.Error) as error:
        raise SourceError(f"{option}: {path} cannot be read: {error}") from None
    raise SourceError(f"{option}: given {path}, allowed: a .csv, .npy or .json file")


def as_array(values: Any, where: str) -> Array:
    """Make an array `[rows, ...]` of numbers or of strings (dtype object).

    Raises:
        SourceError: no rows, or rows of different lengths or types.

    """
    if hasattr(values, "to_numpy"):  # a table or column of pandas or polars
        values = values.to_numpy()
    elif hasattr(values, "toarray"):  # a sparse matrix of SciPy
        values = values.toarray()
    try:
        array = np.asarray(values)
    except ValueError:
        raise SourceError(f"{where}: the rows have different lengths") from None
    if array.ndim == 0 or array.shape[0] == 0:
        raise SourceError(f"{where}: no rows")
    if array.dtype.kind in "biuf":
        return array
    # numpy would write numbers among strings as strings.
    objects = np.array(values, np.object_)
    if all(isinstance(value, str) for value in objects.ravel().tolist()):
        return objects
    raise SourceError(
        f"{where}: numbers and other values are mixed; allowed: rows of numbers, or of strings. Turn the "
        "others into numbers in --preprocess"
    )


def require_columns(rows: Array, features: int | None, where: str) -> None:
    """Check rows of numbers against a model that takes `[rows, features]`; None: it does not say.

    Raises:
        SourceError: another number of columns.

    """
    if features is None or rows.dtype == np.object_ or rows.shape[1:] == (features,):
        return
    found = f"{rows.shape[1]} columns" if rows.ndim == 2 else f"shape {list(rows.shape)}"
    raise SourceError(f"{where}: {found}, the model takes {features} columns")


def _cells(rows: Sequence[Sequence[str]], option: str, path: Path) -> Any:
    if rows and not all(map(_is_number, rows[0])) and len(rows) > 1:
        header, body = rows[0], rows[1:]
        if len(header) == 1 and not all(_is_number(row[0]) for row in body):
            return [row[0] for row in body]
        rows = body
    for line, row in enumerate(rows):
        for column, cell in enumerate(row):
            if not _is_number(cell):
                raise SourceError(f"{option}: {path}: row {line}, column {column}: {cell!r} is no number")
    return [[float(cell) if cell else float("nan") for cell in row] for row in rows]


def _is_number(cell: str) -> bool:
    try:
        float(cell or "nan")
    except ValueError:
        return False
    return True
