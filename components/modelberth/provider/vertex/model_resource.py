"""`modelberth:vertex:Model`: one version of a model in Vertex AI's registry.

Inputs (camelCase on the wire): those of `gcp/vertex/model.py`.
Outputs: the inputs, and `modelName`, `versionName`, `versionId`, `holder`, `status`.

A version cannot be changed: another container is another version, made before this one goes. One alias
follows from all that it is, so a create that was cut off finds what it uploaded. Another alias tells which
create answers for it: a resource that is renamed in the program takes the version over, and the former one's
delete spares it.
"""

from __future__ import annotations

import threading
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from modelberth.provider.resource import (
    UNKNOWN,
    Change,
    Checked,
    Observed,
    Properties,
    ResourceError,
    Settings,
)
from modelberth.provider.vertex import registry
from modelberth.provider.vertex.client import VertexClient
from modelberth.provider.vertex.connection import client_of
from modelberth.provider.vertex.refusals import refusals
from modelberth.provider.vertex.resources import region_of
from modelberth.provider.vertex.version import MUTABLE, Version, holder_of, holding
from modelberth.provider.vertex.version_import import imported
from modelberth.provider.vertex.version_rules import problems

__all__ = ["Model"]

_REGISTERED: Final = "registered"
_TIMEOUT: Final = 1800.0
"""Seconds: the image is copied, which takes minutes for one of many gigabytes."""
_INDECISIVE: Final = frozenset({"configPath"})

# Versions of one model are made and removed one after the other: the first makes the model, and whether one
# is the last is to be known. Between processes, the API refuses and is asked again.
_turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)


class Model:
    """Uploads, looks after and removes a version; all that is remembered lies in the registry."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def identity(self, inputs: Properties) -> str:
        """The version's name by its alias; a create gives the one by its number."""
        if UNKNOWN in inputs.values():
            return UNKNOWN
        version = Version(inputs)
        return f"{version.model}@{version.alias}"

    def check(self, news: Properties, olds: Properties) -> Checked:  # noqa: ARG002 - no default depends on them
        """Refuse what the API would refuse."""
        return Checked(news, refusals(problems(news), news))

    def diff(self, old_inputs: Properties, old_outputs: Properties, news: Properties) -> Sequence[Change]:
        """Compare inputs; words are written in place, and so is what somebody else made of them."""
        names = sorted((old_inputs.keys() | news.keys()) - _INDECISIVE)
        changes = [
            Change(name, replaces=name not in MUTABLE)
            for name in names
            if (old_inputs.get(name) or None) != (news.get(name) or None)
        ]
        if old_outputs.get("status", _REGISTERED) != _REGISTERED:
            changes.append(Change("status", from_inputs=False))
        return changes

    def preview(self, inputs: Properties, old_outputs: Properties) -> Properties:
        """What will be known; the number of a new version is Vertex AI's to give."""
        names = ("modelName", "versionName", "versionId", "holder")
        known = {name: old_outputs.get(name, UNKNOWN) for name in names}
        if not {UNKNOWN} & {inputs["project"], inputs["region"], inputs["modelId"]}:
            known["modelName"] = Version(inputs).model
        return {**inputs, **known, "status": _REGISTERED}

    def create(self, inputs: Properties, timeout: float) -> Observed:
        """Upload the version; one that a create which was cut off left is taken over."""
        version, holder = Version(inputs), uuid.uuid4().hex[:16]
        with _turns[version.model]:
            found = registry.make(self._client(inputs["region"]), version, holder, timeout or _TIMEOUT)
        outputs = _outputs(inputs, version.model, found, holder, _REGISTERED)
        return Observed(str(outputs["versionName"]), inputs, outputs)

    def read(self, resource_id: str, inputs: Properties, outputs: Properties) -> Observed | None:
        """Find the version by its number: gone, as it should be, or with other words."""
        found = self._client(region_of(resource_id)).model(resource_id)
        if found is None:
            return None
        model, known = resource_id.partition("@")[0], inputs or outputs
        holder = str(outputs.get("holder") or holder_of(found))
        if holder_of(found) not in ("", holder):
            return None  # another create took it over, and the engine ended before it deleted this one
        if not known:
            known = imported(model, found)
        drift = Version(known).drift(found, holder)
        status = f"changed by somebody else: {drift}" if drift else _REGISTERED
        observed = _outputs(known, model, found, holder, status)
        return Observed(str(observed["versionName"]), known, observed)

    def update(
        self,
        resource_id: str,
        old_outputs: Properties,
        inputs: Properties,
        timeout: float,  # noqa: ARG002
    ) -> Properties:
        """Write the words that differ, and the aliases where they are gone."""
        client, version = self._client(inputs["region"]), Version(inputs)
        found = client.model(resource_id)
        if found is None:
            raise ResourceError(
                f"Vertex AI: {resource_id} is gone; run `pulumi refresh`, then `up` makes it again"
            )
        holder = str(old_outputs.get("holder") or uuid.uuid4().hex[:16])
        aliases = [
            name for name in (version.alias, holding(holder)) if name not in found.get("versionAliases", ())
        ]
        if aliases:
            client.merge_aliases(resource_id, aliases)
        registry.write(client, version, found, old_outputs)
        return _outputs(inputs, version.model, found, holder, _REGISTERED)

    def delete(self, resource_id: str, outputs: Properties, timeout: float) -> None:
        """Delete the version, and with the last one the model; spare one that another create took over."""
        model, _, number = resource_id.partition("@")
        client, holder = self._client(region_of(resource_id)), str(outputs.get("holder") or "")
        with _turns[model]:
            registry.remove(client, model, number, holder, timeout or _TIMEOUT)

    def _client(self, region: str) -> VertexClient:
        return client_of(self._settings, region)


def _outputs(
    inputs: Properties, model: str, found: Mapping[str, Any], holder: str, status: str
) -> Properties:
    return {
        **inputs,
        "modelName": model,
        "versionName": registry.version_name(model, found),
        "versionId": str(found["versionId"]),
        "holder": holder,
        "status": status,
    }
