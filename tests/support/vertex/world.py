"""What the fake Vertex AI holds, what can be set of it, and its operations."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from support.vertex.containers import Containers

Object = dict[str, Any]
Answer = tuple[int, Object]

PARENT = "projects/shop-prod/locations/europe-west4"
ENDPOINT = f"{PARENT}/endpoints/iris"
CODES = {
    "INVALID_ARGUMENT": (3, 400),
    "NOT_FOUND": (5, 404),
    "ALREADY_EXISTS": (6, 409),
    "PERMISSION_DENIED": (7, 403),
    "RESOURCE_EXHAUSTED": (8, 429),
    "FAILED_PRECONDITION": (9, 400),
    "ABORTED": (10, 409),
    "INTERNAL": (13, 500),
    "UNAVAILABLE": (14, 503),
    "UNAUTHENTICATED": (16, 401),
}
STAGES = ("STARTING_DEPLOYMENT", "STARTING_MODEL_SERVER", "SUCCESSFULLY_DEPLOYED")


class RefusedError(Exception):
    """The API says no."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message

    @property
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
    may_end: Callable[[], bool] = lambda: True
    """Whether what it waits for has come."""


@dataclass
class World:
    """What the server holds and how it behaves; every field may be changed between requests."""

    models: dict[str, dict[str, Object]] = field(default_factory=dict)
    """Versions by their number, by the model's name."""
    uploading: set[str] = field(default_factory=set)
    """Models whose first version is being uploaded."""
    counted: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """How many versions a model ever had."""
    endpoints: dict[str, Object] = field(default_factory=dict)
    operations: dict[str, Running] = field(default_factory=dict)
    requests: list[Seen] = field(default_factory=list)
    history: list[tuple[dict[str, Object], dict[str, Object]]] = field(default_factory=list)
    """After each request: the endpoints, and what was being deployed."""
    predictions: int = 0
    looks: int = 2
    """How often an operation is asked for before it has ended."""
    late: int = 0
    """How many reads do not know of what was just made: a model, a deployed model, a listed operation."""
    shows_deploying: bool = False
    """Whether a model is listed on its endpoint while it is being deployed."""
    quota: int = 100
    """Replicas: a deployed model counts with its largest number."""
    refusals: dict[str, list[RefusedError]] = field(default_factory=lambda: defaultdict(list))
    """By verb: what the next requests are answered with."""
    failures: dict[str, list[RefusedError]] = field(default_factory=lambda: defaultdict(list))
    """By verb: how the next operations end."""
    retry_after: int | None = None
    port: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)
    hidden: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Reads by name that do not know of it yet."""
    deploying: dict[str, Object] = field(default_factory=dict)
    undeploying: set[str] = field(default_factory=set)
    containers: Containers | None = None
    """What runs on the machines; none: predictions are made up."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def add_endpoint(self, name: str = ENDPOINT) -> Object:
        self.endpoints[name] = {"name": name, "etag": "e0", "deployedModels": [], "trafficSplit": {}}
        return self.endpoints[name]

    def add_model(self, name: str, versions: int = 1) -> None:
        self.models[name] = {
            str(one): {"name": name, "versionId": str(one), "versionAliases": ["default"] if one == 1 else []}
            for one in range(1, versions + 1)
        }
        self.counted[name] = versions

    def sent(self, verb: str) -> list[Seen]:
        return [seen for seen in self.requests if seen.verb == verb]

    def arrived(self, name: str) -> None:
        if self.hidden[name]:
            self.hidden[name] -= 1
            raise RefusedError("NOT_FOUND", f"{name} does not exist.")

    def begin(
        self,
        kind: str,
        of: str,
        verb: str,
        finish: Callable[[], Object],
        undo: Callable[[], object] = lambda: None,
        may_end: Callable[[], bool] = lambda: True,
    ) -> Object:
        failure = self.failures[verb].pop(0) if self.failures[verb] else None

        def ended() -> Object:
            try:
                if failure:
                    raise failure
                return {"response": finish()}
            except RefusedError as refused:
                undo()
                return {"error": refused.status_message}

        name = f"{of}/operations/{len(self.operations) + 1}"
        kind = f"type.googleapis.com/google.cloud.aiplatform.v1.{kind}OperationMetadata"
        running = Running(kind, self.looks, ended, unlisted=self.late, may_end=may_end)
        self.operations[name] = running
        self.hidden[name] = self.late
        return self.told(name, running)

    def told(self, name: str, running: Running) -> Object:
        metadata: Object = {"@type": running.kind, "genericMetadata": {"createTime": "2026-11-22T08:00:00Z"}}
        if "DeployModel" in running.kind and "Undeploy" not in running.kind:
            metadata["deploymentStage"] = STAGES[
                min(len(STAGES) - 1, max(0, len(STAGES) - 1 - running.looks))
            ]
        return {"name": name, "metadata": metadata, **running.document}
