"""What AWS Lambda is to a function: the Runtime API on loopback, and the variables of the environment.

Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html.
"""

import contextlib
import json
import queue
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

VERSION = "/2018-06-01/runtime"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:predict"


@dataclass(frozen=True)
class Outcome:
    """What the function did with an invocation: `response` or `error`, or `init/error` with none at all."""

    kind: str
    identifier: str
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class LambdaPlatform:
    """Hands out invocations, one at a time, and takes what comes back."""

    address: str
    invocations: "queue.Queue[tuple[dict[str, str], bytes]]" = field(default_factory=queue.Queue)
    outcomes: "queue.Queue[Outcome]" = field(default_factory=queue.Queue)
    polled: threading.Event = field(default_factory=threading.Event)
    closed: threading.Event = field(default_factory=threading.Event)
    refusing: bool = False
    """Whether a streamed answer is broken off, as when its caller has gone."""

    @property
    def environ(self) -> dict[str, str]:
        """Variables that a container image on Lambda gets."""
        return {
            "AWS_LAMBDA_RUNTIME_API": self.address,
            "AWS_LAMBDA_FUNCTION_NAME": "predict",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/predict",
            "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/21/[$LATEST]0",
            "AWS_REGION": "us-east-1",
            "LAMBDA_TASK_ROOT": "/var/task",
            "LAMBDA_RUNTIME_DIR": "/var/runtime",
            "TZ": ":UTC",
        }

    def start(self, event: Any, seconds: float = 30.0) -> str:
        """Hand out an invocation that has to be answered within `seconds`; return its identifier."""
        identifier = str(uuid.uuid4())
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": identifier,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + seconds) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": ARN,
            "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=1",
        }
        payload = event if isinstance(event, bytes) else json.dumps(event).encode()
        self.invocations.put((headers, payload))
        return identifier

    def outcome(self) -> Outcome:
        """Wait for what comes back next."""
        return self.outcomes.get(timeout=30)

    def invoke(self, event: Any, seconds: float = 30.0) -> Outcome:
        """Hand out an invocation and wait for its outcome."""
        identifier = self.start(event, seconds)
        outcome = self.outcome()
        assert outcome.identifier == identifier
        return outcome

    def next(self) -> tuple[dict[str, str], bytes] | None:
        self.polled.set()
        while not self.closed.is_set():
            with contextlib.suppress(queue.Empty):
                return self.invocations.get(timeout=0.05)
        return None


class Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A function that was killed leaves its connection as it is: nothing to report."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextlib.contextmanager
def lambda_platform() -> Iterator[LambdaPlatform]:
    """Serve the Runtime API while the context is open."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body in one packet: in two, the second waits 40 ms for a delayed acknowledgement.
        wbufsize = -1

        def do_GET(self) -> None:
            assert self.path == f"{VERSION}/invocation/next"
            given = platform.next()
            if given is None:
                self.close_connection = True
                return
            self.reply(200, *given)

        def do_POST(self) -> None:
            body = self.streamed() if "Content-Length" not in self.headers else self.whole()
            if body is None:
                self.close_connection = True
                return
            *_, identifier, kind = self.path.split("/")
            kind, identifier = ("init/error", "") if identifier == "init" else (kind, identifier)
            platform.outcomes.put(Outcome(kind, identifier, body, dict(self.headers)))
            self.reply(202, {"Content-Type": "application/json"}, b'{"status": "OK"}')

        def whole(self) -> bytes:
            return self.rfile.read(int(self.headers["Content-Length"]))

        def streamed(self) -> bytes | None:
            """The chunks of an answer (RFC 9112, 7.1); None where it has no end."""
            assert self.headers["Transfer-Encoding"] == "chunked"
            found = b""
            while size := int(self.rfile.readline() or b"-1", 16):
                if platform.refusing or size < 0:
                    return None
                found += self.rfile.read(size)
                assert self.rfile.readline() == b"\r\n"
            assert self.rfile.readline() == b"\r\n"
            return found

        def reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Keep the tests' output clean."""

    with Server(("127.0.0.1", 0), Handler) as server:
        platform = LambdaPlatform(f"127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield platform
        finally:
            platform.closed.set()
            server.shutdown()
            thread.join()
