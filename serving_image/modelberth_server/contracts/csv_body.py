"""Rows as CSV (RFC 4180): a line for each row, a field for each value, and a header only if announced."""

import contextlib
import csv
import io
import math
import re
from collections.abc import Callable
from itertools import chain
from typing import Any, Final

from modelberth_server.errors import RequestError
from modelberth_server.tensors import Array, Datatype, TensorSpec, decode

__all__ = ["read_csv", "write_csv"]

# Python's own conversions would also take "nan", "1_000" and the digits of every script.
_NUMBER: Final = re.compile(r" *[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)? *")
_NUMERIC: Final = b"0123456789+-.eE, \r\n"
_INTEGER: Final = re.compile(r" *[+-]?[0-9]{1,20} *")
_BOOLEANS: Final = {"true": True, "false": False}


def read_csv(body: bytes, spec: TensorSpec, *, header: bool) -> Array:
    """Turn CSV into the tensor of an input: of rank 2, or of rank 1 with one field in a line.

    Args:
        body: in UTF-8
        spec: of the input
        header: the first line names the columns, and is passed over

    Raises:
        RequestError: 400, naming row and field, both from 0 and without the header; 415 for a tensor of more
            dimensions.

    """
    if len(spec.shape) > 2:
        raise RequestError(
            415, f"content-type: the model takes the shape {list(spec.shape)}, which is no table"
        )
    try:
        rows: list[list[Any]] = list(csv.reader(io.StringIO(body.decode(), newline=""), strict=True))
    except UnicodeDecodeError as error:
        raise RequestError(400, f"body: not UTF-8 at byte {error.start}") from None
    except csv.Error as error:
        raise RequestError(400, f"body: not CSV: {error}") from None
    while rows and not rows[-1]:
        rows.pop()
    del rows[: int(header)]
    values = _values(rows, spec.datatype, body)
    if values and not header and spec.datatype.noun != "a string" and set(map(type, values[0])) == {str}:
        raise RequestError(
            400, "body[0]: no value but text; a line of names has to be announced: text/csv; header=present"
        )
    if len(spec.shape) == 1:
        return decode(values, spec.datatype, (*spec.shape, 1), "body").reshape(-1)
    return decode(values, spec.datatype, spec.shape or (-1, -1), "body")


def write_csv(array: Array) -> bytes:
    """Return an array as a line for each row, the numbers in their shortest exact form."""
    rows = array.reshape(array.shape[0] if array.ndim else 1, math.prod(array.shape[1:]))
    stream = io.StringIO(newline="")
    write = str.lower if array.dtype.kind == "b" else str
    writer = csv.writer(stream, lineterminator="\n")
    for row in rows:
        writer.writerow([write(str(value)) for value in row])
    return stream.getvalue().encode()


def _values(rows: list[list[str]], datatype: Datatype, body: bytes) -> list[list[Any]]:
    """Return the fields as JSON has them; one that is not of the datatype stays text."""
    if datatype.dtype.kind == "f" and not body.translate(None, _NUMERIC):
        # Of these characters `float` takes what `_NUMBER` does, in a third of the time.
        with contextlib.suppress(ValueError):
            values = [list(map(float, row)) for row in rows]
            if all(map(math.isfinite, chain.from_iterable(values))):
                return values
    convert = _conversion(datatype)
    return [list(map(convert, row)) for row in rows]


def _conversion(datatype: Datatype) -> Callable[[str], Any]:
    """Return what turns a field into a value as JSON has them, and leaves any other text as it is."""
    match datatype.dtype.kind:
        case "f":
            return lambda text: (
                float(text) if _NUMBER.fullmatch(text) and math.isfinite(float(text)) else text
            )
        case "i" | "u":
            return lambda text: int(text) if _INTEGER.fullmatch(text) else text
        case "b":
            return lambda text: _BOOLEANS.get(text.strip(" ").lower(), text)
        case _:
            return str
