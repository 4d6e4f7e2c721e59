"""How far inputs and predictions have moved from the training data: fixed buckets, in constant memory."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from modelberth_server.errors import ModelError
from modelberth_server.model.signature import Signature
from modelberth_server.telemetry import families
from modelberth_server.telemetry.bins import DEFAULT_EDGES, Bins, Classes, Edges, bins_of
from modelberth_server.telemetry.instruments import Samples
from modelberth_server.telemetry.stability import Table
from modelberth_server.tensors import Array, TensorSpec

__all__ = ["MAX_COLUMNS", "Tracker"]

_LOG = logging.getLogger(__name__)

MAX_COLUMNS: Final = 200
"""Columns of all inputs that are watched, and of all outputs: each is a dozen time series."""
UNASKED_COLUMNS: Final = 20
"""Columns of an output that are watched where the package has no reference for it."""
# Rows wait to be counted together: one alone costs as many numpy calls as all of these. So many rows or
# values are counted in well under a millisecond.
_PENDING_ROWS: Final = 256
_PENDING_VALUES: Final = 16384

MOST_ROWS_A_SECOND: Final = 2000
"""Rows that are counted: of a busier server a sample, or to watch would cost as much as to compute."""

# Columns that a tensor has, and the buckets of those that are watched: of the first ones.
Columns = tuple[int, Sequence[Bins]]
Series = dict[tuple[str, ...], list[float]]


@dataclass(frozen=True)
class _Watched:
    """The tables of a model's inputs or outputs."""

    tables: tuple[Table, ...]

    def count(self, batches: Sequence[Sequence[Array | None]]) -> None:
        for table, arrays in zip(self.tables, zip(*batches, strict=True), strict=True):
            table.count(arrays)

    def series(self, of: Callable[[Table], Series]) -> Series:
        return {labels: numbers for table in self.tables for labels, numbers in of(table).items()}


class Tracker:
    """Buckets of one model version's inputs and predictions.

    Without a reference only predictions are watched: classes, and scores in buckets of our own.

    Args:
        signature: of the model
        reference: histograms of the training data from the package,
            `{"inputs": {NAME: [one for each column]}, "outputs": {…}}`
        labels: names of the classes

    Raises:
        ModelError: the reference does not fit the model; it names the field.

    """

    def __init__(
        self,
        signature: Signature,
        reference: Mapping[str, Any] | None = None,
        labels: Sequence[str | int] | None = None,
    ) -> None:
        if reference is None:
            reference = {}
        for key in reference:
            if key not in ("inputs", "outputs"):
                raise ModelError(f"reference: unknown key {key}, allowed are inputs and outputs")
        inputs = _referenced(signature.inputs, reference.get("inputs", {}), "reference.inputs")
        outputs = _referenced(signature.outputs, reference.get("outputs", {}), "reference.outputs")
        for spec in signature.outputs:
            if spec.name not in outputs and (columns := _default(spec, labels)):
                outputs[spec.name] = columns
        self._inputs = _bounded(inputs, signature, "inputs")
        self._outputs = _bounded(outputs, signature, "outputs")
        self._pending: list[tuple[list[Array], list[Array | None]]] = []
        self._rows = 0
        self._left = 0
        self._second = -1
        watched = sum(table.columns for table in (*self._inputs.tables, *self._outputs.tables))
        self._most_rows = min(_PENDING_ROWS, _PENDING_VALUES // max(watched, 1))
        self.inputs: Final = tuple(table.name for table in self._inputs.tables)
        self.outputs: Final = tuple(table.name for table in self._outputs.tables)

    def add(self, inputs: Mapping[str, Array], outputs: Mapping[str, Array], rows: int) -> None:
        """Take a batch, unless this second had enough; its arrays are kept, and must not change meanwhile.

        Outputs that were not computed are missing in `outputs`.
        """
        if self._left <= 0:
            second = int(time.monotonic())
            if second == self._second:
                return
            self._second, self._left = second, MOST_ROWS_A_SECOND
        self._left -= rows
        get = outputs.get
        self._pending.append(([inputs[name] for name in self.inputs], [get(name) for name in self.outputs]))
        self._rows += rows
        if self._rows >= self._most_rows:
            self.flush()

    def flush(self) -> None:
        """Count what waits."""
        pending, self._pending, self._rows = self._pending, [], 0
        if pending:
            self._inputs.count([inputs for inputs, _ in pending])
            self._outputs.count([outputs for _, outputs in pending])

    def samples(self) -> Samples:
        """Return the buckets and indices as series."""
        self.flush()
        return {
            families.FEATURE_BUCKET.name: self._inputs.series(Table.buckets),
            families.FEATURE_PSI.name: self._inputs.series(Table.stability),
            families.PREDICTION_BUCKET.name: self._outputs.series(Table.buckets),
            families.PREDICTION_PSI.name: self._outputs.series(Table.stability),
        }


def _referenced(specs: Sequence[TensorSpec], reference: Any, where: str) -> dict[str, Columns]:
    if not isinstance(reference, Mapping):
        raise ModelError(f"{where}: expected an object")
    known = {spec.name: spec for spec in specs}
    found: dict[str, Columns] = {}
    for name, columns in reference.items():
        if name not in known:
            raise ModelError(f"{where}: {name} is no tensor of the model, which has {', '.join(known)}")
        if (width := _width(known[name])) is None:
            raise ModelError(f"{where}.{name}: only tensors [rows] or [rows, columns] can be watched")
        if not isinstance(columns, list) or len(columns) != width:
            raise ModelError(f"{where}.{name}: expected a list of {width}, one for each column")
        every = [bins_of(column, f"{where}.{name}[{index}]") for index, column in enumerate(columns)]
        found[name] = width, every
        text = known[name].datatype.dtype.kind == "O"
        for index, bins in enumerate(every):
            if text and isinstance(bins, Edges):
                raise ModelError(f"{where}.{name}[{index}]: strings have classes, not edges")
    return found


def _default(spec: TensorSpec, labels: Sequence[str | int] | None) -> Columns | None:
    """Watch a prediction without a reference: classes of integers and strings, buckets of scores."""
    if (width := _width(spec)) is None:
        return None
    kind = spec.datatype.dtype.kind
    if kind == "f":
        bins: Bins = Edges(DEFAULT_EDGES)
    elif kind == "O":
        bins = Classes.of(labels or ())
    elif kind == "b":
        bins = Classes.of((False, True))
    elif labels and all(isinstance(label, int) for label in labels):
        bins = Classes.of(labels)
    else:
        bins = Classes.numbered(labels or [str(number) for number in range(UNASKED_COLUMNS)])
    return width, [bins] * min(width, UNASKED_COLUMNS)


def _width(spec: TensorSpec) -> int | None:
    """Return the number of columns of a table of rows, or None where a tensor is none."""
    if len(spec.shape) == 1:
        return 1
    return spec.shape[1] if len(spec.shape) == 2 and spec.shape[1] > 0 else None


def _bounded(tensors: Mapping[str, Columns], signature: Signature, what: str) -> _Watched:
    tables = []
    left = MAX_COLUMNS
    for name, (width, bins) in tensors.items():
        if bins[:left]:
            tables.append(Table((signature.name, signature.version, name), width, bins[:left]))
        left -= len(bins[:left])
    if (whole := sum(len(bins) for _, bins in tensors.values())) > MAX_COLUMNS:
        version = f"{signature.name} {signature.version}"
        message = "%s: the first %d of %d columns of its %s are watched for drift"
        _LOG.warning(message, version, MAX_COLUMNS, whole, what)
    return _Watched(tuple(tables))
