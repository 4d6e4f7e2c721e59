"""A small Kubernetes API server on loopback: discovery, lists, dry run, apply, conflicts, slow objects."""

import base64
import copy
import json
import re
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml

Object = dict[str, Any]

GROUPS: dict[str, dict[str, tuple[str, bool]]] = {
    "/api/v1": {
        "ConfigMap": ("configmaps", True),
        "Namespace": ("namespaces", False),
        "Secret": ("secrets", True),
        "Service": ("services", True),
    },
    "/apis/apps/v1": {"Deployment": ("deployments", True)},
    "/apis/serving.kserve.io/v1beta1": {"InferenceService": ("inferenceservices", True)},
}
_COLLECTION = re.compile(r"(/api/v1|/apis/[^/]+/[^/]+)(?:/namespaces/([^/]+))?/([a-z]+)$")
_OBJECT = re.compile(r"(/api/v1|/apis/[^/]+/[^/]+)(?:/namespaces/([^/]+))?/([a-z]+)/([^/]+)$")


@dataclass(frozen=True)
class Seen:
    """A request that came in."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]


@dataclass
class KubernetesApi:
    """What the server holds and how it behaves; every field may be changed between requests."""

    objects: dict[str, Object] = field(default_factory=dict)
    requests: list[Seen] = field(default_factory=list)
    groups: dict[str, dict[str, tuple[str, bool]]] = field(default_factory=lambda: copy.deepcopy(GROUPS))
    namespaces: set[str] = field(default_factory=lambda: {"default", "team"})
    statuses: dict[str, list[Object]] = field(default_factory=lambda: defaultdict(list))
    """By path: the status that each look at the object shows; the last one stays."""
    answers: dict[tuple[str, str], tuple[int, Any] | Callable[[Seen], tuple[int, Any]]] = field(
        default_factory=dict
    )
    """By method and path: a fixed answer or what gives it; a text is sent as it is."""
    immutable: dict[str, str] = field(default_factory=lambda: {"Deployment": "selector"})
    """By kind: the field of `spec` that the server does not let change."""
    owners: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By path: a field and the manager that owns it."""
    lingers: int = 0
    """How many looks a deleted object is still there for."""
    clock: datetime | str | None = None
    """The time that each answer tells, or a text in its place; None: this machine's."""
    port: int = 0

    def sent(self, method: str) -> list[Seen]:
        """The requests of a method that change or would change something."""
        return [seen for seen in self.requests if seen.method == method]

    def kubeconfig(self, folder: Path, **user: Any) -> Path:
        """A kubeconfig with two contexts, of which the first is the current one and has a namespace."""
        path = folder / "kubeconfig"
        server = {"server": f"http://127.0.0.1:{self.port}"}
        contexts = {
            "here": {"cluster": "c", "user": "u", "namespace": "team"},
            "bare": {"cluster": "c", "user": "u"},
        }
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "clusters": [{"name": "c", "cluster": server}],
            "users": [{"name": "u", "user": user or {"token": "a-token"}}],
            "contexts": [{"name": name, "context": context} for name, context in contexts.items()],
        }
        path.write_text(yaml.safe_dump(document))
        return path

    def answer(self, seen: Seen) -> tuple[int, Any]:
        if fixed := self.answers.get((seen.method, seen.path)):
            return fixed(seen) if callable(fixed) else fixed
        if seen.path in self.groups:
            resources = [
                {"kind": kind, "name": plural, "namespaced": namespaced}
                for kind, (plural, namespaced) in self.groups[seen.path].items()
            ]
            return 200, {"resources": [*resources, {"kind": "Scale", "name": "x/scale", "namespaced": True}]}
        if seen.path == "/apis":
            versions = [path.split("/")[2:] for path in self.groups if path.startswith("/apis/")]
            named = {group: [v for g, v in versions if g == group] for group, _ in versions}
            return 200, {
                "groups": [{"name": g, "versions": [{"version": v} for v in vs]} for g, vs in named.items()]
            }
        if seen.path == "/version":
            return 200, {"major": "1", "minor": "36", "gitVersion": "v1.36.3"}
        if match := _OBJECT.fullmatch(seen.path):
            return self._object(seen, match[2])
        if (match := _COLLECTION.fullmatch(seen.path)) and (seen.method == "POST" or self._has(match)):
            return self._create(seen) if seen.method == "POST" else self._list(match, seen)
        if seen.path.endswith(("/pods", "/events", "/endpointslices")):
            return 200, {"items": []}
        return status(404, "NotFound", f"no {seen.path}")

    def _has(self, match: re.Match[str]) -> bool:
        return any(match[3] == plural for plural, _ in self.groups.get(match[1], {}).values())

    def _list(self, match: re.Match[str], seen: Seen) -> tuple[int, Any]:
        """The objects of a collection, of every namespace where it names none."""
        wanted = dict(part.split("=") for part in seen.query.get("labelSelector", "").split(",") if part)
        of_kind = re.compile(rf"{match[1]}(/namespaces/{match[2] or '[^/]+'})?/{match[3]}/[^/]+")
        found = [one for path, one in self.objects.items() if of_kind.fullmatch(path)]
        return 200, {
            "items": [one for one in found if wanted.items() <= one["metadata"].get("labels", {}).items()]
        }

    def _create(self, seen: Seen) -> tuple[int, Any]:
        path = f"{seen.path}/{seen.body['metadata']['name']}"
        if path in self.objects:
            return status(409, "AlreadyExists", f"{path} already exists")
        return self._write(path, {**seen.body["metadata"], "uid": f"u-{len(self.requests)}"}, seen.body)

    def _merge(self, seen: Seen, old: Object) -> tuple[int, Any]:
        """Merge labels, annotations and data into an object that has not changed since it was read."""
        if seen.body["metadata"].pop("resourceVersion") != old["metadata"]["resourceVersion"]:
            return status(409, "Conflict", "the object has been modified")
        metadata = {**old["metadata"], **seen.body["metadata"]}
        return self._write(seen.path, metadata, {**old, "data": {**(old["data"] or {}), **seen.body["data"]}})

    def _write(self, path: str, metadata: Object, body: Object) -> tuple[int, Any]:
        version = {"resourceVersion": str(len(self.requests))}
        self.objects[path] = {**copy.deepcopy(body), "metadata": {**copy.deepcopy(metadata), **version}}
        return 201, self.objects[path]

    def _object(self, seen: Seen, namespace: str | None) -> tuple[int, Any]:
        if namespace and namespace not in self.namespaces:
            return status(404, "NotFound", f'namespaces "{namespace}" not found')
        old = self.objects.get(seen.path)
        if seen.method == "PATCH" and seen.headers["content-type"] != "application/merge-patch+json":
            return self._apply(seen, old)
        if old is None:
            return status(404, "NotFound", f"{seen.path} not found")
        if seen.method == "PATCH":
            return self._merge(seen, old)
        if seen.method == "DELETE":
            only = (seen.body or {}).get("preconditions") or {}
            if any(old["metadata"].get(name) != value for name, value in only.items()):
                return status(409, "Conflict", "the precondition does not hold")
            old["metadata"]["deletionTimestamp"] = "2026-11-21T00:00:00Z"
            if not self.lingers:
                del self.objects[seen.path]
            return 200, old
        if "deletionTimestamp" in old["metadata"]:
            self.lingers -= 1
            if self.lingers < 0:
                del self.objects[seen.path]
                return status(404, "NotFound", f"{seen.path} not found")
        steps = self.statuses[seen.path]
        if steps:
            old["status"] = steps.pop(0) if len(steps) > 1 else steps[0]
        return 200, old

    def _apply(self, seen: Seen, old: Object | None) -> tuple[int, Any]:
        assert seen.headers["content-type"] == "application/apply-patch+yaml"
        wanted: Object = copy.deepcopy(seen.body)
        fixed = self.immutable.get(wanted["kind"], "")
        if old and fixed in old.get("spec", {}) and old["spec"][fixed] != wanted["spec"].get(fixed):
            message = f'Invalid value: "{wanted["spec"].get(fixed)}": field is immutable'
            return invalid(f"{wanted['kind']} is invalid", (f"spec.{fixed}", message))
        if seen.path in self.owners and seen.query["force"] != "true":
            owned, manager = self.owners[seen.path]
            cause = {
                "reason": "FieldManagerConflict",
                "message": f'conflict with "{manager}"',
                "field": f".{owned}",
            }
            return status(409, "Conflict", "Apply failed with 1 conflict", [cause])
        texts = wanted.pop("stringData", {})
        if texts:
            encoded = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
            wanted["data"] = {**wanted.get("data", {}), **encoded}
        if wanted["kind"] == "Service":
            wanted["spec"].setdefault("clusterIP", "10.96.0.7")
        if wanted["kind"] in {"Deployment", "Service"}:
            wanted["status"] = {}
        generation = (old["metadata"]["generation"] if old else 0) + 1
        wanted["metadata"] |= {
            "uid": "u-1",
            "resourceVersion": "7",
            "generation": generation,
            "managedFields": [],
        }
        if seen.query.get("dryRun") != "All":
            self.objects[seen.path] = wanted
        return 200, wanted


