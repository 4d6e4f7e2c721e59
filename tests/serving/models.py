"""Small ONNX models to serve, and files that pin them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

IRIS = Path(__file__).resolve().parents[2] / "models" / "iris" / "model.onnx"

Tensor = tuple[str, int, list[Any] | None]


@dataclass(frozen=True)
class ModelFile:
    """An ONNX file and the environment that pins it."""

    path: Path
    sha256: str

    @classmethod
    def at(cls, path: Path) -> "ModelFile":
        return cls(path, hashlib.sha256(path.read_bytes()).hexdigest())

    @classmethod
    def write(cls, path: Path, data: bytes | ModelProto) -> "ModelFile":
        path.write_bytes(data if isinstance(data, bytes) else data.SerializeToString())
        return cls.at(path)

    def environ(self, **more: str) -> dict[str, str]:
        return {"MODELBERTH_MODEL_PATH": str(self.path), "MODELBERTH_MODEL_SHA256": self.sha256, **more}


def onnx_model(
    nodes: list[Any],
    inputs: list[Tensor],
    outputs: list[Tensor],
    initializers: dict[str, Any] | None = None,
) -> ModelProto:
    """Build a model of named, typed and shaped inputs and outputs."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info(*tensor) for tensor in inputs],
        [helper.make_tensor_value_info(*tensor) for tensor in outputs],
        [numpy_helper.from_array(value, name) for name, value in (initializers or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model


def identity_model(*tensors: Tensor) -> ModelProto:
    """A model that gives every input back, under its name with `_out`."""
    return onnx_model(
        [helper.make_node("Identity", [name], [f"{name}_out"]) for name, _, _ in tensors],
        list(tensors),
        [(f"{name}_out", kind, shape) for name, kind, shape in tensors],
    )


def loop_model() -> ModelProto:
    """A model whose input `n`, INT64 [1], is the number of steps that it computes: 10**9 take an hour."""
    body = onnx_model(
        [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Sin", ["v"], ["sin"])],
        [("step", TensorProto.INT64, []), ("go", TensorProto.BOOL, []), ("v", TensorProto.FLOAT, [1000])],
        [("go_on", TensorProto.BOOL, []), ("sin", TensorProto.FLOAT, [1000])],
    ).graph
    return onnx_model(
        [
            helper.make_node("Loop", ["n", "", "start"], ["end"], body=body),
            helper.make_node("ReduceMax", ["end"], ["max"], keepdims=0),
        ],
        [("n", TensorProto.INT64, [1])],
        [("max", TensorProto.FLOAT, [])],
        {"start": np.ones(1000, np.float32)},
    )
