"""The Secret of an endpoint's API key: what is in it, whose it is, and what a rotation makes of it.

Entry `key` holds the key for callers. Entry `keys` is what the server reads, a line `NAME SHA256` for each
key: first the current one, then the one before the last rotation, then what somebody added for others.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

__all__ = ["ENDPOINT", "HOLDER", "KeySecret"]

ENDPOINT: Final = "modelberth/endpoint"
"""Annotation: the endpoint whose key it is."""
HOLDER: Final = "modelberth/holder"
"""Annotation: which create answers for the Secret. A rename in the program takes it over under a new one."""
_ROTATION: Final = "modelberth/rotation"
_MANAGER: Final = "app.kubernetes.io/managed-by"

# As the server's `new_key` makes them: scanners for leaked secrets find keys by such a prefix.
_PREFIX: Final = "modelberth_"
_BYTES: Final = 32
_FINGERPRINT: Final = 12
_CALLER: Final = "default"
"""The name by which the server's log and metrics know who calls with the key."""


@dataclass(frozen=True)
class KeySecret:
    """A Secret as the API server has it, or will. Its text forms show no value."""

    _manifest: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"KeySecret({self.metadata.get('namespace')}/{self.metadata.get('name')})"

    @classmethod
    def new(cls, inputs: Mapping[str, Any], holder: str) -> Self:
        """Make one with a fresh key."""
        made = cls({"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": {}, "data": {}})
        return made.following(inputs, holder)

    @property
    def manifest(self) -> Mapping[str, Any]:
        """The object for the API server, and for nobody else."""
        return self._manifest

    @property
    def patch(self) -> Mapping[str, Any]:
        """What a merge patch of the live object has to hold: it is refused where that has changed since."""
        kept = ("annotations", "labels", "resourceVersion")
        return {"metadata": {name: self.metadata[name] for name in kept}, "data": self._data}

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Its metadata."""
        metadata: Mapping[str, Any] = self._manifest["metadata"]
        return metadata

    @property
    def uid(self) -> str:
        """The API server's own id of it."""
        return str(self.metadata.get("uid", ""))

    @property
    def endpoint(self) -> str | None:
        """The endpoint whose key it is; None where the Secret is not ours."""
        labels = self.metadata.get("labels") or {}
        return self._annotation(ENDPOINT) or None if labels.get(_MANAGER) == "modelberth" else None

    @property
    def holder(self) -> str:
        """Which create answers for it."""
        return self._annotation(HOLDER)

    @property
    def rotation(self) -> str:
        """The rotation that made the key; empty for the first one."""
        return self._annotation(_ROTATION)

    @property
    def fingerprint(self) -> str:
        """Beginning of the key's sha256, by which people tell keys apart; empty without a key."""
        return _digest(self._key)[:_FINGERPRINT] if self._key else ""

    @property
    def is_valid(self) -> bool:
        """Whether the server takes the key that is handed out."""
        return bool(self._key) and _digest(self._key) in {digest for _, digest in self._lines}

    def will_rotate(self, inputs: Mapping[str, Any]) -> bool:
        """Tell whether the inputs ask for another key than the one that is there."""
        rotation = inputs.get("rotation") or ""
        return not self.is_valid or (rotation != "" and rotation != self.rotation)

    def following(self, inputs: Mapping[str, Any], holder: str) -> Self:
        """Return what the inputs ask for: the same key, or after a rotation a new one beside it.

        To do it twice is to do it once: the rotation that the key is of stands at the Secret.
        """
        key, own = self._key, [digest for name, digest in self._lines if name == _CALLER]
        if self.will_rotate(inputs):
            # A key whose line is gone was withdrawn by somebody: it does not come back.
            own = [_digest(key)] if self.is_valid else own[:1]
            key = _PREFIX + secrets.token_urlsafe(_BYTES)
        digests = dict.fromkeys([_digest(key), *own])
        others = [(name, digest) for name, digest in self._lines if name != _CALLER and digest not in digests]
        lines = [*((_CALLER, digest) for digest in digests), *others]
        rotation = inputs.get("rotation") or self.rotation
        metadata = {
            **self.metadata,
            "name": inputs["name"],
            "namespace": inputs["namespace"],
            "labels": {
                **(self.metadata.get("labels") or {}),
                **(inputs.get("labels") or {}),
                _MANAGER: "modelberth",
            },
            "annotations": {
                **(self.metadata.get("annotations") or {}),
                ENDPOINT: inputs["endpoint"],
                HOLDER: holder,
                **({_ROTATION: rotation} if rotation else {}),
            },
        }
        data = {
            "key": _encoded(key),
            "keys": _encoded("".join(f"{name} {digest}\n" for name, digest in lines)),
        }
        return type(self)({**self._manifest, "metadata": metadata, "data": {**self._data, **data}})

    def hidden(self, text: str) -> str:
        """The text without the key, should an error have quoted it."""
        for value in (self._key, self._data.get("key", "")):
            text = text.replace(value, "***") if value else text
        return text

    @property
    def _key(self) -> str:
        return _decoded(self._data.get("key", ""))

    @property
    def _lines(self) -> list[tuple[str, str]]:
        """Names with digests; comments are not kept, and neither is what is no line of the server's."""
        words = [line.split() for line in _decoded(self._data.get("keys", "")).splitlines()]
        return [(one[0], one[1].lower()) for one in words if len(one) == 2 and not one[0].startswith("#")]

    @property
    def _data(self) -> Mapping[str, str]:
        return self._manifest.get("data") or {}

    def _annotation(self, name: str) -> str:
        return str((self.metadata.get("annotations") or {}).get(name, ""))


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text).decode("utf-8")
    except ValueError:
        return ""