def status(code: int, reason: str, message: str, causes: list[Object] | None = None) -> tuple[int, Object]:
    details = {"details": {"causes": causes}} if causes else {}
    return code, {"kind": "Status", "status": "Failure", "reason": reason, "message": message, **details}


def invalid(message: str, *causes: tuple[str, str]) -> tuple[int, Object]:
    told = [{"field": path, "message": reason} for path, reason in causes]
    return status(422, "Invalid", message, told)


def serve(api: KubernetesApi) -> ThreadingHTTPServer:
    """Start the server in a thread of its own; `shutdown` and `server_close` end it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else every answer waits 40 ms for the client's acknowledgement

        def handle_any(self) -> None:
            url = urlsplit(self.path)
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            headers = {key.lower(): value for key, value in self.headers.items()}
            seen = Seen(self.command, url.path, dict(parse_qsl(url.query)), body, headers)
            api.requests.append(seen)
            code, answer = api.answer(seen)
            content = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("content-type", "text/plain" if isinstance(answer, str) else "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PATCH = do_POST = do_DELETE = handle_any  # noqa: N815

        def date_time_string(self, timestamp: float | None = None) -> str:
            if isinstance(api.clock, datetime):
                return format_datetime(api.clock, usegmt=True)
            return super().date_time_string(timestamp) if api.clock is None else api.clock

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    return server
