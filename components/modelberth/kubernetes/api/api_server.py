"""A Kubernetes API server: requests, and the kinds that it has."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from modelberth.kubernetes.api.connection import Connection, RefusedError
from modelberth.provider.resource import ResourceError

__all__ = ["ApiServer", "Kind", "MissingKindError", "listed"]

_LONGEST_LIST = 12


class MissingKindError(ResourceError):
    """The cluster has no such kind."""


@dataclass(frozen=True)
class Kind:
    """A kind of object that the cluster has."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool

    def path(self, namespace: str, name: str) -> str:
        """The address of one object."""
        return f"{self.collection(namespace)}/{quote(name, safe=':')}"

    def collection(self, namespace: str = "") -> str:
        """The address of all objects, or of those of a namespace where the kind has them in namespaces."""
        scope = f"/namespaces/{quote(namespace, safe=':')}" if self.namespaced and namespace else ""
        return f"{_root(self.api_version)}{scope}/{self.plural}"


class ApiServer:
    """One cluster's API."""

    def __init__(self, connection: Connection) -> None:
        self.where = connection.where
        self.namespace = connection.namespace
        self._send = connection.send
        self._kinds: dict[str, dict[str, Kind]] = {}

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        """Send one request; the answer's document.

        Raises:
            RefusedError: the server said no.
            UnreachableError: it did not answer.
        """
        answer: dict[str, Any] = json.loads(
            self._send(method, path, tuple((query or {}).items()), body, content_type).content
        )
        return answer

    def text(self, path: str, query: Mapping[str, str]) -> str:
        """Read an address that answers with text, such as a pod's log."""
        answer = self._send("GET", path, tuple(query.items()), None, "application/json")
        return answer.content.decode(errors="replace")

    def now(self) -> datetime:
        """Tell the time by the server's clock, or by this machine's where something hides that."""
        return self._send("GET", "/version", (), None, "application/json").date or datetime.now(UTC)

    def items(self, path: str, **query: str) -> list[dict[str, Any]]:
        """Read a list."""
        return list(self.request("GET", path, query=query).get("items") or [])

    def kind(self, api_version: str, kind: str) -> Kind:
        """Find a kind; asks again when it is not there, because a definition may have been made since.

        Raises:
            MissingKindError: the cluster does not have it; the message says what it has.
        """
        found = self._kinds.get(api_version, {}).get(kind)
        if found is None:
            self._kinds[api_version] = self._discover(api_version)
            found = self._kinds[api_version].get(kind)
        if found is None:
            raise MissingKindError(self._missing(api_version, kind))
        return found

    def groups(self) -> dict[str, list[str]]:
        """API groups of the cluster beside the core one, with the versions that it serves of each."""
        groups = self.request("GET", "/apis")["groups"]
        return {one["name"]: [version["version"] for version in one["versions"]] for one in groups}

    def _discover(self, api_version: str) -> dict[str, Kind]:
        try:
            resources = self.request("GET", _root(api_version))["resources"]
        except RefusedError as error:
            if error.status == 404:
                return {}
            raise
        return {
            one["kind"]: Kind(api_version, one["kind"], one["name"], one["namespaced"])
            for one in resources
            if "/" not in one["name"]
        }

    def _missing(self, api_version: str, kind: str) -> str:
        sentence = f"{kind} of {api_version}: {self.where} does not have this kind"
        group, _, version = api_version.rpartition("/")
        if in_version := self._kinds.get(api_version):
            return f"{sentence}; {api_version} has: {listed(in_version)}"
        groups = self.groups()
        if group in groups:
            return f"{sentence}: no version {version}; {group} is installed as: {listed(groups[group])}"
        added = [name for name in groups if "." in name and not name.endswith(".k8s.io")]
        return (
            f"{sentence}: no group {group or 'core'}; installed beside Kubernetes' own: {listed(added)}. "
            "Install its CustomResourceDefinition first, or let this resource depend on the one that does"
        )


def _root(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def listed(names: Iterable[str]) -> str:
    """The first names in alphabetical order, and how many more there are."""
    ordered = sorted(names)
    more = f" and {len(ordered) - _LONGEST_LIST} more" if len(ordered) > _LONGEST_LIST else ""
    return (", ".join(ordered[:_LONGEST_LIST]) or "none") + more
