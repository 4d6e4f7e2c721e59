"""The cluster that a custom resource names."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from modelberth.kubernetes.api.api_server import ApiServer
from modelberth.kubernetes.api.connection import RefusedError, connect
from modelberth.provider.resource import Properties

__all__ = ["is_document", "is_same_cluster", "object_or_none", "server_of"]

_TIMEOUT: Final = 5.0
"""Seconds for one answer: a person waits for it in every preview."""
_MISSING: Final = 404


def server_of(inputs: Properties, root: Path) -> ApiServer:
    """The cluster of `kubeconfig`, the document or a path which may be relative to `root`, and `context`.

    Raises:
        ResourceError: the kubeconfig cannot be used, or the Python client is missing.
    """
    given = inputs.get("kubeconfig")
    where = str(given) if is_document(given) else root / Path(given).expanduser() if given else None
    return ApiServer(connect(where, inputs.get("context"), timeout=_TIMEOUT))


def is_same_cluster(old: Any, new: Any) -> bool:
    """Whether two kubeconfigs lead to one API server, which a document tells and a path does not.

    How a cloud's login or the cluster's authority is written may change while the cluster stays.
    """
    return old == new or (
        is_document(old) and is_document(new) and None is not _address(old) == _address(new)
    )


def is_document(given: Any) -> bool:
    """Whether a kubeconfig is given as itself, and not as a path."""
    return isinstance(given, str) and (given.lstrip().startswith("{") or "\n" in given)


def _address(document: str) -> str | None:
    """The API server of the current context; None where that cannot be told."""
    import yaml  # noqa: PLC0415 - the provider starts without it, and the client brings it

    try:
        found = yaml.safe_load(document)
        contexts = {one["name"]: one["context"]["cluster"] for one in found["contexts"]}
        clusters = {one["name"]: one["cluster"]["server"] for one in found["clusters"]}
        return str(clusters[contexts[found["current-context"]]])
    except (yaml.YAMLError, KeyError, TypeError):
        return None


def object_or_none(server: ApiServer, path: str) -> dict[str, Any] | None:
    """The object at a path; None where there is none."""
    try:
        return server.request("GET", path)
    except RefusedError as error:
        if error.status == _MISSING:
            return None
        raise
