"""Requests, models and settings for the tests of what watches the server."""

import time
from typing import Any

import numpy as np

from modelberth_server.http.message import Request, Response
from modelberth_server.model.signature import Signature
from modelberth_server.settings import Settings
from modelberth_server.tensors import ONNX_DATATYPES, TensorSpec

FLOAT, INT, STRING = (ONNX_DATATYPES[f"tensor({name})"] for name in ("float", "int64", "string"))

IRIS = Signature(
    "iris",
    "3",
    "a" * 64,
    (TensorSpec("X", FLOAT, (-1, 4)),),
    (TensorSpec("label", INT, (-1,)), TensorSpec("scores", FLOAT, (-1, 3))),
)


class NoSink:
    def answer(self, request: Request, response: Response) -> None:
        raise AssertionError("telemetry answers nobody")


def request(
    path: str = "/predict", headers: dict[bytes, bytes] | None = None, method: str = "POST"
) -> Request:
    """A request whose headers have just come, on a route of the same name as its path."""
    made = Request(method, path, headers or {}, b"{}", NoSink())
    made.started = time.monotonic()
    made.route = path
    return made


def settings(**variables: str) -> Settings:
    return Settings.from_environ(
        {f"MODELBERTH_{name}": value for name, value in variables.items()}
        | {"MODELBERTH_MODEL_PATH": "/model.onnx", "MODELBERTH_MODEL_SHA256": "a" * 64}
    )


def iris_batch(rows: int, seed: int = 0) -> tuple[dict[str, Any], dict[str, Any]]:
    """Inputs and outputs of `IRIS` for so many rows."""
    random = np.random.default_rng(seed)
    inputs = {"X": random.random((rows, 4), np.float32)}
    return inputs, {"label": random.integers(0, 3, rows), "scores": random.random((rows, 3), np.float32)}
