"""What a model is called, and the tensors that it takes and gives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from modelberth_server.tensors import TensorSpec

__all__ = ["FIRST_VERSION", "UNNAMED", "Preprocess", "Signature"]

# What a model is called that nobody named.
UNNAMED: Final = "model"
FIRST_VERSION: Final = "1"

# Rows as JSON gives them in, an array for each input of the model out; a ValueError is the caller's fault. It
# is a package's own code: what it gives is believed after a look at it.
Preprocess = Callable[[list[Any]], object]


@dataclass(frozen=True)
class Signature:
    """What is served, and the tensors that it takes and gives."""

    name: str
    version: str
    sha256: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    example: list[Any] | None = None
    """Rows that a person can try the model with, as `POST /predict` takes them."""
    preprocess: Preprocess | None = None
    """Step of a package's own before the model, for the contracts that take rows and not tensors."""
    reference: Mapping[str, Any] | None = None
    """Histograms of the data that it was trained on, by which drift is told."""
    labels: tuple[str | int, ...] | None = None
    """Names of the classes, in the order of the scores' columns."""
