"""One version of a model in Vertex AI's registry, as it is asked for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from modelberth.provider.resource import Properties

__all__ = ["MUTABLE", "Version", "holder_of", "holding"]

MUTABLE: Final = frozenset({"displayName", "description", "versionDescription", "labels"})
"""Inputs that are written in place (UpdateModelRequest); all others are a version's for good."""

_MODEL: Final = ("displayName", "description")
_VERSION: Final = ("versionDescription", "labels")
_CONTENT: Final = "c-"
_HOLDER: Final = "h-"


@dataclass(frozen=True)
class Version:
    """A version by the inputs of its resource."""

    inputs: Properties

    @property
    def parent(self) -> str:
        """Where the model lies: projects/…/locations/…."""
        return f"projects/{self.inputs['project']}/locations/{self.inputs['region']}"

    @property
    def model(self) -> str:
        """The model's name, without a version."""
        return f"{self.parent}/models/{self.inputs['modelId']}"

    @property
    def alias(self) -> str:
        """What this version goes by whoever uploads it: it follows from all that cannot be changed.

        So a command that ended before it could write down the number of what it had uploaded is followed by
        one that finds it. At most one version has an alias (docs.cloud.google.com, "How to use model version
        aliases").
        """
        what = json.dumps([self.model, self._fixed], sort_keys=True)
        return f"{_CONTENT}{hashlib.sha256(what.encode()).hexdigest()[:16]}"

    def document(self, holder: str) -> dict[str, Any]:
        """The `model` that is uploaded. The newest version is the one that the model's bare name means."""
        aliases = ["default", self.alias, holding(holder)]
        return {**self._fixed, **self.of_model, **_known(self.inputs, _VERSION), "versionAliases": aliases}

    @property
    def of_model(self) -> dict[str, Any]:
        """What can be written of the model, which all its versions share."""
        return _known(self.inputs, _MODEL)

    def changes_of_model(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """What is to be written of the model, by field."""
        return {name: wanted for name, wanted in self._words(_MODEL) if found.get(name, "") != wanted}

    def changes_of_version(self, found: Mapping[str, Any], formerly: Properties) -> dict[str, Any]:
        """What is to be written of the version, by field.

        Labels that somebody else added are not ours to say anything about; those that were ours and are
        wanted no more go. The model's labels show among the version's.
        """
        changes = {
            name: wanted for name, wanted in self._words(_VERSION[:1]) if found.get(name, "") != wanted
        }
        labels, wanted = found.get("labels") or {}, self.inputs.get("labels") or {}
        gone = (formerly.get("labels") or {}).keys() - wanted.keys()
        kept = {key: value for key, value in labels.items() if key not in gone}
        return changes if {**kept, **wanted} == labels else {**changes, "labels": {**kept, **wanted}}

    def drift(self, found: Mapping[str, Any], holder: str) -> str:
        """What somebody changed, in words; empty for nothing."""
        names = [*self.changes_of_model(found), *self.changes_of_version(found, {})]
        aliases = found.get("versionAliases") or ()
        names += [f"alias {name}" for name in (self.alias, holding(holder)) if holder and name not in aliases]
        return ", ".join(names)

    def _words(self, names: tuple[str, ...]) -> list[tuple[str, str]]:
        return [(name, self.inputs.get(name) or "") for name in names]

    @property
    def _fixed(self) -> dict[str, Any]:
        """What cannot be changed, as the API names it."""
        given = self.inputs
        timeout, key = given.get("deploymentTimeout"), given.get("encryptionKey")
        container = {
            "imageUri": given["image"],
            "command": given.get("command"),
            "args": given.get("args"),
            "env": [
                {"name": name, "value": value} for name, value in sorted((given.get("env") or {}).items())
            ],
            "ports": [{"containerPort": port} for port in given.get("ports") or ()],
            "predictRoute": given.get("predictRoute"),
            "healthRoute": given.get("healthRoute"),
            "startupProbe": _probe(given.get("startupProbe")),
            "healthProbe": _probe(given.get("healthProbe")),
            "livenessProbe": _probe(given.get("livenessProbe")),
            # JSON has an int64 as a text, and a duration with its unit (protobuf.dev, "ProtoJSON Format").
            "sharedMemorySizeMb": str(given["sharedMemoryMb"]) if given.get("sharedMemoryMb") else None,
            "deploymentTimeout": f"{timeout}s" if timeout else None,
        }
        found: dict[str, Any] = {
            "containerSpec": {name: value for name, value in container.items() if value},
            "artifactUri": given.get("artifactUri"),
            "encryptionSpec": {"kmsKeyName": key} if key else None,
        }
        return {name: value for name, value in found.items() if value}


def holding(holder: str) -> str:
    """The alias by which a version is that of one create: a later one that takes it over has another."""
    return f"{_HOLDER}{holder}"


def holder_of(found: Mapping[str, Any]) -> str:
    """Which create answers for a version that is there; empty where nobody does."""
    aliases = found.get("versionAliases") or ()
    return next((one.removeprefix(_HOLDER) for one in aliases if one.startswith(_HOLDER)), "")


def _known(inputs: Properties, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: inputs[name] for name in names if inputs.get(name)}


def _probe(given: Properties | None) -> dict[str, Any]:
    """A probe as the API has it, by Kubernetes's names."""
    if not given:
        return {}
    request = {"path": given.get("path"), "port": given.get("port")}
    found = {
        "httpGet": {name: value for name, value in request.items() if value} if given.get("path") else None,
        "exec": {"command": given["command"]} if given.get("command") else None,
        "initialDelaySeconds": given.get("initialDelay"),
        "periodSeconds": given.get("period"),
        "timeoutSeconds": given.get("timeout"),
        "failureThreshold": given.get("failureThreshold"),
        "successThreshold": given.get("successThreshold"),
    }
    return {name: value for name, value in found.items() if value}
