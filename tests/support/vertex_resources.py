"""Our resources of Vertex AI before the fake one, with a clock that does not wait."""

import threading
from pathlib import Path
from typing import Any

import pytest

from modelberth.provider.resource import Settings
from modelberth.provider.vertex import connection
from modelberth.provider.vertex.client import VertexClient
from modelberth.provider.vertex.transport import Transport
from support.vertex_api import ENDPOINT, PARENT, VertexApi
from support.vertex_client import Clock, Crashing, Direct

PROJECT, REGION = PARENT.split("/")[1::2]
IMAGE = f"europe-west4-docker.pkg.dev/shop-prod/models/iris@sha256:{'1' * 64}"
OTHER = IMAGE.replace("1" * 64, "2" * 64)
KEY = f"projects/{PROJECT}/locations/{REGION}/keyRings/shop/cryptoKeys/models"
VERSION: dict[str, Any] = {
    "project": PROJECT,
    "region": REGION,
    "modelId": "shop",
    "displayName": "shop-prod",
    "image": IMAGE,
}
EVERYTHING: dict[str, Any] = {
    **VERSION,
    "description": "Which iris it is",
    "versionDescription": "with more trees",
    "command": ["serve"],
    "args": ["--fast"],
    "env": {"B": "2", "A": "1"},
    "ports": [8080, 9090],
    "predictRoute": "/predict",
    "healthRoute": "/health",
    "startupProbe": {"path": "/health", "port": 8080, "period": 10, "failureThreshold": 60},
    "healthProbe": {"path": "/ready", "timeout": 5, "successThreshold": 1},
    "livenessProbe": {"command": ["test", "-f", "/alive"], "initialDelay": 30},
    "sharedMemoryMb": 512,
    "deploymentTimeout": 1800,
    "artifactUri": "gs://models/iris/3",
    "encryptionKey": KEY,
    "labels": {"endpoint": "iris"},
}
SHARE: dict[str, Any] = {"model": f"{PARENT}/models/iris@1", "percent": 100, "machineType": "n1-standard-4"}
DEPLOYED: dict[str, Any] = {"name": "shop-prod-iris", "endpoint": ENDPOINT, "shares": [SHARE]}


class World:
    """A fake Vertex AI and the provider's settings that lead to it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.api = VertexApi()
        self.api.add_endpoint()
        self.api.add_model(f"{PARENT}/models/iris", versions=3)
        self.clock = Clock()
        self.settings = Settings(Path(), Path(), vertex_endpoint="http://127.0.0.1:1")
        self.sending = Crashing(Direct(self.api))
        monkeypatch.setattr(connection, "_client", self._client)

    def crash(self, at: int, *, answered: bool = False) -> None:
        """Kill the command at a request that is sent from now on."""
        self.sending.count, self.sending.at, self.sending.answered = 0, at, answered

    def _client(self, address: str, cancelled: threading.Event) -> VertexClient:
        assert (address, cancelled) == (self.settings.vertex_endpoint, self.settings.cancelled)
        return VertexClient(Transport(address, lambda: "x", pace=self.clock.pace(), sending=self.sending))
