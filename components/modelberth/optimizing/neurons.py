"""Structured pruning: the weakest neurons of hidden layers, removed with their weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import onnx
from onnx import helper, numpy_helper

from modelberth.optimizing.graph import nodes
from modelberth_server.tensors import Array

__all__ = ["remove_neurons"]

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


def remove_neurons(model: onnx.ModelProto, share: float) -> int:
    """Take the weakest neurons out of each hidden layer, in place; returns how many.

    A neuron is as strong as the norm of the weights into it, with its bias, times that of those out of it.

    Args:
        model: the graph; weights have to be initializers
        share: of each hidden layer's neurons, rounded down; one stays

    """
    removed = 0
    for hidden in _hidden_layers(model.graph):
        count = min(int(hidden.size * share), hidden.size - 1)
        order = np.argsort(_strength(hidden), kind="stable")
        kept = np.sort(order[count:])
        _take(hidden.first.weight, kept, 1 - hidden.first.into)
        _take(hidden.second.weight, kept, hidden.second.into)
        for bias in hidden.biases:
            _take(bias, kept, len(bias.dims) - 1)
        removed += count
    return removed


def _strength(hidden: _Hidden) -> Array:
    into = np.square(numpy_helper.to_array(hidden.first.weight).astype(np.float64)).sum(
        axis=hidden.first.into
    )
    for bias in hidden.biases:
        into = into + np.square(numpy_helper.to_array(bias).astype(np.float64).ravel())
    out_of = np.square(numpy_helper.to_array(hidden.second.weight).astype(np.float64))
    strength: Array = into * out_of.sum(axis=1 - hidden.second.into)
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
