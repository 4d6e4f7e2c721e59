"""The ONNX graph itself: the same bytes each time, and a session to run it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np

from modelberth.packaging.errors import ConversionError
from modelberth.packaging.frameworks import need
from modelberth.packaging.trained import Array

__all__ = ["EXAMPLE", "Session", "canonical", "serialized", "sized"]

EXAMPLE: Final = "modelberth.example"
"""Key of the metadata that holds a JSON list of rows to try the model with; the server reads it."""

_MAX_BYTES: Final = (1 << 31) - 1
"""Protocol Buffers' limit; beyond it the weights would have to lie in a second file."""
# ONNX Runtime's type of an input → numpy's.
_TYPES: Final[dict[str, type[np.generic]]] = {
    "tensor(bool)": np.bool_,
    "tensor(int8)": np.int8,
    "tensor(int16)": np.int16,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(uint8)": np.uint8,
    "tensor(uint16)": np.uint16,
    "tensor(uint32)": np.uint32,
    "tensor(uint64)": np.uint64,
    "tensor(float16)": np.float16,
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(string)": np.object_,
}


def canonical(model: Any) -> Any:
    """Rename what only the graph itself sees, and drop what tells of the machine that made it.

    Converters number their values by counters that go on from one conversion to the next, and leave the paths
    of source files in the nodes.
    """
    onnx = need("onnx")
    fresh = onnx.ModelProto()
    fresh.CopyFrom(model)
    outside = {value.name for value in [*fresh.graph.input, *fresh.graph.output]}
    names: dict[str, str] = {"": "", **{name: name for name in outside}}

    def renamed(name: str) -> str:
        if name not in names:
            candidate = f"v{len(names)}"
            while candidate in outside:
                candidate += "_"
            names[name] = candidate
        return names[name]

    dimensions: dict[str, str] = {}
    for number, graph in enumerate(_graphs(fresh.graph)):
        del graph.value_info[:]
        graph.doc_string = ""
        del graph.metadata_props[:]
        if number:
            graph.name = f"g{number}"
        for index, node in enumerate(graph.node):
            node.name, node.doc_string = f"n{number}_{index}", ""
            del node.metadata_props[:]
            node.input[:] = [renamed(name) for name in node.input]
            node.output[:] = [renamed(name) for name in node.output]
        for value in [*graph.input, *graph.output, *graph.initializer]:
            value.name, value.doc_string = renamed(value.name), ""
        for sparse in graph.sparse_initializer:
            sparse.values.name = renamed(sparse.values.name)
        initializers = sorted(graph.initializer, key=lambda tensor: tensor.name)
        del graph.initializer[:]
        graph.initializer.extend(initializers)
        for value in [*graph.input, *graph.output]:
            for place, dimension in enumerate(value.type.tensor_type.shape.dim):
                if dimension.dim_param:
                    fallback = "rows" if not number and place == 0 else f"d{len(dimensions)}"
                    dimension.dim_param = dimensions.setdefault(dimension.dim_param, fallback)
    fresh.doc_string = ""
    versions = sorted(fresh.opset_import, key=lambda opset: opset.domain)
    del fresh.opset_import[:]
    fresh.opset_import.extend(versions)
    return fresh


def serialized(model: Any, metadata: Mapping[str, str]) -> bytes:
    """The model's bytes, the same ones for the same model, with metadata for the server.

    Raises:
        ConversionError: the model is too big for one file.

    """
    onnx = need("onnx")
    kept = {prop.key: prop.value for prop in model.metadata_props}
    onnx.helper.set_model_props(model, dict(sorted({**kept, **metadata}.items())))
    if model.ByteSize() > _MAX_BYTES:
        raise ConversionError(f"the model has {model.ByteSize()} bytes, an ONNX file can have {_MAX_BYTES}")
    return bytes(model.SerializeToString(deterministic=True))


def sized(model: Any, answers: Mapping[str, Array]) -> Any:
    """Declare the columns that the outputs turned out to have.

    skl2onnx declares one column for a forest that predicts several targets. Whoever reads the declaration, as
    the server does for drift, would take the model for another one.

    Args:
        model: the `onnx.ModelProto`, which is changed
        answers: what it gave for some rows, by output

    """
    for output in model.graph.output:
        dimensions = output.type.tensor_type.shape.dim
        sizes = answers[output.name].shape
        if len(dimensions) != len(sizes):
            continue
        for dimension, size in list(zip(dimensions, sizes, strict=True))[1:]:
            if dimension.HasField("dim_value") and dimension.dim_value != size:
                dimension.dim_value = size
    return model


class Session:
    """A converted model in ONNX Runtime."""

    def __init__(self, model: bytes) -> None:
        """Load the model.

        Raises:
            ConversionError: ONNX Runtime cannot load it, or a tensor of it has no JSON form.

        """
        runtime = need("onnxruntime")
        options = runtime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        try:
            self._session = runtime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"], enable_fallback=0
            )
        except Exception as error:  # its classes have no base of their own
            raise ConversionError(f"ONNX Runtime cannot load the model: {_reason(error)}") from error
        tensors = [*self._session.get_inputs(), *self._session.get_outputs()]
        if odd := [tensor for tensor in tensors if tensor.type not in _TYPES]:
            raise ConversionError(
                f"{odd[0].name} is a {odd[0].type}, which has no JSON form; export tensors of numbers or "
                "strings"
            )
        self._types = {tensor.name: _TYPES[tensor.type] for tensor in self._session.get_inputs()}
        self.outputs = [tensor.name for tensor in self._session.get_outputs()]

    @property
    def inputs(self) -> list[str]:
        """Names of the inputs, in their order."""
        return list(self._types)

    def run(self, inputs: Mapping[str, Array], where: str = "--samples") -> dict[str, Array]:
        """Compute every output; numbers are rounded to the type of the input, as the server does.

        Args:
            inputs: an array for each input
            where: what the rows are called in an error

        Raises:
            ConversionError: the model cannot take these inputs.

        """
        if set(inputs) != set(self._types):
            raise ConversionError(
                f"the model takes {', '.join(self._types)}, and there is {', '.join(inputs)}; several "
                "inputs, or inputs by name, are what --preprocess gives"
            )
        try:
            with np.errstate(over="ignore"):
                cast = {name: np.asarray(array, self._types[name]) for name, array in inputs.items()}
            answers = self._session.run(self.outputs, cast)
        except Exception as error:
            raise ConversionError(f"{where}: the model cannot take these rows: {_reason(error)}") from error
        return dict(zip(self.outputs, map(np.asarray, answers), strict=True))


def _graphs(graph: Any) -> Iterator[Any]:
    """The graph and those in its nodes, outer ones first."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]:
                yield from _graphs(inner)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()).rpartition("Status Message: ")[2][:300]
