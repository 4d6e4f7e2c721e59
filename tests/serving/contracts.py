"""Contracts without a transport: a request of bytes, a real engine, the response."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnxruntime
import orjson
import pytest
from onnx import ModelProto

from modelberth_server.contracts.contract import Contract
from modelberth_server.errors import RequestError
from modelberth_server.http.message import Request, Response
from modelberth_server.model.session import Model, tensor_specs
from modelberth_server.model.signature import Preprocess, Signature


class Unreachable:
    """Carries nothing back: a contract returns its response."""

    def answer(self, request: Request, response: Response) -> None:
        raise AssertionError


def request(body: bytes | Any, **headers: str) -> Request:
    """Make a request; what is not bytes becomes JSON, and `content_type=` the header `content-type`."""
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    given = {name.replace("_", "-").encode(): value.encode("latin-1") for name, value in headers.items()}
    return Request("POST", "/", given, data, Unreachable())


def open_model(
    proto: ModelProto, name: str = "test", version: str = "1", preprocess: Preprocess | None = None
) -> Model:
    """Give a model to ONNX Runtime as the server does, without a file."""
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    signature = Signature(
        name,
        version,
        "0" * 64,
        tensor_specs(session.get_inputs(), Path("test.onnx")),
        tensor_specs(session.get_outputs(), Path("test.onnx")),
        preprocess=preprocess,
    )
    return Model(signature, session)


def answer(contract: Contract, model: Model, body: bytes | Any, **headers: str) -> Response:
    """Read, compute and write: all that the server does between two transports."""
    prediction = contract(model.signature, request(body, **headers))
    return prediction.encode(model.run(prediction.inputs, prediction.outputs))


def ask(contract: Contract, model: Model, body: bytes | Any, **headers: str) -> Any:
    """Return the JSON of the response."""
    response = answer(contract, model, body, **headers)
    assert (response.status, response.content_type) == (200, b"application/json")
    return orjson.loads(response.body)


def refused(
    contract: Contract, model: Model, body: bytes | Any, message: str, status: int = 400, **headers: str
) -> None:
    """Expect an error that starts with `message`, is on one line and short."""
    with pytest.raises(RequestError) as caught:
        answer(contract, model, body, **headers)
    assert caught.value.message.startswith(message)
    assert caught.value.status == status
    assert len(caught.value.message) < 400
    assert "\n" not in caught.value.message


def tensor(name: str, datatype: str, shape: Sequence[int], data: list[Any]) -> dict[str, Any]:
    """Make a `$request_input` of the Open Inference Protocol."""
    return {"name": name, "datatype": datatype, "shape": list(shape), "data": data}
