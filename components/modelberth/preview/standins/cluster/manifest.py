"""Kubernetes objects as a program writes them and as the API server shows them, and the way between."""

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from modelberth.preview.standins.values import Secret, plain
from modelberth.provider.resource import UNKNOWN, Properties

__all__ = [
    "AUTONAMED",
    "Identity",
    "annotation",
    "autonamed",
    "bare",
    "drifted",
    "guarded",
    "imported",
    "previewed",
    "shown",
]

Manifest = Mapping[str, Any]

AUTONAMED = "pulumi.com/autonamed"
"""Annotation that pulumi-kubernetes puts on an object whose name it made up."""

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_SERVER_SET = frozenset(
    {
        "creationTimestamp",
        "deletionTimestamp",
        "generation",
        "managedFields",
        "resourceVersion",
        "selfLink",
        "uid",
    }
)
_MADE = ("creationTimestamp", "resourceVersion", "uid")
# What the server allots at creation: a dry run shows a value, the real thing gets another one.
_ALLOTTED = (
    ("spec", "clusterIP"),
    ("spec", "clusterIPs"),
    ("spec", "healthCheckNodePort"),
    ("spec", "nodeName"),
    ("spec", "ports", "nodePort"),
    ("spec", "volumeName"),
)


@dataclass(frozen=True)
class Identity:
    """Which object: `namespace` is empty for a kind that has none."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, manifest: Manifest) -> Self:
        """Read it from a manifest; what a preview does not know is empty."""
        metadata = manifest.get("metadata")
        metadata = metadata if isinstance(metadata, Mapping) else {}
        return cls(
            manifest["apiVersion"], manifest["kind"], metadata.get("namespace", ""), metadata.get("name", "")
        )

    @classmethod
    def imported(cls, token: str, resource_id: str) -> Self:
        """Read it from a resource type, `kubernetes:apps/v1:Deployment`, and an id, `namespace/name`."""
        _, api_version, kind = token.split(":")
        namespace, _, name = resource_id.rpartition("/")
        return cls(api_version.removeprefix("core/"), kind, namespace, name)

    @property
    def id(self) -> str:
        """The resource's id in the state, as the real provider writes it."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


def annotation(manifest: Manifest, name: str) -> str:
    """An annotation's value; empty when it is not there."""
    metadata = manifest.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    return str(annotations.get(name, "")) if isinstance(annotations, Mapping) else ""


def autonamed(news: Properties, olds: Properties, name: str, seed: bytes) -> Properties:
    """The inputs with `metadata.name`: the program's, the one made up before, or one made from the seed."""
    metadata = plain(news.get("metadata") or {})
    if not isinstance(metadata, Mapping) or metadata.get("name"):
        return news
    before = plain(olds.get("metadata") or {})
    if annotation(plain(olds), AUTONAMED) == "true":
        made = before["name"]
    else:
        prefix = metadata.get("generateName") or f"{name}-"
        made = prefix + hashlib.sha256(seed + name.encode()).hexdigest()[:8]
    annotations = {**(metadata.get("annotations") or {}), AUTONAMED: "true"}
    kept = {key: value for key, value in metadata.items() if key != "generateName"}
    return {**news, "metadata": {**kept, "annotations": annotations, "name": made}}


def shown(live: Manifest) -> dict[str, Any]:
    """An object as outputs."""
    metadata = {key: value for key, value in live["metadata"].items() if key != "managedFields"}
    return guarded({**live, "metadata": metadata})


def imported(live: Manifest) -> dict[str, Any]:
    """The inputs that would make a live object."""
    metadata = {key: value for key, value in live["metadata"].items() if key not in _SERVER_SET}
    return guarded({**{key: value for key, value in live.items() if key != "status"}, "metadata": metadata})


def guarded(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The same, with what a Kubernetes Secret holds marked as secret."""
    if manifest.get("kind") != "Secret" or manifest.get("apiVersion") != "v1":
        return dict(manifest)
    marked: dict[str, Any] = {
        key: Secret(plain(manifest[key])) for key in ("data", "stringData") if key in manifest
    }
    if annotation(manifest, _LAST_APPLIED):
        metadata = manifest["metadata"]
        told = {**metadata["annotations"], _LAST_APPLIED: Secret(metadata["annotations"][_LAST_APPLIED])}
        marked["metadata"] = {**metadata, "annotations": told}
    return {**manifest, **marked}


def previewed(dry: Manifest, inputs: Manifest, old: Manifest) -> dict[str, Any]:
    """What a dry run tells of the object to come; what is only allotted by the real thing is unknown."""
    if old:  # an update keeps what was allotted
        metadata = {**dry["metadata"], "resourceVersion": UNKNOWN}
        return shown({**dry, "metadata": metadata, **({"status": UNKNOWN} if "status" in dry else {})})
    metadata = {key: value for key, value in dry["metadata"].items() if key not in _SERVER_SET}
    told = bare({**dry, "metadata": metadata})
    for path in _ALLOTTED:
        told = _unknown(told, inputs, path)
    return guarded(told)


def bare(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of an object to come without asking the API server."""
    told = {**inputs, "status": UNKNOWN} if "status" in inputs else dict(inputs)
    metadata = inputs.get("metadata")
    if isinstance(metadata, Mapping):
        told["metadata"] = {**metadata, **dict.fromkeys(_MADE, UNKNOWN)}
    return guarded(told)


def _unknown(value: Any, inputs: Any, path: Sequence[str]) -> Any:
    if not path:
        return value if inputs is not None else UNKNOWN
    if isinstance(value, list):
        beside = inputs if isinstance(inputs, list) and len(inputs) == len(value) else [None] * len(value)
        return [_unknown(item, other, path) for item, other in zip(value, beside, strict=True)]
    if not isinstance(value, Mapping) or path[0] not in value:
        return value
    given = inputs.get(path[0]) if isinstance(inputs, Mapping) else None
    return {**value, path[0]: _unknown(value[path[0]], given, path[1:])}


def drifted(inputs: Manifest, applied: Manifest, live: Manifest) -> dict[str, Any]:
    """The inputs, with the live value wherever the object is not any more as the last deployment left it.

    Compared with what came of that deployment, not with the inputs: the server writes some values in its own
    way (`1000m` of CPU as `1`), which is no drift.
    """
    found: dict[str, Any] = _drifted(inputs, _readable(applied, inputs), _readable(live, inputs))
    return found


def _drifted(wanted: Any, before: Any, now: Any) -> Any:
    if isinstance(wanted, Mapping) and isinstance(now, Mapping):
        before = before if isinstance(before, Mapping) else {}
        merged = {key: _drifted(item, before.get(key), now.get(key)) for key, item in wanted.items()}
        return {key: value for key, value in merged.items() if value is not None}
    if isinstance(wanted, list) and isinstance(now, list) and len(wanted) == len(now):
        was = before if isinstance(before, list) and len(before) == len(now) else [None] * len(now)
        return [_drifted(*items) for items in zip(wanted, was, now, strict=True)]
    return wanted if before == now else now


def _readable(shown_as: Manifest, inputs: Manifest) -> Manifest:
    """A Secret with the `stringData` that the server moved into `data`."""
    texts = inputs.get("stringData")
    if not isinstance(texts, Mapping):
        return shown_as
    data = shown_as.get("data") or {}
    return {**shown_as, "stringData": {key: _text(data[key]) for key in texts if key in data}}


def _text(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        return encoded
