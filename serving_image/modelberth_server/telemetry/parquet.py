"""Captured requests as a Parquet file."""

import io
from collections.abc import Sequence
from typing import Any

import arro3.io
import numpy as np
from arro3.core import Array, DataType, Table, list_array

from modelberth_server.telemetry.layout import Captured, Layout
from modelberth_server.tensors import Array as Values

__all__ = ["parquet_file"]


def parquet_file(layout: Layout, requests: Sequence[Captured]) -> bytes:
    """Write requests of one model version as rows.

    The columns are `time`, `request_id`, `model`, `version`, `sha256` and those of the layout; an output
    that was not computed is null, or an empty list. The file's metadata has the declared shapes.
    """
    signature = layout.signature
    repeats = np.array([request.rows for request in requests])
    times = np.repeat(np.array([request.microseconds for request in requests], np.int64), repeats)
    total = int(repeats.sum())
    table: dict[str, Any] = {
        "time": Array.from_numpy(times).cast(DataType.timestamp("us", tz="UTC")),
        "request_id": _strings([request.identifier for request in requests for _ in range(request.rows)]),
        "model": _strings([signature.name] * total),
        "version": _strings([signature.version] * total),
        "sha256": _strings([signature.sha256] * total),
    }
    for position, column in enumerate((*layout.inputs, *layout.outputs)):
        parts = [(request.arrays[position], request.rows) for request in requests]
        table[column.name] = (_lists if column.index is None else _scalars)(parts, column.dtype)
    shapes = {
        f"{kind}.{spec.name}": spec.form
        for kind, specs in (("input", signature.inputs), ("output", signature.outputs))
        for spec in specs
    }
    file = io.BytesIO()
    arro3.io.write_parquet(Table.from_pydict(table), file, compression="zstd(3)", key_value_metadata=shapes)
    return file.getvalue()


def _strings(values: Sequence[str | None]) -> Array:
    return Array(values, type=DataType.utf8())


def _scalars(parts: Sequence[tuple[Values | None, int]], dtype: np.dtype[Any]) -> Array:
    known = [array for array, _ in parts if array is not None]
    if len(known) == len(parts):
        return _values(np.concatenate(known))
    values = [item for array, rows in parts for item in ([None] * rows if array is None else array.tolist())]
    return Array(values, type=_values(np.empty(0, dtype)).type)


def _lists(parts: Sequence[tuple[Values | None, int]], dtype: np.dtype[Any]) -> Array:
    sizes = [0 if array is None else array.shape[1] for array, rows in parts for _ in range(rows)]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    known = [array.reshape(-1) for array, _ in parts if array is not None]
    return list_array(Array.from_numpy(offsets), _values(np.concatenate([np.empty(0, dtype), *known])))


def _values(array: Values) -> Array:
    if array.dtype.kind == "O":
        return _strings(array.tolist())
    if array.dtype == np.float16:  # few readers of Parquet know it
        array = array.astype(np.float32)
    return Array.from_numpy(np.ascontiguousarray(array))
