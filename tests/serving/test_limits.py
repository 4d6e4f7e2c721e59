"""Concurrency and time are bounded, and what is cut off stops to compute."""

import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

from serving.models import ModelFile
from serving.processes import ServerProcess, answer_on, launcher, predict, wait_until

FOREVER = [10**9]


@pytest.fixture(scope="module")
def server(slow: ModelFile, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with launcher(tmp_path_factory.mktemp("limits")) as launch:
        server = launch(slow.environ(MODELBERTH_MAX_CONCURRENCY="1", MODELBERTH_TIMEOUT_SECONDS="1.5"))
        server.wait_until_ready()
        yield server
        assert "ERROR" not in server.log


@pytest.fixture
def client(server: ServerProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as http:
        yield http


def in_flight(client: httpx.Client) -> float:
    text = client.get("/metrics").text
    return float(text.partition("\nmodelberth_in_flight ")[2].split()[0])


def test_one_more_than_the_limit_is_429_and_the_one_too_long_is_504(client: httpx.Client) -> None:
    answers: list[httpx.Response] = []
    busy = threading.Thread(target=lambda: answers.append(predict(client, FOREVER)))
    busy.start()
    wait_until(lambda: in_flight(client) == 1, lambda: "the long prediction did not start")
    refused = predict(client, [1])
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "1"
    assert refused.json() == {"error": "busy: 1 predictions are in flight, which is the limit"}
    # Health does not wait for predictions.
    assert client.get("/health/ready").status_code == 200
    busy.join()
    assert answers[0].status_code == 504
    assert answers[0].json() == {"error": "timeout: the prediction took longer than allowed"}
    # The model was told to stop: its place is free again long before its hour is over.
    wait_until(lambda: in_flight(client) == 0, lambda: "the aborted prediction goes on")
    assert predict(client, [10]).json()["predictions"] == pytest.approx(0.4629579, abs=1e-3)


def test_a_body_that_does_not_arrive_is_408(server: ServerProcess) -> None:
    with socket.create_connection(server.address, timeout=30) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{")
        answer = answer_on(connection)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer
    assert b'{"error":"body: it did not arrive in time"}' in answer
