"""The contracts over real HTTP: status, headers and bodies as any client sees them."""

import re
import socket
from typing import Any

import httpx
import psutil
import pytest

from serving.models import ModelFile
from serving.processes import ServerProcess, answer_on, predict

FLOWERS = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]
SPECIES = ["setosa", "virginica"]
INFER = {"inputs": [{"name": "input", "shape": [2, 4], "datatype": "FP32", "data": FLOWERS}]}
MODEL = "/v2/models/iris"


def raw(server: ServerProcess, data: bytes) -> bytes:
    """What the server answers to these bytes until it closes the connection, as it was asked to."""
    with socket.create_connection(server.address, timeout=10) as connection:
        connection.sendall(data)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_predict(client: httpx.Client) -> None:
    for key in ("input", "instances"):
        response = client.post("/predict", json={key: FLOWERS})
        assert response.status_code == 200
        assert response.headers["content-type"] == "application/json"
        answer = response.json()
        assert answer["predictions"] == SPECIES
        assert [len(row) for row in answer["outputs"]["probabilities"]] == [3, 3]


@pytest.mark.parametrize("path", [MODEL, f"{MODEL}/versions/3"])
def test_open_inference(client: httpx.Client, path: str) -> None:
    response = client.post(f"{path}/infer", json={"id": "7", **INFER})
    assert response.status_code == 200
    answer = response.json()
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("iris", "3", "7")
    assert answer["outputs"][0] == {
        "name": "label",
        "datatype": "BYTES",
        "shape": [2],
        "data": SPECIES,
    }
    assert client.get(path).json()["inputs"] == [{"name": "input", "datatype": "FP32", "shape": [-1, 4]}]
    assert client.get(f"{path}/ready").json() == {"name": "iris", "ready": True}


def test_health(client: httpx.Client, iris: ModelFile) -> None:
    assert client.get("/health/live").json() == {"status": "live"}
    assert client.get("/health/ready").json() == {
        "status": "ready",
        "model": {"name": "iris", "version": "3", "sha256": iris.sha256},
        "revision": "blue-7",
    }
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    assert client.get("/v2").json()["name"] == "modelberth"


def test_head_is_get_without_a_body(client: httpx.Client) -> None:
    response = client.head("/health/ready")
    assert (response.status_code, response.content) == (200, b"")
    assert int(response.headers["content-length"]) > 0


JSON = {"content-type": "application/json"}
REFUSALS: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("GET", "/", {}, 404, "path: no route '/'; routes: POST /predict, POST /invocations"),
    ("POST", "/predict/", {}, 404, "path: no route '/predict/'"),
    ("GET", "/v2/models/other", {}, 404, "name: 'other' is not served here, only 'iris' is"),
    ("POST", "/v2/models/other/infer", {"json": INFER}, 404, "name: 'other' is not served here"),
    ("GET", f"{MODEL}/versions/2/ready", {}, 404, "version: '2' is not served here, only '3'"),
    ("GET", "/predict", {}, 405, "method: GET is not possible on /predict, use POST"),
    ("POST", "/health/ready", {}, 405, "method: POST is not possible on /health/ready, use GET or HEAD"),
    ("OPTIONS", f"{MODEL}/infer", {}, 405, "method: OPTIONS is not possible on /v2/models/{name}/infer"),
    ("POST", "/predict", {"content": b"{}"}, 400, "body: expected exactly one key"),
    ("POST", "/predict", {"headers": JSON}, 400, "body: missing"),
    ("POST", "/predict", {"json": {"input": [[1, 2]]}}, 400, "input[0]: 2 values, the model takes 4"),
    ("POST", "/predict", {"content": b"\xff\xfe{", "headers": JSON}, 400, "body: not JSON"),
    ("POST", f"{MODEL}/infer", {"json": {}}, 400, "inputs: null, expected a list"),
    ("POST", "/predict", {"data": {"input": "1"}}, 415, "content-type: 'application/x-www-form-urlencoded'"),
    ("POST", "/predict", {"headers": {"content-type": "text/csv"}}, 415, "content-type: 'text/csv'"),
    (
        "POST",
        "/predict",
        {"content": b"\x1f\x8b", "headers": {**JSON, "content-encoding": "gzip"}},
        415,
        "content-encoding: 'gzip', expected none",
    ),
]


@pytest.mark.parametrize(("method", "path", "content", "status", "message"), REFUSALS)
def test_every_refusal_is_json_that_names_the_field(
    client: httpx.Client, method: str, path: str, content: dict[str, Any], status: int, message: str
) -> None:
    response = client.request(method, path, **content)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    assert response.json().keys() == {"error"}
    assert response.json()["error"].startswith(message)
    assert ("allow" in response.headers) == (status == 405)
    # The connection is as good as before.
    assert predict(client, FLOWERS).json()["predictions"] == SPECIES


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_json_may_be_named_in_any_way(client: httpx.Client, content_type: str) -> None:
    body = b'{"input": [[5.1, 3.5, 1.4, 0.2]]}'
    response = client.post("/predict", content=body, headers={"content-type": content_type})
    assert response.status_code == 200


