"""Image classifiers of 3 by 224 by 224, layer by layer; what they say of an image is random."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["convolutional", "mobilenet"]

# Of MobileNetV2 (Sandler et al., 2018, arXiv:1801.04381, table 2): by what a block expands its channels, its
# own channels, how many there are of it, and the stride of the first.
_BLOCKS: Final = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def convolutional(seed: int, opset: int) -> onnx.ModelProto:
    """Three convolutions (16, 32, 64), mean, 10 classes: 97 KB, and next to nothing to compute."""
    layers = _Layers(seed)
    for channels in (16, 32, 64):
        layers.convolution(channels, size=3, stride=2)
        layers.relu()
    return layers.classifier(10, "convolutional", opset)


def mobilenet(seed: int, opset: int) -> onnx.ModelProto:
    """MobileNetV2 with its normalizations folded into the convolutions: 1000 classes, 14 MB."""
    layers = _Layers(seed)
    layers.convolution(32, size=3, stride=2)
    layers.relu(most=6)
    for expansion, channels, count, first in _BLOCKS:
        for number in range(count):
            _inverted_residual(layers, expansion, channels, stride=1 if number else first)
    layers.convolution(1280, size=1)
    layers.relu(most=6)
    return layers.classifier(1000, "mobilenet", opset)


def _inverted_residual(layers: "_Layers", expansion: int, channels: int, *, stride: int) -> None:
    start, width = layers.last, layers.channels
    if expansion > 1:
        layers.convolution(expansion * width, size=1)
        layers.relu(most=6)
    layers.convolution(layers.channels, size=3, stride=stride, groups=layers.channels)
    layers.relu(most=6)
    layers.convolution(channels, size=1)
    if stride == 1 and channels == width:
        layers.add(start)


class _Layers:
    """A graph that grows at its end.

    Attributes:
        last: name of the tensor that the last layer gives
        channels: of that

    """

    def __init__(self, seed: int) -> None:
        self.last = "image"
        self.channels = 3
        self._random = np.random.default_rng(seed)
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []

    def convolution(self, channels: int, *, size: int, stride: int = 1, groups: int = 1) -> None:
        kernel = self._weight(channels, self.channels // groups, size, size)
        bias = self._weight(channels)
        self._node("Conv", kernel, bias, strides=[stride, stride], pads=[size // 2] * 4, group=groups)
        self.channels = channels

    def relu(self, *, most: float | None = None) -> None:
        """Let nothing below zero through, and of what is above no more than `most`."""
        if most is None:
            self._node("Relu")
        else:
            self._node("Clip", self._constant(0), self._constant(most))

    def add(self, other: str) -> None:
        self._node("Add", other)

    def classifier(self, classes: int, name: str, opset: int) -> onnx.ModelProto:
        """End with a mean over the image and a probability of each class."""
        self._node("GlobalAveragePool")
        self._node("Flatten")
        self._node("Gemm", self._weight(classes, self.channels), transB=1)
        self._node("Softmax", axis=1)
        self._nodes[-1].output[0] = "probabilities"
        graph = helper.make_graph(
            self._nodes,
            name,
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["rows", 3, 224, 224])],
            [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["rows", classes])],
            self._weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        onnx.checker.check_model(model)
        return model

    def _node(self, kind: str, *more: str, **attributes: Any) -> None:
        given, self.last = self.last, f"{kind}{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, [given, *more], [self.last], **attributes))

    def _weight(self, *shape: int) -> str:
        scale = np.sqrt(2 / np.prod(shape[1:])) if len(shape) > 1 else 0.01
        return self._constant(self._random.standard_normal(shape) * scale)

    def _constant(self, values: npt.ArrayLike) -> str:
        name = f"constant{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.asarray(values, np.float32), name))
        return name
