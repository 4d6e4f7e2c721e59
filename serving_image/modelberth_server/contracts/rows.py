"""Rows, which most callers send and a person writes: into the model's inputs, and back from its outputs."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np

from modelberth_server.errors import RequestError
from modelberth_server.json_body import expect
from modelberth_server.model.signature import Preprocess, Signature
from modelberth_server.tensors import Array, TensorSpec, decode, decode_scalar, encode, shown

__all__ = ["column", "inputs_of_rows", "output_names", "outputs_by_row"]

logger = logging.getLogger(__name__)


def inputs_of_rows(signature: Signature, rows: Any, field: str, *, booleans: bool) -> dict[str, Array]:
    """Turn rows into an array for each input of the model.

    A row is the value of the model's one input, or an object that holds the value of every input by name. A
    package's own step before the model gets the rows as they are.

    Args:
        signature: of the model
        rows: as parsed from JSON
        field: what `rows` are called in an error
        booleans: see `decode`

    Raises:
        RequestError: 400, naming the row and the field at fault.

    """
    if signature.preprocess is not None:
        return _preprocessed(signature, signature.preprocess, rows, field)
    specs = signature.inputs
    if len(specs) == 1 and not (type(rows) is list and rows and type(rows[0]) is dict):
        spec = specs[0]
        return {spec.name: decode(rows, spec.datatype, spec.shape, field, booleans=booleans)}
    return _named(specs, _some(rows, field), field, booleans=booleans)


def column(values: Any, spec: TensorSpec, field: str, *, booleans: bool = True) -> Array:
    """Turn the values of one input, one for each row, into its array.

    Where the model takes one value for each row in a list of its own, `[[3], [4]]`, as converters of tables
    make it, the lists may be left out. Where it takes a scalar or any rank, a value alone is a tensor of rank
    0, as for TensorFlow Serving.
    """
    if not spec.shape and type(values) is not list:
        return decode_scalar(values, spec.datatype, field, booleans=booleans)
    if spec.shape[1:] == (1,) and type(values) is list and values and type(values[0]) is not list:
        flat = decode(values, spec.datatype, spec.shape[:1], field, booleans=booleans)
        return flat.reshape(-1, 1)
    return decode(values, spec.datatype, spec.shape, field, booleans=booleans)


def output_names(signature: Signature) -> tuple[str, ...]:
    """Return the names of all outputs, in the model's order."""
    return tuple([spec.name for spec in signature.outputs])


def outputs_by_row(names: Sequence[str], arrays: Sequence[Array], rows: int, field: str) -> Any:
    """Return one entry for each row: the value of the one output, or an object of all by name.

    Raises:
        RequestError: 400 where an output is not by row.

    """
    for name, array in zip(names, arrays, strict=True):
        if array.shape[:1] != (rows,):
            raise RequestError(
                400,
                f"{field}: the model's output {shown(name)} has the shape {list(array.shape)}, no entry for "
                f"each of {rows} rows: use POST /predict or the Open Inference Protocol",
            )
    if len(arrays) == 1:
        return arrays[0]
    columns = [_entries(array) for array in arrays]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _entries(array: Array) -> list[Any]:
    # ONNX Runtime's integers are numpy's `longlong`, which orjson takes in an array and not alone.
    return array.tolist() if array.ndim == 1 and array.dtype.kind in "iu" else list(encode(array))


def _some(rows: Any, field: str) -> list[Any]:
    found = expect(rows, list, field)
    if not found:
        raise RequestError(400, f"{field}: empty")
    return found


def _named(specs: Sequence[TensorSpec], rows: list[Any], field: str, *, booleans: bool) -> dict[str, Array]:
    names = {spec.name for spec in specs}
    for index, row in enumerate(rows):
        if type(row) is not dict or row.keys() != names:
            raise _misnamed(row, [spec.name for spec in specs], f"{field}[{index}]")
    return {
        spec.name: column([row[spec.name] for row in rows], spec, f"{field}[].{spec.name}", booleans=booleans)
        for spec in specs
    }


def _misnamed(row: Any, names: list[str], where: str) -> RequestError:
    """Say what is wrong with a row that is no object with exactly these names."""
    allowed = ", ".join(names) or "nothing"
    if type(row) is not dict:
        return RequestError(400, f"{where}: {shown(row)}, expected an object with {allowed}")
    for name in row:
        if name not in names:
            return RequestError(400, f"{where}: unknown key {shown(name)}, allowed are {allowed}")
    missing = next(name for name in names if name not in row)
    return RequestError(400, f"{where}.{missing}: missing")


def _preprocessed(signature: Signature, preprocess: Preprocess, rows: Any, field: str) -> dict[str, Array]:
    """Run the package's own code, whose faults must not look like the server's.

    Raises:
        RequestError: 400 for an exception, with its text for a ValueError, by which it refuses rows, and for
            another number of rows than a fixed model takes; 500 where it exits, or gives what the model
            cannot take.

    """
    instances = _some(rows, field)
    number = len(instances)
    specs = signature.inputs
    taken = specs[0].shape[0] if len(specs) == 1 and specs[0].shape else -1
    if taken not in (-1, number):
        raise RequestError(400, f"{field}: {number} rows, the model takes {taken} at a time")
    try:
        inputs: Any = preprocess(instances)
    except ValueError as error:
        raise RequestError(400, f"preprocess: {' '.join(str(error).split())[:300]}") from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- whatever it is, it is the package's
        # Its message may quote the rows, which are nobody's business but the caller's.
        logger.warning("preprocess: %s %s", type(error).__name__, _place(error))
        # A key that a row has not is a KeyError: rows must not make 5xx, by which platforms judge a server.
        status = 500 if isinstance(error, SystemExit) else 400
        raise RequestError(status, "preprocess: cannot read these rows") from None
    fault = _fault(specs, inputs, number)
    if fault is not None:
        logger.warning("preprocess: %s", fault)
        raise RequestError(500, f"preprocess: {fault[:300]}")
    return {spec.name: inputs[spec.name] for spec in specs}


def _fault(specs: Sequence[TensorSpec], inputs: Any, rows: int) -> str | None:
    """Say what is wrong with the arrays of so many rows that a package gave, None if nothing is."""
    if not isinstance(inputs, dict):
        allowed = ", ".join(spec.name for spec in specs)
        return f"gave {type(inputs).__name__}, expected a dictionary with an array for each of {allowed}"
    for spec in specs:
        name, datatype = spec.name, spec.datatype
        if name not in inputs:
            return f"gave nothing for the input {name}, the model takes {datatype.name}"
        array = inputs[name]
        if not isinstance(array, np.ndarray):
            return f"gave {type(array).__name__} for the input {name}, the model takes {datatype.name}"
        if array.dtype != datatype.dtype:
            return f"gave {array.dtype} for the input {name}, the model takes {datatype.name}"
        shape = list(array.shape)
        if not spec.accepts(array.shape):
            return f"gave the shape {shape} for the input {name}, the model takes {list(spec.shape)}"
        # Beside others an input of a fixed size need not be by row, such as a threshold for all of them.
        by_row = len(specs) == 1 or spec.shape[:1] == (-1,)
        if by_row and shape[:1] != [rows]:
            return f"gave the shape {shape} for the input {name}, expected an entry for each of {rows} rows"
    names = {spec.name for spec in specs}
    for name in inputs:
        if name not in names:
            return f"gave the unknown input {shown(name)}, allowed are {', '.join(sorted(names))}"
    return None


def _place(error: BaseException) -> str:
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return f"at {frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else ""
