"""What is shown of an endpoint after a deployment."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from modelberth.cli.endpoints import ask


class Server(HTTPServer):
    """Answers with `about` for the metadata and `status` for a prediction; keeps what was sent."""

    about: dict[str, Any]
    status: int
    sent: Any = None


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self._answer(200, self.server.about)

    def do_POST(self) -> None:
        self.server.sent = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self._answer(self.server.status, {"predictions": [1]})

    def _answer(self, status: int, body: Any) -> None:
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), Handler)
    server.about, server.status = {"inputs": [{"shape": [-1, 2, 3]}]}, 200
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def contract(port: int) -> dict[str, Any]:
    url = f"http://127.0.0.1:{port}"
    return {
        "name": "iris",
        "url": url,
        "predict_path": "/predict",
        "model_name": "iris",
        "auth": "loopback",
        "logs": "/log",
    }


def test_it_sends_the_models_own_example(server: Server) -> None:
    server.about["parameters"] = {"example": [[5.1, 3.5]]}
    answer = ask(contract(server.server_port))
    assert server.sent == {"input": [[5.1, 3.5]]}
    assert answer.ok
    assert json.loads(answer.reply) == {"predictions": [1]}
    assert answer.curl.startswith(f"curl -s http://127.0.0.1:{server.server_port}/predict ")
    assert json.dumps(server.sent) in answer.curl


def test_without_an_example_it_sends_zeros_in_the_models_shape(server: Server) -> None:
    assert ask(contract(server.server_port)).ok
    assert server.sent == {"input": [[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]]}


def test_an_error_is_shown_and_is_not_ok(server: Server) -> None:
    server.status = 503
    answer = ask(contract(server.server_port))
    assert (answer.ok, json.loads(answer.reply)) == (False, {"predictions": [1]})


def test_no_answer_at_all_is_told() -> None:
    answer = ask(contract(1))
    assert (answer.ok, answer.reply) == (False, "no answer (ConnectError)")


@pytest.mark.parametrize(
    ("changes", "reply", "line"),
    [
        (
            {"url": "http://iris.shop.svc.cluster.local", "auth": "none"},
            "inside its cluster",
            (
                "kubectl port-forward --namespace shop service/iris 8080:80 & "
                "curl -s http://127.0.0.1:8080/predict "
            ),
        ),
        (
            {"url": "https://iris.shop.svc.cluster.local", "auth": "api_key"},
            "inside its cluster",
            (
                "kubectl port-forward --namespace shop service/iris 8080:443 & "
                "curl -s https://127.0.0.1:8080/predict -H 'content-type: application/json' "
                "-H 'x-api-key: KEY'"
            ),
        ),
        (
            {"url": "https://iris.example.com", "auth": "api_key", "auth_header": "X-Team-Key"},
            "callers prove who they are (api_key)",
            (
                "curl -s https://iris.example.com/predict -H 'content-type: application/json' "
                "-H 'X-Team-Key: KEY' -d "
            ),
        ),
        (
            {"url": "https://iris.example.com", "auth": "jwt"},
            "callers prove who they are (jwt)",
            (
                "curl -s https://iris.example.com/predict -H 'content-type: application/json' "
                "-H 'authorization: Bearer TOKEN'"
            ),
        ),
    ],
)
def test_what_others_may_call_is_not_asked(changes: dict[str, str], reply: str, line: str) -> None:
    answer = ask({**contract(1), **changes})
    assert answer.ok
    assert answer.reply.startswith("not asked: ")
    assert reply in answer.reply
    assert answer.curl.startswith(line)
