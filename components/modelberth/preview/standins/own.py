"""Modelberth's own provider, as it is but for the world: no process is started and no cluster is asked."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from modelberth.preview.standins.backend import Change, Difference, Request
from modelberth.preview.standins.values import plain
from modelberth.provider.local_process import preferred_port
from modelberth.provider.resource import UNKNOWN, Checked, CheckFailure, CustomResource, Observed, Properties
from modelberth.provider.servicer import refused_settings, resource_for, settings_from
from modelberth.provider.vertex.version import Version

__all__ = ["Own"]

_OF_THIS_MACHINE: Final = {"port"}
"""Refusals that say how this machine is now, not whether the program is right."""


class Own:
    """Checks, compares and previews as the real provider does, and makes nothing."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def check(self, request: Request, olds: Properties, news: Properties) -> Checked:
        """Ask the real resource; a port that is taken is no failure, because none is taken here."""
        checked = self._resource(request).check(plain(news), plain(olds))
        failures = [failure for failure in checked.failures if failure.property not in _OF_THIS_MACHINE]
        return Checked(checked.inputs, failures)

    def diff(
        self,
        request: Request,
        resource_id: str,  # noqa: ARG002 - the real resource compares without it
        old_inputs: Properties,
        old_outputs: Properties,
        news: Properties,
    ) -> Difference:
        """Ask the real resource."""
        changes = self._resource(request).diff(plain(old_inputs), plain(old_outputs), plain(news))
        return Difference(
            [
                Change(change.property, replaces=change.replaces, from_inputs=change.from_inputs)
                for change in changes
            ]
        )

    def create(self, request: Request, inputs: Properties) -> Observed:
        """What the real resource foresees; after an `up` with what it might have found."""
        values, resource = plain(inputs), self._resource(request)
        found = {} if request.preview else _found(request, values)
        outputs = resource.preview(values, found)
        return Observed(resource.identity(values), inputs, _settled(outputs, found))

    def read(
        self,
        request: Request,  # noqa: ARG002 - nothing is looked at
        resource_id: str,
        inputs: Properties,
        outputs: Properties,
    ) -> Observed | None:
        """What the state says; what it does not know is not there."""
        return Observed(resource_id, inputs, outputs) if outputs else None

    def update(
        self,
        request: Request,
        resource_id: str,  # noqa: ARG002
        old_inputs: Properties,  # noqa: ARG002
        old_outputs: Properties,
        inputs: Properties,
    ) -> Properties:
        """What the real resource foresees."""
        values = plain(inputs)
        found = {} if request.preview else _found(request, values)
        return _settled(self._resource(request).preview(values, plain(old_outputs)), found)

    def delete(self, request: Request, resource_id: str, outputs: Properties) -> None:
        """Nothing is there to end."""

    def config_failures(
        self,
        request: Request,  # noqa: ARG002
        config: Properties,
    ) -> Sequence[CheckFailure]:
        """Why the provider's configuration cannot be taken; nothing where it can."""
        return refused_settings(plain(config))

    def _resource(self, request: Request) -> CustomResource:
        settings = settings_from(self._directory, plain(request.config))
        return resource_for(request.type, replace(settings, offline=True))


def _found(request: Request, inputs: Properties) -> Properties:
    uid = uuid.uuid5(uuid.NAMESPACE_URL, request.urn).hex
    match request.type:
        case "modelberth:local:Process":
            return {"port": preferred_port(str(inputs["name"])), "uid": uid}
        case "modelberth:kubernetes:ApiKey":
            return {"uid": uid, "holder": uid, "fingerprint": uid[:12]}
        case "modelberth:vertex:DeployedModel":
            return {"holder": uid[:16]}
        case "modelberth:vertex:Model":
            model, number = Version(inputs).model, _number(request.urn, inputs)
            named = {"modelName": model, "versionName": f"{model}@{number}", "versionId": number}
            return {**named, "holder": uid[:16]}
    return {}


def _number(urn: str, inputs: Properties) -> str:
    """A version of its own for each content: Vertex AI counts, and nothing here remembers how far."""
    content = json.dumps([urn, inputs], sort_keys=True, default=str)
    return str(int(hashlib.sha256(content.encode()).hexdigest()[:8], 16) % 9999 + 1)


def _settled(outputs: Properties, found: Properties) -> Properties:
    """The outputs with what was found for those that were unknown."""
    unknown = {name for name, value in outputs.items() if value == UNKNOWN}
    return {**outputs, **{name: value for name, value in found.items() if name in unknown}}
