"""Who owns the fields of an object, and what that means for fields that a program ignores.

As `handleSSAIgnoreFields` of pulumi-kubernetes 4 has it (`provider/pkg/await/await.go`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["without_ignored"]


def without_ignored(
    wanted: Mapping[str, Any], ignored: Sequence[str], live: Mapping[str, Any], manager: str
) -> dict[str, Any]:
    """A manifest that changes nothing at the paths, such as `spec.replicas`, when `manager` applies it.

    What only others own is left out, else the manager would own it as well, or conflict with them. All else
    has its live value: left out, what the manager owns would be taken away. Paths through lists are of no
    effect, as with pulumi-kubernetes.
    """
    entries = live["metadata"].get("managedFields") or ()
    owned = [(entry.get("manager"), entry.get("fieldsV1") or {}) for entry in entries]
    manifest = dict(wanted)
    for path in ignored:
        keys = path.split(".")
        owners = {who for who, fields in owned if _has(fields, keys)}
        if owners and manager not in owners:
            manifest = _without(manifest, keys)
        elif (found := _at(live, keys)) is not None:
            manifest = _with(manifest, keys, found)
    return manifest


def _has(fields: Mapping[str, Any], keys: Sequence[str]) -> bool:
    """Whether a set of fields, in the notation of `managedFields`, has one or any below it."""
    first, *rest = keys
    below = fields.get(f"f:{first}")
    return below is not None and (not rest or _has(below, rest))


def _at(value: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _with(manifest: Mapping[str, Any], keys: Sequence[str], value: Any) -> dict[str, Any]:
    first, *rest = keys
    return {**manifest, first: _with(manifest.get(first) or {}, rest, value) if rest else value}


def _without(manifest: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    first, *rest = keys
    if not rest:
        return {key: value for key, value in manifest.items() if key != first}
    below = manifest.get(first)
    return {**manifest, first: _without(below, rest)} if isinstance(below, Mapping) else dict(manifest)
