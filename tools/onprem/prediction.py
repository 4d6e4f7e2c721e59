"""A prediction from the endpoint's pods, as a caller on this machine gets one."""

from __future__ import annotations

import base64
import json
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from console import SetupError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["BODY", "Endpoint", "Kubectl"]

BODY = json.dumps({"input": [[5.1, 3.5, 1.4, 0.2]]})
"""One row: sepals and petals of a setosa, in cm (models/iris/MODEL_CARD.md)."""

_ANSWER_S = 10.0
_PATIENCE_S = 30.0  # until kube-proxy has routed the Service
_PAUSE_S = 0.5
_DOMAIN = "svc.cluster.local"
_KEY_HEADER = "x-api-key"  # of the contract, unless it names another


@dataclass(frozen=True)
class Kubectl:
    """`kubectl` as who may do everything in the cluster of a kubeconfig."""

    program: Path
    kubeconfig: Path
    environ: Mapping[str, str]

    def __call__(self, *arguments: str) -> str:
        """Return what it prints. Raises SetupError when it fails."""
        command: list[str | Path] = [self.program, f"--kubeconfig={self.kubeconfig}", *arguments]
        done = subprocess.run(command, env=self.environ, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SetupError(f"`kubectl {' '.join(arguments)}`: {done.stderr.strip()}")
        return done.stdout

    def get(self, *arguments: str) -> Any:
        """Return an object, or a list of them, as JSON has it."""
        return json.loads(self("get", *arguments, "--output=json"))


@dataclass(frozen=True)
class Endpoint:
    """An endpoint in the cluster, by what its stack exports of it."""

    name: str
    service: str
    namespace: str
    path: str
    auth: str
    key_header: str

    @classmethod
    def of(cls, contract: Mapping[str, Any]) -> Endpoint:
        """Read a contract. Raises SetupError where it is not reached by a Service without TLS."""
        address = urlsplit(contract["url"])
        service, _, rest = (address.hostname or "").partition(".")
        namespace, _, domain = rest.partition(".")
        if address.scheme != "http" or domain != _DOMAIN:
            allowed = f"http://SERVICE.NAMESPACE.{_DOMAIN}"
            raise SetupError(f"endpoint {contract['name']}: url: given {contract['url']}, allowed: {allowed}")
        path, auth = contract["predict_path"], contract["auth"]
        header = contract.get("auth_header") or _KEY_HEADER
        return cls(contract["name"], service, namespace, path, auth, header)

    @property
    def secret(self) -> str:
        """The Secret that holds the callers' key."""
        return f"{self.service}-api-keys"

    def url(self, kubectl: Kubectl) -> str:
        """Return where it is called: the Service's address, routed from this machine, too."""
        spec = kubectl.get(f"--namespace={self.namespace}", "service", self.service)["spec"]
        return f"http://{spec['clusterIP']}:{spec['ports'][0]['port']}{self.path}"

    def pods(self, kubectl: Kubectl) -> list[str]:
        """Return the names of the pods that the Service has behind it."""
        chosen = f"--selector=kubernetes.io/service-name={self.service}"
        slices = kubectl.get(f"--namespace={self.namespace}", "endpointslices", chosen)["items"]
        behind = [entry for one in slices for entry in one.get("endpoints") or []]
        return sorted({entry["targetRef"]["name"] for entry in behind if entry["conditions"].get("ready")})

    def predict(self, kubectl: Kubectl) -> list[Any]:
        """Return the predictions for `BODY`. Raises SetupError when there are none after half a minute."""
        url, headers = self.url(kubectl), {"content-type": "application/json", **self._proof(kubectl)}
        request = urllib.request.Request(url, BODY.encode(), headers)  # noqa: S310 - `url` makes it of http
        # This machine reaches pods directly: a proxy could not.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                with opener.open(request, timeout=_ANSWER_S) as answer:
                    return _predictions(url, answer.read())
            except urllib.error.HTTPError as error:
                said = error.read().decode(errors="replace").strip()
                raise SetupError(f"no prediction: {url} answered {error.code}: {said}") from error
            except OSError as error:
                if time.monotonic() > deadline:
                    raise SetupError(f"no prediction: {url} after {_PATIENCE_S:.0f} s: {error}") from error
            time.sleep(_PAUSE_S)

    def _proof(self, kubectl: Kubectl) -> dict[str, str]:
        if self.auth == "none":
            return {}
        if self.auth != "api_key":
            allowed = "none, platform or api_key"
            raise SetupError(f"endpoint {self.name}: security.auth: given {self.auth}, allowed: {allowed}")
        data = kubectl.get(f"--namespace={self.namespace}", "secret", self.secret)["data"]
        return {self.key_header: base64.b64decode(data["key"]).decode()}


def _predictions(url: str, answer: bytes) -> list[Any]:
    try:
        found = json.loads(answer)["predictions"]
    except (ValueError, LookupError, TypeError):
        found = None
    if not isinstance(found, list) or not found:
        raise SetupError(f"no prediction: {url} answered 200: {answer[:500].decode(errors='replace')}")
    return found
