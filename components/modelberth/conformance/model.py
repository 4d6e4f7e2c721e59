"""The model that the server tells of, and what is sent to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from modelberth.conformance.tensors import Tensor, TensorSpec, nested

__all__ = ["Model"]


@dataclass(frozen=True)
class Model:
    """A model, with rows and tensors that it takes.

    Attributes:
        name: under which it is served
        versions: that may be asked for by name
        inputs: empty where the server does not describe them
        outputs: likewise
        rows: for contracts that take rows; None where nothing is known to send
        tensors: one for each input, for contracts that take tensors; empty where inputs are not described
        same: rows and tensors are the same values, so that their predictions have to be the same

    """

    name: str
    versions: tuple[str, ...]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    rows: list[Any] | None
    tensors: tuple[Tensor, ...]
    same: bool

    @classmethod
    def of(
        cls,
        name: str,
        versions: Sequence[str],
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
        rows: list[Any] | None,
    ) -> Self:
        """Take the rows as tensors where they fit the inputs, else zeros for what is not there."""
        tensors = _tensors(inputs, rows) if rows and inputs else None
        zeros = tuple(spec.zeros() for spec in inputs)
        same = tensors is not None
        if rows is None and inputs:
            rows = _rows(zeros)
            same = rows is not None
        return cls(name, tuple(versions), tuple(inputs), tuple(outputs), rows, tensors or zeros, same)

    def columns(self) -> dict[str, Any]:
        """Return the tensors by name, as nested lists."""
        return {tensor.spec.name: nested(tensor.values, tensor.shape) for tensor in self.tensors}

    def named_rows(self) -> list[dict[str, Any]]:
        """Return the tensors as rows that are objects with the value of every input."""
        columns = self.columns()
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _tensors(inputs: Sequence[TensorSpec], rows: list[Any]) -> tuple[Tensor, ...] | None:
    if all(isinstance(row, dict) for row in rows):
        names = {spec.name for spec in inputs}
        if any(row.keys() != names for row in rows):
            return None
        columns = {name: [row[name] for row in rows] for name in names}
    elif len(inputs) == 1:
        columns = {inputs[0].name: rows}
    else:
        return None
    found = [spec.tensor(columns[spec.name]) for spec in inputs]
    fitting = tuple(tensor for tensor in found if tensor is not None)
    return fitting if len(fitting) == len(found) else None


def _rows(tensors: Sequence[Tensor]) -> list[Any] | None:
    """Return tensors as rows: of the one input, or objects of all; None where they are not by row."""
    if len({tensor.shape[:1] for tensor in tensors}) != 1 or not tensors[0].shape:
        return None
    columns = [nested(tensor.values, tensor.shape) for tensor in tensors]
    if len(columns) == 1:
        return list(columns[0])
    names = [tensor.spec.name for tensor in tensors]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
