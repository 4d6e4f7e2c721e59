"""The cluster that a custom resource names."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from modelberth.kubernetes.api.api_server import ApiServer
from modelberth.kubernetes.api.connection import RefusedError, connect
from modelberth.provider.resource import Properties

__all__ = ["object_or_none", "server_of"]

_TIMEOUT: Final = 5.0
"""Seconds for one answer: a person waits for it in every preview."""
_MISSING: Final = 404


def server_of(inputs: Properties, root: Path) -> ApiServer:
    """The cluster of `kubeconfig`, which may be relative to `root`, and `context`.

    Raises:
        ResourceError: the kubeconfig cannot be used, or the Python client is missing.
    """
    given = inputs.get("kubeconfig")
    path = root / Path(given).expanduser() if given else None
    return ApiServer(connect(path, inputs.get("context"), timeout=_TIMEOUT))


def object_or_none(server: ApiServer, path: str) -> dict[str, Any] | None:
    """The object at a path; None where there is none."""
    try:
        return server.request("GET", path)
    except RefusedError as error:
        if error.status == _MISSING:
            return None
        raise
