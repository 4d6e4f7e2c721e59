"""What the questions to one cluster have in common: where to ask, for whom, and what not to ask twice."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from modelberth.errors import Problem
from modelberth.kubernetes.api.api_server import ApiServer, Kind
from modelberth.kubernetes.api.connection import RefusedError
from modelberth.provider.kubernetes.server import object_or_none

__all__ = ["INSTANCE", "Entry", "Inquiry", "in_parallel", "seen"]

INSTANCE: Final = "app.kubernetes.io/instance"
"""Label that tells which endpoint an object belongs to."""

Entry = Mapping[str, Any]
"""One thing that the cluster must have; keys as on the wire."""

_AT_ONCE: Final = 8
_FORBIDDEN: Final = 403

_log = logging.getLogger(__name__)
_Asked = TypeVar("_Asked")
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Inquiry:
    """Questions about one endpoint to one cluster; nothing is changed by any of them."""

    server: ApiServer
    namespace: str
    instance: str
    """The endpoint: what it has already counts as its own."""
    namespace_object: Mapping[str, Any] | None
    """The namespace as it is; None where there is none yet, or where it may not be seen."""
    has_namespace: bool

    def get(self, path: str) -> Mapping[str, Any] | None:
        """The object at a path; None where there is none."""
        return object_or_none(self.server, path)

    def kind(self, entry: Entry) -> Kind:
        """The kind that an entry names by `apiVersion` and `kind`."""
        return self.server.kind(str(entry["apiVersion"]), str(entry["kind"]))

    def all(self, kind: Kind) -> Sequence[Mapping[str, Any]]:
        """All objects of a kind in the cluster, or of this namespace where no more may be seen."""
        try:
            return self.server.items(kind.collection())
        except RefusedError as error:
            if error.status != _FORBIDDEN or not kind.namespaced:
                raise
            return self.server.items(kind.collection(self.namespace))

    def each(
        self, question: Callable[[Inquiry, Entry], Iterable[Problem]], entries: Iterable[Entry]
    ) -> list[Problem]:
        """Ask for each entry, a few at once."""

        def answer(entry: Entry) -> list[Problem]:
            return seen(str(entry["path"]), lambda: question(self, entry))

        return [problem for problems in in_parallel(answer, entries) for problem in problems]


def seen(what: str, question: Callable[[], Iterable[Problem]]) -> list[Problem]:
    """Answer a question; what the user may not see is no refusal, and is told in the log."""
    try:
        return [*question()]
    except RefusedError as error:
        if error.status != _FORBIDDEN:
            raise
        _log.warning("%s was not checked: %s", what, error)
        return []


def in_parallel(function: Callable[[_Asked], _Answer], items: Iterable[_Asked]) -> list[_Answer]:
    """Call for each item, a few at once; the answers in the items' order."""
    items = [*items]
    if len(items) <= 1:
        return [function(item) for item in items]
    with ThreadPoolExecutor(min(_AT_ONCE, len(items))) as pool:
        return [*pool.map(function, items)]
