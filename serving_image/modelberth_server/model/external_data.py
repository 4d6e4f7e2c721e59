"""Find tensors in an ONNX file that keep their values in other files.

Such a file is not the model alone: its sha256 would pin nothing of the weights, and the location may point
anywhere on the machine, even into this process's memory. ONNX Runtime has no switch to refuse them, and
`onnx`, which could read the file, is not in the image. Field numbers: `onnx.proto3` of ONNX 1.23.
"""

from collections.abc import Iterator
from typing import Final

from modelberth_server.model.wire import fields

__all__ = ["external_locations"]

# Message → number of each field that can lead to a tensor → message in that field.
_FIELDS: Final[dict[str, dict[int, str]]] = {
    "Model": {7: "Graph", 20: "TrainingInfo", 25: "Function"},
    "Graph": {1: "Node", 5: "Tensor", 15: "SparseTensor"},
    "TrainingInfo": {1: "Graph", 2: "Graph"},
    "Function": {7: "Node", 11: "Attribute"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "SparseTensor", 23: "SparseTensor"},
    "SparseTensor": {1: "Tensor", 2: "Tensor"},
}
_TENSOR_EXTERNAL_DATA: Final = 13
_TENSOR_DATA_LOCATION: Final = 14


def external_locations(model: bytes) -> frozenset[str]:
    """Return the names of the files in which a model keeps tensors, exactly as it gives them.

    Raises:
        ValueError: the bytes are not in the wire format; or a tensor names no file, names several, or is not
            an initializer of the main graph: only for those does ONNX Runtime take bytes instead of a path.

    """
    locations: set[str] = set()
    for initializer, tensor in _external_tensors(model):
        names = [value for key, value in _entries(tensor) if key == b"location"]
        if len(names) != 1:
            raise ValueError(f"a tensor with external data names {len(names)} files, expected is one")
        if not initializer:
            raise ValueError(
                "external data in a node, a function or a sparse tensor; only initializers may have any"
            )
        locations.add(names[0].decode())
    return frozenset(locations)


def _external_tensors(model: bytes) -> Iterator[tuple[bool, memoryview]]:
    """Yield each tensor with external data, and whether it is an initializer of the main graph."""
    # Every such tensor names its file under this key, and a string's bytes are contiguous on the wire.
    if b"location" not in model:
        return
    pending = [("Model", False, memoryview(model))]
    while pending:
        message, main, data = pending.pop()
        external = False
        for number, value in fields(data):
            if message == "Tensor" and number in (_TENSOR_EXTERNAL_DATA, _TENSOR_DATA_LOCATION):
                external |= bool(value)
            elif isinstance(value, memoryview) and (inner := _FIELDS.get(message, {}).get(number)):
                pending.append(
                    (inner, (message, inner) == ("Model", "Graph") or (main and inner == "Tensor"), value)
                )
        if external:
            yield main, data


def _entries(tensor: memoryview) -> Iterator[tuple[bytes, bytes]]:
    """Yield the keys and values of a tensor's external data."""
    for number, value in fields(tensor):
        if number == _TENSOR_EXTERNAL_DATA and isinstance(value, memoryview):
            entry = {key: bytes(text) for key, text in fields(value) if isinstance(text, memoryview)}
            yield entry.get(1, b""), entry.get(2, b"")
