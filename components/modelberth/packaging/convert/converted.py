"""What a converter gives, and the versions of ONNX that it may use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from modelberth.packaging.errors import SourceError
from modelberth.packaging.trained import Array

__all__ = ["ML_OPSET", "OPSET", "TORCH_OPSET", "Converted", "Inputs", "only"]

OPSET: Final = 17
ML_OPSET: Final = 3
"""The oldest versions that have every operator the converters use: old runtimes load the models too."""
TORCH_OPSET: Final = 18
"""The oldest that PyTorch's exporter writes by itself; for an older one it would rewrite the graph."""

# An array for each input of the model, numbers as wide as the person gave them.
Inputs = Mapping[str, Array]


@dataclass(frozen=True)
class Converted:
    """A model in ONNX, and the original."""

    model: Any
    """The `onnx.ModelProto`."""
    original: Callable[[Inputs], Mapping[str, Array]] | None
    """What the framework itself answers, by the names of the ONNX outputs; None: it is ONNX already."""
    classes: list[Any] | None = None
    """Names of the columns of the scores."""


def only(inputs: Inputs, framework: str) -> Array:
    """The one array of a framework whose models take one.

    Raises:
        SourceError: there are several.

    """
    if len(inputs) != 1:
        names = ", ".join(inputs)
        raise SourceError(f"--preprocess: returns {names}; allowed: one array, a {framework} model takes one")
    return next(iter(inputs.values()))
