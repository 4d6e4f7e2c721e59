"""A small Vertex AI API server on loopback: models, endpoints, and operations that take their time.

It behaves as the reference of v1 has it (docs.cloud.google.com/vertex-ai/docs/reference/rest, and the comments
of google/cloud/aiplatform/v1/{endpoint,model}_service.proto); errors follow google.aip.dev/193, a change bound
to another etag google.aip.dev/154, an id that is taken google.aip.dev/133. What is not documented can be set.
"""

import copy
import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from support.vertex import endpoints, models, operations
from support.vertex.world import ENDPOINT, PARENT, Answer, Object, Refused, Seen, World

__all__ = ["ENDPOINT", "PARENT", "Refused", "Seen", "VertexApi", "serve"]


class VertexApi(World):
    """A world that answers requests."""

    def answer(self) -> Answer:
        code = CODES[self.status][1]
        return code, {"error": {"code": code, "message": self.message, "status": self.status}}

    @property
    def status_message(self) -> Object:
        """As google.rpc.Status, in an operation that ended so."""
        return {"code": CODES[self.status][0], "message": self.message}


@dataclass(frozen=True)
class Seen:
    """A request that came in; `verb` is the custom method, or the HTTP method in lower case."""

    method: str
    verb: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]


@dataclass
class Running:
    """An operation under way: `looks` more, then `finish` makes what it answers."""

    kind: str
    looks: int
    finish: Callable[[], Object]
    document: Object = field(default_factory=dict)
    unlisted: int = 0


@dataclass
class VertexApi:
    """What the server holds and how it behaves; every field may be changed between requests."""

    models: dict[str, dict[str, Object]] = field(default_factory=dict)
    """Versions by their number, by the model's name."""
    endpoints: dict[str, Object] = field(default_factory=dict)
    operations: dict[str, Running] = field(default_factory=dict)
    requests: list[Seen] = field(default_factory=list)
    history: list[Object] = field(default_factory=list)
    """Each state that an endpoint was in, and `deploying`, the ids on their way."""
    looks: int = 2
    """How often an operation is asked for before it has ended."""
    late: int = 0
    """How many reads do not know of what was just made: a model, a deployed model, a listed operation."""
    shows_deploying: bool = False
    """Whether a model is listed on its endpoint while it is being deployed."""
    quota: int = 100
    """Replicas: a deployed model counts with its largest number."""
    refusals: dict[str, list[Refused]] = field(default_factory=lambda: defaultdict(list))
    """By verb: what the next requests are answered with."""
    failures: dict[str, list[Refused]] = field(default_factory=lambda: defaultdict(list))
    """By verb: how the next operations end."""
    retry_after: int | None = None
    port: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)
    hidden: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Reads by name that do not know of it yet."""
    deploying: dict[str, Object] = field(default_factory=dict)
    undeploying: set[str] = field(default_factory=set)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def add_endpoint(self, name: str = ENDPOINT) -> Object:
        self.endpoints[name] = {"name": name, "etag": "e0", "deployedModels": [], "trafficSplit": {}}
        return self.endpoints[name]

    def add_model(self, name: str, versions: int = 1) -> None:
        every = range(1, versions + 1)
        self.models[name] = {str(one): {"name": name, "versionId": str(one)} for one in every}

    def sent(self, verb: str) -> list[Seen]:
        return [seen for seen in self.requests if seen.verb == verb]

    def answer(self, seen: Seen) -> Answer:
        with self.lock:
            self.requests.append(seen)
            try:
                if self.refusals[seen.verb]:
                    raise self.refusals[seen.verb].pop(0)
                if not seen.headers.get("authorization", "").startswith("Bearer "):
                    raise Refused("UNAUTHENTICATED", "Request is missing required authentication credential.")
                answer = 200, self._answer(seen)
            except Refused as refused:
                answer = refused.answer
            now = {"endpoints": copy.deepcopy(self.endpoints), "deploying": dict(self.deploying)}
            self.history.append(now)
            return answer

    def _answer(self, seen: Seen) -> Object:
        for method, pattern, does in self._routes():
            if seen.method == method and (match := re.fullmatch(f"/v1/{pattern}", seen.path)):
                return does(seen, *match.groups())
        raise Refused("NOT_FOUND", f"no {seen.method} {seen.path}")

    def _routes(self) -> tuple[tuple[str, str, Callable[..., Object]], ...]:
        place, name = "projects/[^/]+/locations/[^/]+", "[^/:@]+"
        endpoint, model = f"({place}/endpoints/{name})", f"({place}/models/{name})"
        return (
            ("POST", f"({place})/models:upload", self._upload),
            ("GET", f"{model}(?:@({name}))?", self._model),
            ("GET", f"{model}:listVersions", self._versions),
            ("DELETE", model, self._delete_model),
            ("GET", endpoint, self._endpoint),
            ("PATCH", endpoint, self._patch),
            ("POST", f"{endpoint}:deployModel", self._deploy),
            ("POST", f"{endpoint}:undeployModel", self._undeploy),
            ("POST", f"{endpoint}:mutateDeployedModel", self._mutate),
            ("POST", f"{endpoint}:predict", self._predict),
            ("GET", f"({place}/(?:.+/)?operations/{name})", self._operation),
            ("GET", f"({place}/(?:endpoints|models)/{name})/operations", self._operations),
        )


def serve(api: VertexApi) -> ThreadingHTTPServer:
    """Start the server in a thread of its own; `shutdown` and `server_close` end it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else every answer waits 40 ms for the client's acknowledgement

        def handle_any(self) -> None:
            url = urlsplit(self.path)
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            headers = {key.lower(): value for key, value in self.headers.items()}
            custom = url.path.rpartition("/")[2].partition(":")[2]
            verb = custom or ("operations" if "/operations" in url.path else self.command.lower())
            seen = Seen(self.command, verb, url.path, dict(parse_qsl(url.query)), body, headers)
            code, answer = api.answer(seen)
            content = json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
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
