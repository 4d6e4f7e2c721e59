"""Which changes of a Kubernetes object take a replacement, by the table and by what the API server says."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from modelberth.kubernetes.api.connection import Cause
from modelberth.preview.standins.imitation import replacements

__all__ = ["by_refusal", "by_table", "tells"]

# Wordings of Kubernetes 1.36: apimachinery's FieldImmutableErrorMsg, the validation of pods, stateful sets,
# claims, services, storage classes and role bindings, and what rules of custom resources usually say.
_IMMUTABLE = re.compile(
    r"immutable|updates? to .+ (is|are) forbidden|may not (change|update)|cannot change|can ?not be unset"
)


def tells(cause: Cause) -> bool:
    """Whether the API server refuses a field because it cannot change."""
    return bool(_IMMUTABLE.search(cause.message))


def by_table(token: str, config: Mapping[str, Any], paths: Sequence[str]) -> set[str]:
    """The changes that replace whatever the object is like; of a kind without a row, none is known."""
    row = replacements.under(token, config)
    return set() if row is None else {path for path in paths if row.replaces(path)}


def by_refusal(causes: Iterable[Cause], paths: Sequence[str], known: set[str]) -> set[str]:
    """The changes that the API server refuses to make in place.

    A refusal may name a whole `spec`: then the changes below it that the table knows are meant, else all of
    them. One that names nothing that changes means every change.
    """
    refused: set[str] = set()
    for cause in causes:
        if not tells(cause):
            continue
        meant = {path for path in paths if _covers(cause.field, path) or _covers(path, cause.field)}
        refused |= (meant & known) or meant or set(paths)
    return refused


def _covers(outer: str, inner: str) -> bool:
    return inner == outer or inner.startswith((f"{outer}.", f"{outer}["))
