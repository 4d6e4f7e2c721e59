"""What the providers themselves add to the inputs of a resource, kept where a state has it.

Without it each addition would look removed in a preview against a state that the real provider made, and
where it is a place or a namespace, the resource would look replaced. Nothing is added that no state and no
configuration has.

Sources: `applyDefaults` of pulumi-terraform-bridge, `applyDefaults` of pulumi-azure-native and `Check` of
pulumi-kubernetes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from modelberth.preview.standins.backend import Request
from modelberth.preview.standins.sdk.types import find
from modelberth.preview.standins.values import assign, at, plain
from modelberth.provider.resource import Properties

__all__ = ["CREATE_BEFORE_DELETE", "DEFAULTS", "keep"]

DEFAULTS: Final = "__defaults"
"""Where a bridged provider notes which properties of a mapping it filled in itself."""

CREATE_BEFORE_DELETE: Final = "__createBeforeDelete"
"""Where azure-native notes that it named a resource itself, so that a successor can be made beside it."""


def keep(request: Request, olds: Properties, news: Properties) -> dict[str, Any]:
    """The new inputs with what the provider filled in before and the program still leaves out."""
    match request.type.partition(":")[0]:
        case "kubernetes":
            return _with_namespace(request, olds, news)
        case package if package.startswith("azure-native"):
            return _with_place(request, olds, news)
        case _:
            kept: dict[str, Any] = _keep(olds, news)
            return kept


def _keep(old: Any, new: Any) -> Any:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        filled = [key for key in old.get(DEFAULTS) or [] if key in old and key not in new]
        merged = {key: _keep(old.get(key), item) for key, item in new.items()}
        merged |= {key: old[key] for key in filled}
        if DEFAULTS in old:
            merged[DEFAULTS] = filled
        return merged
    if isinstance(old, list) and isinstance(new, list):
        return [_keep(old[i] if i < len(old) else None, item) for i, item in enumerate(new)]
    return new


def _with_place(request: Request, olds: Properties, news: Properties) -> dict[str, Any]:
    """With the location, which azure-native never moves by itself, and the API version that it notes."""
    filled = dict(news)
    if filled.get("location") is None:
        known = find(request.type)
        configured = request.config.get("location") if known and "location" in known.inputs else None
        location = olds.get("location") or configured
        filled |= {"location": location} if location else {}
    if "azureApiVersion" in olds:
        filled.setdefault("azureApiVersion", olds["azureApiVersion"])
    return filled


def _with_namespace(request: Request, olds: Properties, news: Properties) -> dict[str, Any]:
    """With the namespace that a program leaves to the provider; which kinds have one only a cluster knows."""
    before = plain(at(olds, "metadata.namespace"))
    left_open = before in ("default", plain(request.config.get("namespace")))
    is_given = at(news, "metadata.namespace") is not None or isinstance(news.get("metadata"), str)
    if before is None or not left_open or is_given:
        return dict(news)
    return assign(news, "metadata.namespace", before)
