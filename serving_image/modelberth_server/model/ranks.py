"""Which inputs and outputs of an ONNX file are of unknown rank: ONNX Runtime tells them and scalars alike.

A shape without dimensions is a scalar's; where there is no shape, the rank is unknown. Field numbers:
`onnx.proto3` of ONNX 1.23.
"""

from typing import Final

from modelberth_server.model.wire import fields

__all__ = ["unranked"]

_MODEL_GRAPH: Final = 7
_GRAPH_INPUT: Final = 11
_GRAPH_OUTPUT: Final = 12
_VALUE_NAME: Final = 1
_VALUE_TYPE: Final = 2
_TYPE_TENSOR: Final = 1
_TENSOR_SHAPE: Final = 2


def unranked(model: bytes) -> frozenset[str]:
    """Return the names of the main graph's inputs and outputs that declare no shape.

    Raises:
        ValueError: the bytes are not in the wire format.

    """
    return frozenset(
        b"".join(map(bytes, _inside([value], _VALUE_NAME))).decode()
        for value in _inside(_inside([memoryview(model)], _MODEL_GRAPH), _GRAPH_INPUT, _GRAPH_OUTPUT)
        if not _inside(_inside(_inside([value], _VALUE_TYPE), _TYPE_TENSOR), _TENSOR_SHAPE)
    )


def _inside(messages: list[memoryview], *numbers: int) -> list[memoryview]:
    """Return what the fields of these numbers hold, in the messages together."""
    return [
        value
        for message in messages
        for number, value in fields(message)
        if number in numbers and isinstance(value, memoryview)
    ]