@pytest.mark.parametrize(
    "data",
    [b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"GET /\xff HTTP/1.1\r\nhost: x\r\n\r\n", b"\0" * 100],
)
def test_bytes_that_are_no_http_get_a_json_400(iris_server: ServerProcess, data: bytes) -> None:
    head, _, body = raw(iris_server, data).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"application/json" in head
    assert body.startswith(b'{"error":"request: ')


def test_an_offer_to_upgrade_is_declined_by_an_answer(iris_server: ServerProcess) -> None:
    """Java's HTTP client offers h2c with its first request."""
    body = b'{"input": [[5.1, 3.5, 1.4, 0.2]]}'
    request = (
        b"POST /predict HTTP/1.1\r\nhost: x\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\n"
        b"http2-settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n"
        b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    )
    answer = raw(iris_server, request * 2 + request.replace(b": Upgrade", b": close"))
    assert answer.count(b"HTTP/1.1 200 ") == answer.count(b'"predictions":["setosa"]') == 3


def test_pipelined_requests_are_answered_in_order(iris_server: ServerProcess) -> None:
    bodies = [b'{"input": [[5.1, 3.5, 1.4, 0.2]]}', b'{"input": [[6.7, 3.0, 5.2, 2.3]]}']
    head = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n"
    requests = b"".join(head % len(body) + body for body in bodies * 5)
    answer = raw(iris_server, requests + b"GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    assert re.findall(rb'"predictions":\["(\w+)"\]', answer) == [b"setosa", b"virginica"] * 5
    assert answer.endswith(b'{"status":"live"}')


def test_a_client_that_closes_its_sending_side_still_gets_its_answer(iris_server: ServerProcess) -> None:
    body = b'{"input": [[5.1, 3.5, 1.4, 0.2]]}'
    with socket.create_connection(iris_server.address, timeout=10) as connection:
        connection.sendall(
            b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
        )
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b'"predictions":["setosa"]' in answer


def test_clients_that_leave_are_no_error(iris_server: ServerProcess, client: httpx.Client) -> None:
    """At any point of their request; the fixture looks for errors in the log."""
    body = b'{"input": [[5.1, 3.5, 1.4, 0.2]]}'
    request = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    for size in range(1, len(request) + 1):
        with socket.create_connection(iris_server.address, timeout=10) as connection:
            connection.sendall(request[:size])
    assert predict(client, FLOWERS).status_code == 200


def test_a_body_announced_as_too_large_is_refused_before_it_is_sent(iris_server: ServerProcess) -> None:
    head = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % (2**20 + 1)
    with socket.create_connection(iris_server.address, timeout=10) as connection:
        connection.sendall(head)
        answer = answer_on(connection)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer
    assert b'{"error":"body: more than the 1048576 bytes allowed"}' in answer


def test_a_body_that_never_ends_is_refused_and_not_kept(iris_server: ServerProcess) -> None:
    process = psutil.Process(iris_server.process.pid)
    before = process.memory_info().rss
    chunk = b"%x\r\n%s\r\n" % (2**16, b" " * 2**16)
    with socket.create_connection(iris_server.address, timeout=10) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        for _ in range(16):
            connection.sendall(chunk)
        connection.sendall(b"1\r\n \r\n")
        answer = answer_on(connection)
        for _ in range(64 * 16):  # 64 MiB more are read, lest the client is cut off, and dropped
            connection.sendall(chunk)
        grown = process.memory_info().rss - before
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert grown < 16 * 2**20


def test_a_client_that_sends_first_and_reads_later_gets_its_413(client: httpx.Client) -> None:
    for content in (b"x" * 8 * 2**20, iter([b"x" * 2**20] * 8)):
        response = client.post("/predict", content=content)
        assert response.status_code == 413
        assert response.headers["connection"] == "close"
    assert client.post("/predict", content=b" " * 2**20).status_code == 400


def test_metrics_count(client: httpx.Client, iris: ModelFile) -> None:
    def counts() -> dict[str, float]:
        response = client.get("/metrics")
        assert response.headers["content-type"].startswith("text/plain; version=")
        rows = re.findall(r"^(modelberth_\w+(?:{.*})?) (\S+)$", response.text, re.MULTILINE)
        return {name: float(value) for name, value in rows}

    before = counts()
    for _ in range(3):
        predict(client, FLOWERS)
    predict(client, [])
    for index in range(20):
        client.get(f"/nowhere/{index}")
        client.get(f"/v2/models/nobody-{index}")
    after = counts()
    grown = {name: after[name] - before.get(name, 0) for name in after if "_created" not in name}
    requests = "modelberth_requests_total"
    assert grown[f'{requests}{{code="200",route="/predict"}}'] == 3
    assert grown[f'{requests}{{code="400",route="/predict"}}'] == 1
    assert grown[f'{requests}{{code="404",route="other"}}'] == 20
    assert grown[f'{requests}{{code="404",route="/v2/models/{{name}}"}}'] == 20
    assert grown['modelberth_request_duration_seconds_count{route="/predict"}'] == 4
    assert after["modelberth_in_flight"] == 0
    info = f'{{name="iris",revision="blue-7",sha256="{iris.sha256}",version="3"}}'
    assert after[f"modelberth_model_info{info}"] == 1
    assert not [name for name in after if "nobody" in name or "nowhere" in name]
