"""What is captured of a request: which columns, and their values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from modelberth_server.errors import SettingsError
from modelberth_server.model.signature import Signature
from modelberth_server.telemetry.redaction import Redaction, Treatment, columns
from modelberth_server.tensors import Array, TensorSpec

__all__ = ["Captured", "Column", "Layout"]

# Wider inputs are one list each: readers of Parquet are slow on thousands of columns.
MAX_COLUMNS: Final = 1000


@dataclass(frozen=True)
class Column:
    """A column of the file: column `index` of a tensor, or without one all of a row's values as a list."""

    name: str
    tensor: str
    dtype: np.dtype[Any]
    index: int | None
    treatment: Treatment


@dataclass(frozen=True, slots=True)
class Captured:
    """One request: `rows` rows of every column, redacted already, in arrays of its own.

    `microseconds` since 1970, of the time when it was computed. An output that was not computed has None.
    """

    microseconds: int
    identifier: str
    rows: int
    arrays: tuple[Array | None, ...]

    @property
    def size(self) -> int:
        """Bytes that it holds, about."""
        size = 200
        for array in self.arrays:
            if array is not None:
                size += array.nbytes
                if array.dtype.kind == "O":
                    size += sum(50 + len(text) for text in array.reshape(-1).tolist())
        return size


class Layout:
    """The columns of a model version's files.

    `input.NAME`, or `input.NAME[INDEX]` for each column of an input, and `output.NAME` likewise. Tensors of
    more dimensions are lists in row-major order. Where the model does not take rows, a request is one row.

    Raises:
        SettingsError: a field to drop or hash is none of the model.

    """

    def __init__(self, signature: Signature, redaction: Redaction) -> None:
        redaction.check(signature)
        self.signature: Final = signature
        self._redaction = redaction
        specs = (*signature.inputs, *signature.outputs)
        self.by_rows: Final = all(spec.shape and spec.shape[0] == -1 for spec in specs)
        self.inputs = [
            column
            for spec in signature.inputs
            for column in _columns("input", spec, redaction, by_rows=self.by_rows)
            if column.treatment is not Treatment.DROP
        ]
        self.outputs = [
            column
            for spec in signature.outputs
            for column in _columns("output", spec, Redaction(), by_rows=self.by_rows)
        ]

    def hashes(self, inputs: Mapping[str, Array], rows: slice) -> int:
        """Return how many values of a request are to be hashed."""
        number = 0
        for column in self.inputs:
            if column.treatment is Treatment.HASH:
                array = inputs[column.tensor][rows] if self.by_rows else inputs[column.tensor]
                number += array.size if column.index is None else len(array)
        return number

    def captured(
        self,
        microseconds: int,
        identifier: str,
        inputs: Mapping[str, Array],
        outputs: Mapping[str, Array],
        rows: slice,
    ) -> Captured:
        """Copy what is to be written of one request's rows, without what is not."""
        number = rows.stop - rows.start if self.by_rows else 1
        arrays: list[Array | None] = [
            self._part(column, inputs[column.tensor], rows, number) for column in self.inputs
        ]
        for column in self.outputs:
            array = outputs.get(column.tensor)
            arrays.append(None if array is None else self._part(column, array, rows, number))
        return Captured(microseconds, identifier, number, tuple(arrays))

    def _part(self, column: Column, array: Array, rows: slice, number: int) -> Array:
        part = (array[rows] if self.by_rows else array).reshape(number, -1)
        if column.index is not None:
            part = part[:, column.index]
        if column.treatment is Treatment.HASH:
            return self._redaction.hashed(column.tensor, part)
        return part.copy()


def _columns(kind: str, spec: TensorSpec, redaction: Redaction, *, by_rows: bool) -> list[Column]:
    name = f"{kind}.{spec.name}"
    width = columns(spec)
    if by_rows and len(spec.shape) == 1:
        width = 1
    if by_rows and width is not None and width <= MAX_COLUMNS:
        names = [name] if width == 1 else [f"{name}[{index}]" for index in range(width)]
        return [
            _column(column, spec, index, redaction.of(spec.name, index)) for index, column in enumerate(names)
        ]
    for field in sorted(redaction.drop | redaction.hash):
        if field.startswith(f"{spec.name}["):
            raise SettingsError(f"{field!r} is captured with all of {spec.name}: drop or hash {spec.name}")
    return [_column(name, spec, None, redaction.of(spec.name, None))]


def _column(name: str, spec: TensorSpec, index: int | None, treatment: Treatment) -> Column:
    dtype = np.dtype(np.object_) if treatment is Treatment.HASH else spec.datatype.dtype
    return Column(name, spec.name, dtype, index, treatment)
