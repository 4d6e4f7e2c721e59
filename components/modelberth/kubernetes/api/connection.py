"""The way to an API server: the official client's connection, with its errors in our words.

Kubeconfig, contexts, certificates, tokens, exec plugins and proxies are the client's. Of its dynamic client
only `request` is used: the list of kinds that it keeps in a file in the temporary folder goes stale as soon
as a CustomResourceDefinition is made.
"""

import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from modelberth.provider.resource import ResourceError

__all__ = ["Answer", "Cause", "Connection", "RefusedError", "UnreachableError", "connect"]

_HOST = "KUBERNETES_SERVICE_HOST"
_PASSING = frozenset({408, 429, 500, 502, 503, 504})
# An unknown field or a wrong type comes as an internal error with words alone, a line for each.
_UNTYPED = "failed to create typed patch object"
_TYPED = re.compile(r"\s\.([^:\s]+): (.+)")


class UnreachableError(ResourceError):
    """The API server gave no answer."""


@dataclass(frozen=True)
class Cause:
    """One field that the API server complains about; `field` may be empty."""

    field: str
    message: str


class RefusedError(ResourceError):
    """The API server answered with an error status; `causes` are the fields it names."""

    def __init__(self, status: int, reason: str, message: str, causes: Sequence[Cause] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.causes = tuple(causes)

    @property
    def is_passing(self) -> bool:
        """Whether the same request may be answered soon."""
        return self.status in _PASSING


@dataclass(frozen=True)
class Answer:
    """What the API server sent."""

    content: bytes
    date: datetime | None
    """When, by the server's own clock, to the second; None where it does not say."""


Send = Callable[[str, str, Sequence[tuple[str, str]], Any, str], Answer]
"""Method, path, query, body and content type in; the answer out."""


@dataclass(frozen=True)
class Connection:
    """How to ask one cluster. `send` raises `RefusedError` and `UnreachableError`."""

    send: Send
    where: str
    """The cluster, in messages."""
    namespace: str
    """The context's."""


def connect(kubeconfig: Path | str | None, context: str | None, *, timeout: float) -> Connection:
    """Read a kubeconfig; no request goes out yet.

    `kubeconfig` is a file or, as a text, the document itself: $KUBECONFIG or ~/.kube/config where it is None,
    or the service account of the pod that this runs in where there is no such file either; `context` is its
    current one; `timeout` is how long, in seconds, one request may take.

    Raises:
        ResourceError: the file or the context cannot be used, or the client is not installed.
    """
    client, config = _library("client"), _library("config")
    import yaml  # noqa: PLC0415 - the provider starts without it, and the client brings it

    file = str(kubeconfig or os.environ.get("KUBECONFIG") or Path("~/.kube/config").expanduser())
    told_by = "the target" if isinstance(kubeconfig, str) else file
    configuration = client.Configuration()
    configuration.retries = False  # a wait asks again anyway, and a person is told at once
    if kubeconfig is None and context is None and _is_in_pod(file):
        config.load_incluster_config(client_configuration=configuration)
        account = Path(config.incluster_config.SERVICE_TOKEN_FILENAME).parent
        namespace = (account / "namespace").read_text(encoding="utf-8").strip()
        return _connection(
            client.ApiClient(configuration), "the service account of this pod", namespace, timeout
        )
    try:
        document = _document(kubeconfig) if isinstance(kubeconfig, str) else None
        contexts, active = _contexts(document) if document else config.list_kube_config_contexts(file)
        chosen = {one["name"]: one for one in contexts}.get(context) if context else active
        if chosen is None:
            names = ", ".join(sorted(one["name"] for one in contexts)) or "none"
            raise ResourceError(f"kubeconfig {told_by}: context {context}: unknown; it has: {names}")
        options = {"persist_config": False, "client_configuration": configuration}
        if document:
            connection = config.new_client_from_config_dict(document, chosen["name"], **options)
        else:
            connection = config.new_client_from_config(file, chosen["name"], **options)
    except (config.ConfigException, yaml.YAMLError, OSError, ValueError, KeyError, TypeError) as error:
        told = " ".join(str(error).split())
        raise ResourceError(f"kubeconfig {told_by}: cannot be used: {told}") from error
    how = f"context {chosen['name']} of {told_by}"
    return _connection(connection, how, chosen["context"].get("namespace") or "default", timeout)


def _document(text: str) -> dict[str, Any]:
    """A kubeconfig that is given as a text.

    Raises:
        ValueError: it is none.
    """
    import yaml  # noqa: PLC0415 - see `connect`

    found = yaml.safe_load(text)
    if not isinstance(found, dict) or not found.get("contexts"):
        raise ValueError("it is no kubeconfig: it has no `contexts`")
    return found


def _contexts(document: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """Its contexts, and the current one."""
    current = document.get("current-context")
    return document["contexts"], next((one for one in document["contexts"] if one["name"] == current), None)


def _is_in_pod(file: str) -> bool:
    """Whether there is nothing but the pod's own account to go by, as kubectl has it."""
    return not os.environ.get("KUBECONFIG") and not Path(file).exists() and _HOST in os.environ


def _connection(requests: Any, how: str, namespace: str, timeout: float) -> Connection:
    where = f"cluster {requests.configuration.host} ({how})"
    dynamic = _library("dynamic").DynamicClient(requests, discoverer=lambda _client, _cache_file: None)
    return Connection(_sender(dynamic, where, timeout), where, namespace)


def _library(module: str) -> Any:
    """A module of the official client, which is optional and takes a second to load."""
    try:
        return import_module(f"kubernetes.{module}")
    except ImportError as error:
        raise ResourceError(
            "kubernetes: the Python client is not installed, and a real cluster is reached through it. "
            "Install it: pip install 'modelberth[kubernetes]'"
        ) from error


def _sender(requests: Any, where: str, timeout: float) -> Send:
    """Send through the official client, with its errors in our words."""
    refused, unreachable = (
        _library("client.exceptions").ApiException,
        import_module("urllib3.exceptions").HTTPError,
    )

    def send(
        method: str, path: str, query: Sequence[tuple[str, str]], body: Any, content_type: str
    ) -> Answer:
        try:
            answer = requests.request(
                method,
                path,
                body=body,
                query_params=list(query),
                content_type=content_type,
                serialize=False,
                _request_timeout=timeout,
            )
            read = Answer(answer.data, _date(answer.headers.get("date", "")))
        except refused as error:
            raise _refusal(where, error.status, error.body) from error
        except unreachable as error:
            raise UnreachableError(
                f"{where}: no answer: {error}. Is the cluster running, and is this the right context?"
            ) from error
        return read

    return send


def _date(header: str) -> datetime | None:
    """The date of an answer, which is always UTC (RFC 9110, 5.6.7)."""
    try:
        found = parsedate_to_datetime(header)
    except ValueError:
        return None
    return found if found.tzinfo else None


def _refusal(where: str, status: int, body: str | bytes | None) -> RefusedError:
    try:
        document = json.loads(body or "")
    except ValueError:
        document = {}
    if not isinstance(document, dict):
        document = {}
    told = document.get("message") or f"HTTP status {status}"
    causes = [
        Cause(cause.get("field", "").removeprefix("."), cause.get("message", ""))
        for cause in (document.get("details") or {}).get("causes") or ()
    ]
    causes += [Cause(field, message) for field, message in _TYPED.findall(told) if _UNTYPED in told]
    match status:
        case 401:
            told = f"{where}: the credentials were refused ({told}). Log in again, or choose another context"
        case 403:
            told = f"{where}: forbidden: {told}"
    return RefusedError(status, document.get("reason", ""), told, causes)
