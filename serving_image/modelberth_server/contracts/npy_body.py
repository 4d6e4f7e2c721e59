"""Arrays as `.npy` files: into a tensor of the model, and back. Nothing in them is evaluated or unpickled.

Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, versions 1.0 and 2.0. numpy's
own reader evaluates the header as Python, is lenient with it in ways that warn, and fails in many ways.
"""

import io
import math
import re
from typing import Final

import numpy as np
from numpy.lib import format as npy

from modelberth_server.errors import RequestError
from modelberth_server.tensors import MAX_RANK, Array, TensorSpec, shown

__all__ = ["read_npy", "write_npy"]

_MAGIC: Final = b"\x93NUMPY"
# Bytes of the field that tells the length of the header, by version.
_LENGTH_BYTES: Final = {b"\x01\x00": 2, b"\x02\x00": 4}
# Of a plain array it is 118 bytes.
MAX_HEADER_BYTES: Final = 1024
_HEADER: Final = re.compile(
    r"\{ *'descr': *'([^']{1,32})', *'fortran_order': *(True|False), *'shape': *\(([0-9, ]*)\),? *\} *\n?"
)
_TYPE: Final = re.compile(r"[<>|=](?:b1|[iu][1248]|f[248]|U[1-9][0-9]{0,6})")


def read_npy(body: bytes, spec: TensorSpec) -> Array:
    """Turn a file's bytes into the tensor of an input.

    Numbers of another size or byte order are converted where all values fit, as those of JSON are: integers
    may become floating point numbers and not the other way round. NaN and infinities are what they are.

    Raises:
        RequestError: 400; the header is judged before anything of the size that it tells is made.

    """
    size = _LENGTH_BYTES.get(body[6:8])
    if not body.startswith(_MAGIC) or size is None:
        raise RequestError(400, "body: not an npy file of version 1.0 or 2.0")
    length = int.from_bytes(body[8 : 8 + size], "little")
    at = 8 + size + length
    header = _HEADER.fullmatch(body[8 + size : at].decode("latin-1")) if length <= MAX_HEADER_BYTES else None
    if header is None or at > len(body):
        raise RequestError(400, "body: not an npy file: its header is not that of one array of plain values")
    described, fortran, sizes = header.groups()
    if _TYPE.fullmatch(described) is None:
        raise RequestError(400, f"body: an npy file of {shown(described)}, {_expected(spec)}")
    dtype = np.dtype(described)
    shape = tuple([int(text[:19]) for text in sizes.replace(",", " ").split()])
    if len(shape) > MAX_RANK or min(shape, default=1) < 1 or not spec.accepts(shape):
        given = shown(list(shape)) if len(shape) > MAX_RANK else list(shape)
        raise RequestError(400, f"body: an npy file of shape {given}, the model takes {list(spec.shape)}")
    count = math.prod(shape) * dtype.itemsize
    if len(body) - at != count:
        raise RequestError(400, f"body: {len(body) - at} bytes after the npy header, its shape has {count}")
    flat = np.frombuffer(body, dtype, offset=at)
    return _converted(flat, spec).reshape(shape, order="F" if fortran == "True" else "C")


def write_npy(array: Array) -> bytes:
    """Return an array as a file; strings have numpy's fixed width."""
    if array.dtype.hasobject:
        array = array.astype(np.str_)
    stream = io.BytesIO()
    npy.write_array(stream, array, version=(1, 0), allow_pickle=False)
    return stream.getvalue()


def _converted(array: Array, spec: TensorSpec) -> Array:
    given, wanted = array.dtype, spec.datatype.dtype
    if given == wanted:
        return array if array.flags.aligned else array.copy()
    if given.kind == "U" and wanted.hasobject:
        return _strings(array)
    if wanted.kind == "f" and given.kind in "iuf":
        with np.errstate(over="ignore"):
            result: Array = array.astype(wanted)
        lost = np.isfinite(array) & ~np.isfinite(result)
    elif wanted.kind in "iu" and given.kind in "iu":
        result = array.astype(wanted)
        # Equal as numbers, and of the same sign: -1 is no large unsigned number.
        lost = (result.astype(given) != array) | ((result < 0) != (array < 0))
    else:
        raise RequestError(400, f"body: an npy file of {given}, {_expected(spec)}")
    if lost.any():
        at = int(np.flatnonzero(lost)[0])
        raise RequestError(
            400, f"body: element {at} of the npy file, {array[at]}, is beyond {spec.datatype.name}"
        )
    return result


def _strings(array: Array) -> Array:
    codes = array.view(array.dtype.str[0] + "u4")
    if ((codes > 0x10FFFF) | (codes >> 11 == 0x1B)).any():  # beyond Unicode, or half of a surrogate pair
        raise RequestError(400, "body: an npy file with a string that is not Unicode text")
    return array.astype(np.object_)


def _expected(spec: TensorSpec) -> str:
    return f"the model takes {spec.datatype.name}"
