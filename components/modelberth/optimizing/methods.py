"""The methods by their names, and the variants that they make of a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import onnx

from modelberth.optimizing import graph, quantization
from modelberth.optimizing.neurons import remove_neurons
from modelberth.optimizing.not_applicable import NotApplicableError
from modelberth.optimizing.trees import remove_trees
from modelberth.packaging import SourceError
from modelberth_server.tensors import Array

__all__ = ["Method", "NotApplicableError", "Variant", "variants"]


class Method(StrEnum):
    """What is done to the model."""

    GRAPH = "graph"
    DYNAMIC = "dynamic"
    STATIC = "static"
    PRUNE = "prune"


@dataclass(frozen=True)
class Variant:
    """An optimized model, or the reason why there is none."""

    name: str
    model: bytes | None
    reason: str | None = None


def variants(
    original: onnx.ModelProto,
    methods: Sequence[Method],
    sparsities: Sequence[float],
    calibration: Mapping[str, Array] | None,
) -> Iterator[Variant]:
    """Make the variants one by one; each is deterministic, so that the same model gives the same bytes.

    Args:
        original: the graph
        methods: what to try
        sparsities: shares to prune, a variant for each
        calibration: an array `[rows, ...]` for each input; static quantization needs it, and neurons are
            pruned better with it

    Raises:
        SourceError: a sparsity is out of bounds.

    """
    for share in sparsities:
        if not 0 < share < 1:
            raise SourceError(f"--sparsity: given {share:g}, allowed: between 0 and 1")
    for method in methods:
        shares = sparsities if method is Method.PRUNE else [0.0]
        for share in shares:
            name = f"prune-{share:g}" if method is Method.PRUNE else str(method)
            try:
                made = _made(method, original, share, calibration)
            except NotApplicableError as error:
                yield Variant(name, None, str(error))
            else:
                yield Variant(name, graph.finished(made, original))


def _made(
    method: Method, original: onnx.ModelProto, share: float, calibration: Mapping[str, Array] | None
) -> onnx.ModelProto:
    match method:
        case Method.GRAPH:
            return graph.optimized(original)
        case Method.DYNAMIC:
            return quantization.dynamic(original)
        case Method.STATIC:
            if calibration is None:
                raise NotApplicableError(
                    "needs --calibration: rows of the training data. The held-out ones would make their own "
                    "measurement too good"
                )
            return quantization.static(original, calibration)
        case Method.PRUNE:
            # First what turns constants into initializers, and products with an added bias into layers.
            model = graph.optimized(original)
            if not remove_neurons(model, share, calibration) + remove_trees(model, share):
                raise NotApplicableError(
                    f"nothing to remove at {share:g}: no hidden layer between two dense ones, no ensemble of "
                    "enough trees"
                )
            return model
