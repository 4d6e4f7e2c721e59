"""What runs on the machines of the fake Vertex AI: the real model server, started as Vertex AI starts it.

The variables are those of docs.cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements.
"""

import os
import threading
from collections import defaultdict
from pathlib import Path
from typing import Any

import httpx

from conformance.platforms import PlatformProcess

_DRAIN_SECONDS = 20.0


class Containers:
    """A process for each deployed model, by its id.

    `buckets` are folders of this machine in place of those in Cloud Storage, by their gs:// address: the real
    one hands a container the address of a copy, too.
    """

    def __init__(self, folder: Path, buckets: dict[str, Path]) -> None:
        self.ended: list[str] = []
        self._folder, self._buckets = folder, buckets
        self._processes: dict[str, PlatformProcess] = {}
        self._routes: dict[str, str] = {}
        self._urls: dict[str, str] = {}
        self._inside: dict[str, int] = defaultdict(int)
        self._left = threading.Condition()
        self._http = httpx.Client(transport=httpx.HTTPTransport(verify=False), timeout=10)

    def start(self, endpoint: str, deployed: dict[str, Any], model: dict[str, Any]) -> None:
        spec, number, endpoint_id = model["containerSpec"], deployed["id"], endpoint.rpartition("/")[2]
        default = f"/v1/endpoints/{endpoint_id}/deployedModels/{number}"
        storage = model.get("artifactUri", "")
        # Where it listens is read from its log.
        asked = {one["name"]: one["value"] for one in spec.get("env", ())} | {"MODELBERTH_LOG_FORMAT": ""}
        environ = {
            "PATH": os.environ["PATH"],
            "HOST": "127.0.0.1",
            **{name: value for name, value in asked.items() if value},
            "AIP_MODE": "PREDICTION",
            "AIP_FRAMEWORK": "CUSTOM_CONTAINER",
            "AIP_ENDPOINT_ID": endpoint_id,
            "AIP_DEPLOYED_MODEL_ID": number,
            "AIP_HTTP_PORT": "0",
            "AIP_HEALTH_ROUTE": spec.get("healthRoute", default),
            "AIP_PREDICT_ROUTE": spec.get("predictRoute", f"{default}:predict"),
            "AIP_STORAGE_URI": self._buckets[storage].as_uri() if storage else "",
            "MODELBERTH_MODEL_FOLDER": str(self._folder / number),
            # Nobody is left who could send it a request.
            "MODELBERTH_DRAIN_DELAY_SECONDS": "0",
            "MODELBERTH_DRAIN_SECONDS": "1",
        }
        self._routes[number] = environ["AIP_PREDICT_ROUTE"]
        self._processes[number] = PlatformProcess(environ, self._folder / f"{number}.log")

    def is_ready(self, number: str) -> bool:
        """Whether it serves, or never will."""
        server = self._processes[number]
        if "ready: model" in server.log:
            self._urls[number] = f"{server.url}{self._routes[number]}"
        return number in self._urls or self.has_ended(number)

    def has_ended(self, number: str) -> bool:
        return self._processes[number].process.poll() is not None

    def enter(self, number: str) -> None:
        """A request is on its way to a container, which does not end before it has its answer."""
        with self._left:
            self._inside[number] += 1

    def predict(self, number: str, body: Any) -> tuple[int, Any]:
        try:
            answer = self._http.post(self._urls[number], json=body)
            return answer.status_code, answer.json()
        finally:
            with self._left:
                self._inside[number] -= 1
                self._left.notify_all()

    def stop(self, number: str) -> None:
        with self._left:
            assert self._left.wait_for(lambda: not self._inside[number], _DRAIN_SECONDS)
        server = self._processes.pop(number)
        server.terminate()
        server.exit_status()
        self.ended.append(number)

    def close(self) -> None:
        self._http.close()
        for server in self._processes.values():
            server.process.kill()
            server.process.wait()
