"""ONNX Runtime's own graph optimization, saved as a model."""

from __future__ import annotations

import tempfile
from pathlib import Path

import onnx
import onnxruntime

from modelberth.packaging.graph import canonical, serialized

__all__ = ["finished", "nodes", "optimized"]


def optimized(model: onnx.ModelProto) -> onnx.ModelProto:
    """Fold constants, fuse what ONNX has operators for, and drop what does nothing.

    Level "basic" only: the levels above write operators for the processor that they ran on, and the server
    applies them anyway when it loads the model.
    https://onnxruntime.ai/docs/performance/model-optimizations/graph-optimizations.html
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with tempfile.TemporaryDirectory(prefix="modelberth-") as folder:
        path = Path(folder, "model.onnx")
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return onnx.load(path)


def finished(model: onnx.ModelProto, original: onnx.ModelProto) -> bytes:
    """The bytes of a variant, the same ones each time, with the original's metadata and no tool's."""
    domains = {node.domain for node in nodes(model.graph)} | {""}
    versions = {version.domain: version for version in model.opset_import if version.domain in domains}
    del model.opset_import[:]
    model.opset_import.extend(versions.values())
    del model.metadata_props[:]
    model.metadata_props.extend(original.metadata_props)
    return serialized(canonical(model), {})


def nodes(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """All nodes, with those of the graphs in them."""
    found = list(graph.node)
    for node in graph.node:
        for attribute in node.attribute:
            for inner in [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]:
                found += nodes(inner)
    return found
