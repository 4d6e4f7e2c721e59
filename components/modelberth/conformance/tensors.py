"""Tensors as a client without an array library sees them: a name, a datatype, a shape and flat values."""

import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from modelberth.conformance.outcome import DidNotHold, NotChecked

__all__ = ["DATATYPES", "Tensor", "TensorSpec", "differ", "flat", "nested", "shape_of", "values_of"]

# The datatypes of the protocol and the codes that `struct` has for them. Source:
# https://github.com/kserve/open-inference-protocol, "Tensor Data Types"; BF16 is Triton's, and has no code.
DATATYPES: Final = {
    "BOOL": "?",
    "UINT8": "B",
    "UINT16": "H",
    "UINT32": "I",
    "UINT64": "Q",
    "INT8": "b",
    "INT16": "h",
    "INT32": "i",
    "INT64": "q",
    "FP16": "e",
    "FP32": "f",
    "FP64": "d",
    "BYTES": "",
    "BF16": "",
}
_FLOATS: Final = ("FP16", "FP32", "FP64", "BF16")


@dataclass(frozen=True)
class TensorSpec:
    """An input or output in a model's metadata; a dimension of -1 has any size.

    `unknown_rank`: the model does not say how many dimensions there are, and `shape` stands for any. The
    protocol has no form for that; TensorFlow has the name of the parameter that says it (tensor_shape.proto).
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    unknown_rank: bool = False

    def accepts(self, shape: Sequence[int]) -> bool:
        """Tell whether a tensor of this shape fits."""
        return self.unknown_rank or (
            len(shape) == len(self.shape)
            and all(own in (-1, size) for own, size in zip(self.shape, shape, strict=True))
        )

    def zeros(self) -> "Tensor":
        """Return the smallest tensor that fits, of zeros, False or the text "0"."""
        shape = tuple(1 if size < 0 else size for size in self.shape)
        zero: Any = {"BYTES": "0", "BOOL": False}.get(self.datatype, 0)
        return Tensor(self, shape, (0.0 if self.datatype in _FLOATS else zero,) * math.prod(shape))

    def tensor(self, values: Any) -> "Tensor | None":
        """Return nested lists as a tensor, or None where they do not fit."""
        shape = shape_of(values)
        if shape is None:
            return None
        if self.shape[1:] == (1,) and len(shape) == 1:  # a column may be written without its inner lists
            shape = (*shape, 1)
        items = tuple(flat(values))
        if not self.accepts(shape) or not all(map(self._holds, items)):
            return None
        return Tensor(self, shape, items)

    def _holds(self, value: Any) -> bool:
        if self.datatype == "BYTES":
            return isinstance(value, str)
        if self.datatype == "BOOL":
            return isinstance(value, bool)
        number = int | float if self.datatype in _FLOATS else int
        return isinstance(value, number) and not isinstance(value, bool)


@dataclass(frozen=True)
class Tensor:
    """A value for an input; `values` are in row-major order."""

    spec: TensorSpec
    shape: tuple[int, ...]
    values: tuple[Any, ...]

    def member(self, **more: Any) -> dict[str, Any]:
        """Return the protocol's `$request_input` without its data."""
        return {
            "name": self.spec.name,
            "shape": list(self.shape),
            "datatype": self.spec.datatype,
            **more,
        }

    def raw(self) -> bytes:
        """Return the values as the binary tensor extension has them: little-endian, row-major, no padding."""
        if self.spec.datatype == "BYTES":
            texts = [value.encode() for value in self.values]
            return b"".join(struct.pack("<I", len(text)) + text for text in texts)
        code = _code(self.spec.datatype)
        return struct.pack(f"<{len(self.values)}{code}", *self.values)


def values_of(raw: bytes, datatype: str, shape: Sequence[int], where: str) -> list[Any]:
    """Return the values of a raw tensor; texts where the datatype is BYTES.

    Raises:
        DidNotHold: it has not as many bytes as the shape asks for.

    """
    count = math.prod(shape)
    if datatype == "BYTES":
        texts: list[Any] = []
        at = 0
        while at + 4 <= len(raw):
            (size,) = struct.unpack_from("<I", raw, at)
            texts.append(raw[at + 4 : at + 4 + size].decode("utf-8", "replace"))
            at += 4 + size
        if at != len(raw) or len(texts) != count:
            raise DidNotHold(f"{where}: {len(raw)} bytes are not {count} elements of BYTES")
        return texts
    form = f"<{count}{_code(datatype)}"
    if len(raw) != struct.calcsize(form):
        raise DidNotHold(
            f"{where}: {len(raw)} bytes, {struct.calcsize(form)} expected for {datatype} {list(shape)}"
        )
    return list(struct.unpack(form, raw))


def _code(datatype: str) -> str:
    code = DATATYPES.get(datatype)
    if not code:
        raise NotChecked(f"{datatype} tensors cannot be written or read here")
    return code


def shape_of(values: Any) -> tuple[int, ...] | None:
    """Return the shape of nested lists, or None where they are ragged."""
    if not isinstance(values, list):
        return ()
    inner = {shape_of(value) for value in values}
    if len(inner) > 1 or None in inner:
        return None
    return (len(values), *(inner.pop() or () if inner else ()))


def flat(values: Any) -> Iterator[Any]:
    """Yield the elements of nested lists in row-major order."""
    if isinstance(values, list):
        for value in values:
            yield from flat(value)
    else:
        yield values


def nested(values: Sequence[Any], shape: Sequence[int]) -> Any:
    """Return flat values as nested lists."""
    if not shape:
        return values[0]
    step = math.prod(shape[1:])
    return [nested(values[at : at + step], shape[1:]) for at in range(0, len(values), max(step, 1))]


def differ(left: Any, right: Any) -> str | None:
    """Say where two values of JSON differ, by more than rounding; None where they do not."""
    if isinstance(left, list) and isinstance(right, list):
        if len(left) != len(right):
            return f"{len(left)} and {len(right)} values"
        pairs = zip(left, right, strict=True)
        return next((found for one, two in pairs if (found := differ(one, two)) is not None), None)
    if isinstance(left, dict) and isinstance(right, dict):
        if left.keys() != right.keys():
            return f"members {', '.join(left)} and {', '.join(right)}"
        return next((found for name in left if (found := differ(left[name], right[name])) is not None), None)
    if isinstance(left, int | float) and isinstance(right, int | float):
        # Single precision has 7 digits; half precision comes as its exact value.
        return None if math.isclose(left, right, rel_tol=1e-5, abs_tol=1e-7) else f"{left} and {right}"
    return None if left == right else f"{left!r:.40} and {right!r:.40}"
