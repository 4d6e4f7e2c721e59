"""What a client sends and reads: the HTTP contracts that the servers answer."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from onnx_models import Array, ServedModel
from timing import BenchmarkError

__all__ = ["CONTRACTS", "Contract", "Exchange", "check"]

_JSON = {"content-type": "application/json"}
_DATATYPES: Final = {"FP32": np.float32, "INT64": np.int64}
_HEADER_LENGTH: Final = "inference-header-content-length"


@dataclass(frozen=True)
class Exchange:
    """A `POST` and how to read its answer."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    read: Callable[[Mapping[str, str], bytes], Mapping[str, Any]]
    """Answer's headers (lower-case) and body → each output by name."""


@dataclass(frozen=True)
class Contract:
    """A way to put rows into a request."""

    label: str
    exchange: Callable[[ServedModel, Array], Exchange]


def check(read: Mapping[str, Any], expected: Mapping[str, Array]) -> None:
    """Compare an answer with what ONNX Runtime computes in process.

    Raises:
        BenchmarkError: an output is missing or is not the same within float32's rounding.
    """
    for name, array in expected.items():
        if name not in read:
            raise BenchmarkError(
                f"output {name} missing in the answer, which has {', '.join(read) or 'none'}"
            )
        given = np.asarray(read[name])
        if given.shape != array.shape or not np.allclose(given, array, rtol=1e-4, atol=1e-5):
            raise BenchmarkError(f"output {name} is {given}, computed in process {array}")


def _plain(model: ServedModel, rows: Array) -> Exchange:
    """Modelberth's own: the first output as `predictions`, the others by name."""

    def read(_: Mapping[str, str], body: bytes) -> Mapping[str, Any]:
        answer = json.loads(body)
        return {model.outputs[0]: answer["predictions"], **answer["outputs"]}

    return Exchange("/predict", _JSON, _render({"input": rows.tolist()}), read)


def _by_name(path: str, key: str) -> Callable[[ServedModel, Array], Exchange]:
    """A JSON object of rows in, `{"outputs": {name: values}}` out."""

    def exchange(_: ServedModel, rows: Array) -> Exchange:
        return Exchange(
            path, _JSON, _render({key: rows.tolist()}), lambda _, body: dict(json.loads(body)["outputs"])
        )

    return exchange


def _open_inference_json(model: ServedModel, rows: Array) -> Exchange:
    """Open Inference Protocol v2, JSON tensors."""
    tensor = {**_tensor(model, rows), "data": rows.reshape(-1).tolist()}

    def read(_: Mapping[str, str], body: bytes) -> Mapping[str, Any]:
        return {
            output["name"]: np.reshape(output["data"], output["shape"])
            for output in json.loads(body)["outputs"]
        }

    return Exchange("/v2/models/model/infer", _JSON, _render({"inputs": [tensor]}), read)


def _open_inference_binary(model: ServedModel, rows: Array) -> Exchange:
    """Open Inference Protocol v2, binary tensor extension, both ways."""
    tensor = {**_tensor(model, rows), "parameters": {"binary_data_size": rows.nbytes}}
    header = _render({"inputs": [tensor], "parameters": {"binary_data_output": True}})
    headers = {"content-type": "application/octet-stream", _HEADER_LENGTH: str(len(header))}
    return Exchange("/v2/models/model/infer", headers, header + rows.tobytes(), _read_binary)


def _read_binary(headers: Mapping[str, str], body: bytes) -> Mapping[str, Any]:
    length = int(headers.get(_HEADER_LENGTH, len(body)))
    outputs: dict[str, Any] = {}
    for output in json.loads(body[:length])["outputs"]:
        shape = output["shape"]
        size = (output.get("parameters") or {}).get("binary_data_size")
        if size is None:
            outputs[output["name"]] = np.reshape(output["data"], shape)
            continue
        values = np.frombuffer(body[length : length + size], _DATATYPES[output["datatype"]])
        outputs[output["name"]] = values.reshape(shape)
        length += size
    return outputs


def _tensor(model: ServedModel, rows: Array) -> dict[str, Any]:
    return {"name": model.input, "shape": list(rows.shape), "datatype": "FP32"}


def _render(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


CONTRACTS: Mapping[str, Contract] = {
    "plain": Contract("JSON", _plain),
    "by-name": Contract("JSON", _by_name("/predict", "input")),
    "images-by-name": Contract("JSON", _by_name("/predict-images", "input")),
    "instances": Contract("v1 JSON", _by_name("/v1/models/model:predict", "instances")),
    "open-inference": Contract("v2 JSON", _open_inference_json),
    "open-inference-binary": Contract("v2 binary", _open_inference_binary),
}
