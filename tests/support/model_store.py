"""A store of models inside the cluster: pods fetch from it what they serve, as from any S3."""

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

from support.cluster import Namespace, Object, wait
from support.project import IRIS

SETOSA, OTHER_SETOSA = b'"setosa"', b'"Setosa"'
"""What the first and the second model call the same flower."""

_NAME, _BUCKET, _PORT = "models", "flowers", 8000
_LABELS = {"app": _NAME}
CREDENTIALS = "store-credentials"


@dataclass(frozen=True)
class ModelStore:
    """Two models that differ in one name of what they predict, at an address that speaks enough of S3.

    It is the serving image's own Python, which serves a folder: signatures are not checked.
    """

    endpoint: str

    @classmethod
    def within(cls, namespace: Namespace, image: str) -> "ModelStore":
        """Start it; it goes with the namespace."""
        files = {f"{number}.onnx": model(number) for number in (1, 2)}
        encoded = {name: base64.b64encode(content).decode() for name, content in files.items()}
        namespace.apply(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": _NAME}, "binaryData": encoded},
            _credentials(),
            _pod(image),
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": _NAME},
                "spec": {"selector": _LABELS, "ports": [{"port": _PORT}]},
            },
        )
        wait("the store of models runs", lambda: _is_ready(namespace), 60)
        return cls(namespace.service_url(_NAME))

    @property
    def delivery(self) -> dict[str, Any]:
        """`target.delivery` of an endpoint in the same namespace."""
        return {
            "kind": "download",
            "size": "64Mi",
            "endpoint": self.endpoint,
            "region": "eu-central-1",
            "credentials": CREDENTIALS,
        }

    @staticmethod
    def source(number: int, **changes: str) -> dict[str, Any]:
        """`model` of an endpoint: the first or the second, pinned."""
        digest = hashlib.sha256(model(number)).hexdigest()
        uri = f"s3://{_BUCKET}/{number}.onnx"
        return {"uri": uri, "sha256": digest, "version": str(number), **changes}


def model(number: int) -> bytes:
    """The iris model, or one that writes the name of the first flower in another way."""
    first = IRIS.read_bytes()
    assert first.count(b"setosa") == 1
    return first if number == 1 else first.replace(b"setosa", b"Setosa")


def _credentials() -> Object:
    """Keys that the store does not look at, and that a client wants to have."""
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": CREDENTIALS}, "stringData": keys}


def _pod(image: str) -> Object:
    folder = {"name": "models", "mountPath": f"/srv/{_BUCKET}", "readOnly": True}
    container = {
        "name": "store",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-m", "http.server", str(_PORT), "--directory", "/srv"],
        "readinessProbe": {"tcpSocket": {"port": _PORT}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
        "volumeMounts": [folder],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
    }
    spec = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "models", "configMap": {"name": _NAME}}],
    }
    metadata = {"name": _NAME, "labels": _LABELS}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _is_ready(namespace: Namespace) -> bool:
    conditions = namespace.get("pod", _NAME)["status"].get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
