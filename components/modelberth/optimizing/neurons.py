"""Structured pruning: the weakest neurons of hidden layers, removed with their weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from modelberth.optimizing.graph import nodes
from modelberth_server.tensors import Array

__all__ = ["remove_neurons"]

_RIDGE: Final = 1e-4
"""Of the mean square of the activations: as little as still gives one solution where neurons are alike."""
# Each element by itself, so that a column can be taken out before as well as after.
_ELEMENTWISE: Final = {
    *("Celu", "Clip", "Dropout", "Elu", "Erf", "Gelu", "HardSigmoid", "HardSwish", "Identity", "LeakyRelu"),
    *("Mish", "Relu", "Selu", "Sigmoid", "Softplus", "Softsign", "Tanh", "ThresholdedRelu"),
}


@dataclass(frozen=True)
class _Dense:
    """A fully connected layer."""

    node: onnx.NodeProto
    weight: onnx.TensorProto
    into: int
    """Axis of the weight that runs over its inputs; the other one runs over its neurons."""


@dataclass(frozen=True)
class _Hidden:
    """The neurons between two layers: columns of the first, rows of the second."""

    first: _Dense
    biases: tuple[onnx.TensorProto, ...]
    second: _Dense

    @property
    def size(self) -> int:
        return int(self.first.weight.dims[1 - self.first.into])


def remove_neurons(model: onnx.ModelProto, share: float, calibration: Mapping[str, Array] | None) -> int:
    """Take the weakest neurons out of each hidden layer, in place; returns how many.

    A neuron is as strong as what it brings into the next layer: its mean square on the calibration rows,
    times the squares of its weights there. Without such rows, the weights into it stand for the former.

    With calibration rows, the next layer's weights are then fitted anew by least squares, so that the neurons
    that stay stand in for the others (as ThiNet does for channels, https://arxiv.org/abs/1707.06342).

    Args:
        model: the graph; weights have to be initializers
        share: of each hidden layer's neurons, rounded down; one stays
        calibration: an array `[rows, ...]` for each input

    """
    layers = list(_hidden_layers(model.graph))
    before = _activations(model, layers, calibration)
    removed = 0
    for hidden, active in zip(layers, before, strict=True):
        count = min(int(hidden.size * share), hidden.size - 1)
        if not count:
            continue
        out_of = _matrix(hidden.second)
        into = _into(hidden) if active is None else np.square(active).mean(axis=0)
        order = np.argsort(into * np.square(out_of).sum(axis=1), kind="stable")
        kept = np.sort(order[count:])
        _take(hidden.first.weight, kept, 1 - hidden.first.into)
        _take(hidden.second.weight, kept, hidden.second.into)
        for bias in hidden.biases:
            _take(bias, kept, len(bias.dims) - 1)
        if active is not None:
            now = _activations(model, [hidden], calibration)[0]
            assert now is not None
            _fit(hidden.second, now, active @ out_of)
        removed += count
    return removed


def _activations(
    model: onnx.ModelProto, layers: Sequence[_Hidden], calibration: Mapping[str, Array] | None
) -> list[Array | None]:
    """What comes out of the neurons of each layer, `[rows, neurons]`, after their activation function."""
    names = [hidden.second.node.input[0] for hidden in layers]
    if calibration is None or not layers:
        return [None] * len(layers)
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    del shown.graph.value_info[:]  # of the shapes before a layer was pruned
    for name, hidden in zip(names, layers, strict=True):
        kind = hidden.second.weight.data_type
        shown.graph.output.append(helper.make_tensor_value_info(name, kind, None))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1  # more may add up in another order, and give other bytes
    session = onnxruntime.InferenceSession(
        shown.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    found = session.run(names, dict(calibration))
    return [
        array.reshape(-1, hidden.size).astype(np.float64) for array, hidden in zip(found, layers, strict=True)
    ]


def _fit(layer: _Dense, inputs: Array, wanted: Array) -> None:
    """Set the weights for which `inputs` come closest to the sums `wanted`; the ridge keeps them small."""
    gram = inputs.T @ inputs
    gram[np.diag_indices_from(gram)] += _RIDGE * np.trace(gram) / len(gram) + np.finfo(np.float64).tiny
    weights = np.linalg.solve(gram, inputs.T @ wanted)
    dtype = numpy_helper.to_array(layer.weight).dtype
    array = np.ascontiguousarray(weights.T if layer.into else weights, dtype)
    layer.weight.CopyFrom(numpy_helper.from_array(array, layer.weight.name))


def _matrix(layer: _Dense) -> Array:
    """Weights `[inputs, neurons]`."""
    array = numpy_helper.to_array(layer.weight).astype(np.float64)
    return array.T if layer.into else array


def _into(hidden: _Hidden) -> Array:
    strength: Array = np.square(_matrix(hidden.first)).sum(axis=0)
    for bias in hidden.biases:
        strength = strength + np.square(numpy_helper.to_array(bias).astype(np.float64).ravel())
    return strength


def _take(tensor: onnx.TensorProto, kept: Array, axis: int) -> None:
    array = numpy_helper.to_array(tensor).take(kept, axis=axis)
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(array), tensor.name))


def _hidden_layers(graph: onnx.GraphProto) -> Iterator[_Hidden]:
    every = nodes(graph)
    uses = Counter(name for node in every for name in node.input)
    uses.update(value.name for value in graph.output)
    # A weight that two layers share cannot lose a column for one of them.
    own = {tensor.name: tensor for tensor in graph.initializer if uses[tensor.name] == 1}
    reader = {name: node for node in graph.node for name in node.input}
    for node in graph.node:
        first = _dense(node, own)
        if first is None:
            continue
        biases = [own[node.input[2]]] if len(node.input) > 2 and node.input[2] in own else []
        if len(node.input) > 2 and node.input[2] and not biases:
            continue
        value = node.output[0]
        while uses[value] == 1 and value in reader:
            follower = reader[value]
            size = first.weight.dims[1 - first.into]
            second = _dense(follower, own)
            if second is not None and follower.input[0] == value:
                if all(bias.dims and bias.dims[-1] == size == np.prod(bias.dims) for bias in biases):
                    yield _Hidden(first, tuple(biases), second)
                break
            if follower.op_type == "Add":
                constant = next((name for name in follower.input if name in own), None)
                if constant is None:
                    break
                biases.append(own[constant])
            elif follower.op_type not in _ELEMENTWISE or follower.input[0] != value:
                break
            value = follower.output[0]


def _dense(node: onnx.NodeProto, own: Mapping[str, onnx.TensorProto]) -> _Dense | None:
    if node.domain or node.op_type not in {"Gemm", "MatMul"} or node.input[1] not in own:
        return None
    weight = own[node.input[1]]
    options = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    if len(weight.dims) != 2 or options.get("transA"):
        return None
    return _Dense(node, weight, 1 if options.get("transB") else 0)
