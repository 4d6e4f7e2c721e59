"""Secrets that the Secrets Store CSI driver makes once a pod mounts the SecretProviderClass that has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from modelberth.kubernetes.api.api_server import MissingKindError
from modelberth.kubernetes.crds import api_version
from modelberth.provider.kubernetes.inquiry import Inquiry

__all__ = ["secret_objects"]

_KIND = "SecretProviderClass"


def secret_objects(inquiry: Inquiry, classes: Sequence[str]) -> Mapping[str, frozenset[str]] | None:
    """Entries by the name of each Secret; None where a class is missing, which is told by itself."""
    try:
        kind = inquiry.server.kind(api_version(_KIND), _KIND)
    except MissingKindError:
        return None
    made: dict[str, frozenset[str]] = {}
    for name in classes:
        found = inquiry.get(kind.path(inquiry.namespace, name))
        if found is None:
            return None
        for secret in found["spec"].get("secretObjects") or ():
            entries = {str(one["key"]) for one in secret.get("data") or () if "key" in one}
            made[secret["secretName"]] = made.get(secret["secretName"], frozenset()) | entries
    return made
