"""One object at an API server: apply it, look at it until something is true, delete it."""

import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from modelberth.kubernetes.api.api_server import ApiServer, MissingKindError
from modelberth.kubernetes.api.connection import RefusedError, UnreachableError
from modelberth.preview.standins.cluster.manifest import Identity

__all__ = ["FIELD_MANAGER", "Objects"]

FIELD_MANAGER = "pulumi-modelberth-standin"
"""Who owns the fields that are applied, as `metadata.managedFields` shows it."""


class Objects:
    """The objects of one cluster.

    `poll` is how often, in seconds, an object is looked at; `patience` how long a kind or namespace that is
    not there yet is waited for.
    """

    def __init__(self, server: ApiServer, *, poll: float, patience: float) -> None:
        self._server = server
        self._poll = poll
        self._patience = patience

    def apply(self, manifest: Mapping[str, Any], *, dry: bool, force: bool) -> dict[str, Any]:
        """Apply an object on the server's side; `force` takes fields over that another manager owns.

        Raises:
            MissingKindError: the cluster has no such kind.
            RefusedError: the API server refuses the object; a missing namespace has the status 404.
        """
        query = {"fieldManager": FIELD_MANAGER, "force": str(force).lower(), "fieldValidation": "Strict"}
        return self._server.request(
            "PATCH",
            self._path(Identity.of(manifest)),
            query={**query, "dryRun": "All"} if dry else query,
            body=manifest,
            content_type="application/apply-patch+yaml",
        )

    def make(self, manifest: Mapping[str, Any], *, force: bool, cancelled: threading.Event) -> dict[str, Any]:
        """Apply an object whose kind or namespace may be on its way, made by the same program."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                return self.apply(manifest, dry=False, force=force)
            except (MissingKindError, RefusedError) as error:
                absent = isinstance(error, MissingKindError) or error.status == 404
                if not absent or time.monotonic() > deadline or cancelled.wait(self._poll):
                    raise

    def get(self, identity: Identity) -> dict[str, Any] | None:
        """The object as it is; None when it, its namespace or its kind is gone."""
        try:
            return self._server.request("GET", self._path(identity))
        except MissingKindError:
            return None
        except RefusedError as error:
            if error.status == 404:
                return None
            raise

    def looks(
        self, identity: Identity, limit: float, cancelled: threading.Event
    ) -> Iterator[dict[str, Any] | None]:
        """The object again and again, for `limit` seconds or until cancelled; a short outage is no end."""
        deadline = time.monotonic() + limit
        while True:
            try:
                yield self.get(identity)
            except UnreachableError:
                pass
            except RefusedError as error:
                if not error.is_passing:
                    raise
            if time.monotonic() > deadline or cancelled.wait(self._poll):
                return

    def delete(self, identity: Identity, propagation: str) -> None:
        """Ask for the object's end; one that is gone already is no error."""
        try:
            self._server.request("DELETE", self._path(identity), query={"propagationPolicy": propagation})
        except MissingKindError:
            return
        except RefusedError as error:
            if error.status != 404:
                raise

    def _path(self, identity: Identity) -> str:
        kind = self._server.kind(identity.api_version, identity.kind)
        return kind.path(identity.namespace or self._server.namespace, identity.name)
