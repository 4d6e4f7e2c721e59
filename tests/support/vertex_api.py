"""A small Vertex AI API server on loopback: models, endpoints, and operations that take their time.

It behaves as the reference of v1 has it (docs.cloud.google.com/vertex-ai/docs/reference/rest, and what
google/cloud/aiplatform/v1/endpoint_service.proto and model_service.proto say); errors follow
google.aip.dev/193, a change bound to another etag google.aip.dev/154, an id that is taken google.aip.dev/133.
What is not documented can be set.
"""

import copy
import json
import re
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from support.vertex import endpoints, models, operations
from support.vertex.world import ENDPOINT, PARENT, Answer, Object, RefusedError, Seen, World

__all__ = ["ENDPOINT", "PARENT", "Answer", "RefusedError", "Seen", "VertexApi", "read", "serve"]


Method = Callable[..., Object]


class VertexApi(World):
    """The server's answers. Every field of its world may be changed between requests."""

    def answer(self, seen: Seen) -> Answer:
        with self.lock:
            self.requests.append(seen)
            try:
                answer = 200, copy.deepcopy(self._answer(seen))
            except RefusedError as refused:
                answer = refused.answer
            if seen.verb != "predict":
                self.history.append(copy.deepcopy((self.endpoints, self.deploying)))
        if seen.verb == "predict" and answer[0] == 200 and self.containers:
            code, predicted = self.containers.predict(answer[1]["deployedModelId"], seen.body)
            return code, {**answer[1], **predicted}
        return answer

    def _answer(self, seen: Seen) -> Object:
        if self.refusals[seen.verb]:
            raise self.refusals[seen.verb].pop(0)
        if not seen.headers.get("authorization", "").startswith("Bearer "):
            raise RefusedError("UNAUTHENTICATED", "Request is missing required authentication credential.")
        for method, pattern, does in _METHODS:
            if seen.method == method and (match := re.fullmatch(f"/v1/{pattern}", seen.path)):
                return does(self, seen, *match.groups())
        raise RefusedError("NOT_FOUND", f"no {seen.method} {seen.path}")


_PLACE, _ID = "projects/[^/]+/locations/[^/]+", "[^/:@]+"
_ENDPOINT, _MODEL = f"({_PLACE}/endpoints/{_ID})", f"({_PLACE}/models/{_ID})"
_METHODS: tuple[tuple[str, str, Method], ...] = (
    ("POST", f"({_PLACE})/models:upload", models.upload),
    ("GET", f"{_MODEL}(?:@({_ID}))?", models.get),
    ("PATCH", f"{_MODEL}(?:@({_ID}))?", models.patch),
    ("POST", f"{_MODEL}@({_ID}):mergeVersionAliases", models.merge),
    ("DELETE", f"{_MODEL}@({_ID}):deleteVersion", models.delete_version),
    ("GET", f"{_MODEL}:listVersions", models.versions),
    ("DELETE", _MODEL, models.delete),
    ("GET", _ENDPOINT, endpoints.get),
    ("PATCH", _ENDPOINT, endpoints.patch),
    ("POST", f"{_ENDPOINT}:deployModel", endpoints.deploy),
    ("POST", f"{_ENDPOINT}:undeployModel", endpoints.undeploy),
    ("POST", f"{_ENDPOINT}:mutateDeployedModel", endpoints.mutate),
    ("POST", f"{_ENDPOINT}:predict", endpoints.predict),
    ("GET", f"({_PLACE}/(?:(?:endpoints|models)/{_ID}/)?operations/{_ID})", operations.get),
    ("GET", f"({_PLACE}/(?:endpoints|models)/{_ID})/operations", operations.listed),
)


def read(method: str, address: str, headers: Mapping[str, str], body: bytes) -> Seen:
    """A request as it comes over the wire."""
    url = urlsplit(address)
    custom = url.path.rpartition("/")[2].partition(":")[2]
    verb = custom or ("operations" if "/operations" in url.path else method.lower())
    lower = {key.lower(): value for key, value in headers.items()}
    return Seen(method, verb, url.path, dict(parse_qsl(url.query)), json.loads(body) if body else None, lower)


def serve(api: VertexApi) -> ThreadingHTTPServer:
    """Start the server in a thread of its own; `shutdown` and `server_close` end it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else every answer waits 40 ms for the client's acknowledgement

        def handle_any(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            code, answer = api.answer(read(self.command, self.path, self.headers, self.rfile.read(length)))
            content = json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            if deployed := answer.get("deployedModelId"):
                self.send_header("x-deployed-model", deployed)
            if api.retry_after is not None and code in (429, 503):
                self.send_header("retry-after", str(api.retry_after))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PATCH = do_POST = do_DELETE = handle_any  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    return server
