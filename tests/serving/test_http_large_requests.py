"""Large requests to a real server: each caller gets its own rows back, however they are sent."""

import asyncio
import re
import socket
from collections.abc import Iterator
from typing import Any, Final

import httpx
import numpy as np
import orjson
import pytest
from onnx import TensorProto

from modelberth_server.http.large_body import LARGE_BYTES
from modelberth_server.tensors import Array
from serving.authorities import Authority
from serving.callers import Answer, Caller, get, post
from serving.models import ModelFile, identity_model
from serving.processes import ServerProcess, answer_on, launcher

LENGTH: Final = "inference-header-content-length"
# Of a row, which makes its request a large one.
WIDTH: Final = LARGE_BYTES // 2


def binary(values: Array) -> bytes:
    """A request for the model that gives its rows back, with them as a binary tensor."""
    tensor: dict[str, Any] = {"name": "x", "datatype": "FP32", "shape": values.shape}
    tensor["parameters"] = {"binary_data_size": values.nbytes}
    json = orjson.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}})
    kind = "content-type: application/octet-stream"
    return post("/v2/models/model/infer", json + values.tobytes(), f"{LENGTH}: {len(json)}", kind)


def rows_of(answer: Answer) -> Array:
    length = re.search(LENGTH.encode() + rb": (\d+)", answer.head)
    assert answer.status == 200
    assert length is not None
    return np.frombuffer(answer.body[int(length[1]) :], np.float32).reshape(-1, WIDTH)


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> ModelFile:
    """Its rows are large enough, and go in batches."""
    model = identity_model(("x", TensorProto.FLOAT, [None, WIDTH]))
    return ModelFile.write(tmp_path_factory.mktemp("identity") / "model.onnx", model)


@pytest.fixture(scope="module")
def server(model_file: ModelFile, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with launcher(tmp_path_factory.mktemp("large")) as launch:
        server = launch(model_file.environ(MODELBERTH_TIMEOUT_SECONDS="1"))
        server.wait_until_ready()
        yield server
        assert "ERROR" not in server.log
        assert "Traceback" not in server.log


def test_each_of_many_callers_gets_its_own_rows_back(server: ServerProcess) -> None:
    async def call(number: int) -> int:
        right = 0
        with Caller(server.address) as caller:
            for turn in range(20):
                values = np.full((1 + turn % 3, WIDTH), number * 100 + turn, np.float32)
                right += np.array_equal(rows_of(await caller.ask(binary(values))), values)
        return right

    async def all_at_once() -> list[int]:
        return await asyncio.gather(*map(call, range(12)))

    assert asyncio.run(all_at_once()) == [20] * 12


def test_a_body_that_stays_away_costs_its_connection_alone(server: ServerProcess) -> None:
    request = binary(np.zeros((2, WIDTH), np.float32))
    with socket.create_connection(server.address, timeout=10) as client:
        client.sendall(request[:-1])
        answer = answer_on(client)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"body: it did not arrive in time" in answer
        assert client.recv(1) == b""
    for _ in range(20):
        with socket.create_connection(server.address, timeout=10) as client:
            client.sendall(request[:-1])
    with socket.create_connection(server.address, timeout=10) as client:
        client.sendall(request + get("/health/live"))
        received = b""
        while not received.endswith(b'{"status":"live"}'):
            part = client.recv(1 << 20)
            assert part, received[-200:]
            received += part
        assert received.count(b"HTTP/1.1 200 OK") == 2


def test_over_tls_it_is_the_same(
    model_file: ModelFile, tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> None:
    pair = authority.issue("server")
    values = np.arange(8 * WIDTH, dtype=np.float32).reshape(8, WIDTH)
    request = binary(values)
    with launcher(tmp_path_factory.mktemp("tls-large")) as launch:
        server = launch(
            model_file.environ(
                MODELBERTH_TLS_CERT_FILE=str(pair.cert),
                MODELBERTH_TLS_KEY_FILE=str(pair.key),
                MODELBERTH_MAX_BODY_BYTES=str(8 << 20),
            )
        )
        server.wait_until_ready()
        head, _, body = request.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[2:])
        with httpx.Client(verify=authority.client(), trust_env=False) as client:
            for _ in range(5):
                answer = client.post(
                    f"https://127.0.0.1:{server.address[1]}/v2/models/model/infer",
                    content=body,
                    headers=headers,
                )
                length = int(answer.headers[LENGTH])
                assert answer.content[length:] == values.tobytes()
