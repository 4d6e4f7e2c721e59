"""`modelberth:vertex:DeployedModel`: everything that an endpoint of Vertex AI runs.

Inputs (camelCase on the wire): those of `gcp/vertex/deployed_model.py`.
Outputs: the inputs, and `deployedModelIds`, `traffic`, `holder`, `status`.

What is deployed has the resource's name as its display name, and an id that follows from what it is: nothing
is remembered but what the endpoint itself tells. A label of the endpoint says which create answers for it: a
resource that is renamed in the program takes over what serves, and the delete of the former one spares it.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from typing import Final

from modelberth.provider.resource import (
    UNKNOWN,
    Change,
    Checked,
    Observed,
    Properties,
    ResourceError,
    Settings,
    UnfinishedError,
)
from modelberth.provider.vertex.client import VertexClient
from modelberth.provider.vertex.connection import client_of
from modelberth.provider.vertex.converge import converge
from modelberth.provider.vertex.deployment import Desired
from modelberth.provider.vertex.drift import drift
from modelberth.provider.vertex.refusals import refusals
from modelberth.provider.vertex.resources import Endpoint, region_of
from modelberth.provider.vertex.share_rules import has_unknown, problems
from modelberth.provider.vertex.shares import desired_of, imported
from modelberth.provider.vertex.transport import ApiError

__all__ = ["DeployedModel"]

_SERVING: Final = "serving"
_TIMEOUT: Final = 7200.0
"""Seconds: the longest that a model may take to be deployed (ModelContainerSpec.deployment_timeout)."""
_PLACE: Final = frozenset({"name", "endpoint"})
_ATTEMPTS: Final = 4


class DeployedModel:
    """Brings an endpoint to what is wanted on it, and looks whether it still is."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def identity(self, inputs: Properties) -> str:
        """The endpoint and the name of what is deployed there."""
        return f"{inputs['endpoint']}/{inputs['name']}"

    def check(self, news: Properties, olds: Properties) -> Checked:  # noqa: ARG002 - no default depends on them
        """Refuse what cannot be deployed, or what is no split of the requests."""
        return Checked(news, refusals(problems(news), news))

    def diff(self, old_inputs: Properties, old_outputs: Properties, news: Properties) -> Sequence[Change]:
        """Compare inputs; what is otherwise on the endpoint is a change too, so that the next `up` mends it.

        The endpoint is asked: an update that was cut off is in no state, and one that is taken back would
        else leave behind what it had deployed.
        """
        names = sorted((old_inputs.keys() | news.keys()) - {"configPath"})
        changes = [
            Change(name, replaces=name in _PLACE) for name in names if old_inputs.get(name) != news.get(name)
        ]
        if old_outputs.get("status", _SERVING) != _SERVING or (not changes and self._is_otherwise(news)):
            changes.append(Change("status", from_inputs=False))
        return changes

    def preview(self, inputs: Properties, old_outputs: Properties) -> Properties:
        """What will be known: the ids follow from the shares."""
        known = {"holder": old_outputs.get("holder", UNKNOWN), "status": _SERVING}
        if has_unknown([inputs["name"], inputs["endpoint"], inputs["shares"]]):
            return {**inputs, "deployedModelIds": UNKNOWN, "traffic": UNKNOWN, **known}
        desired = desired_of(inputs)
        return {
            **inputs,
            "deployedModelIds": [*desired.deployments],
            "traffic": dict(desired.traffic),
            **known,
        }

    def create(self, inputs: Properties, timeout: float) -> Observed:
        """Deploy everything; what a create that was cut off left there is taken over."""
        holder = uuid.uuid4().hex[:16]
        _hold(self._client(inputs["endpoint"]), desired_of(inputs), holder)
        return Observed(self.identity(inputs), inputs, self._converged(inputs, holder, timeout))

    def read(self, resource_id: str, inputs: Properties, outputs: Properties) -> Observed | None:
        """Look at the endpoint: nothing of ours is there, or all is as wanted, or what is not."""
        endpoint, _, name = resource_id.rpartition("/")
        found = _found(self._client(endpoint), endpoint)
        if found is None or not found.owned(name):
            return None
        holder = found.labels.get(_label(name), "")
        if outputs.get("holder") not in (None, holder) and holder:
            return None  # another create took it over, and the engine ended before it deleted this one
        known = inputs or imported(name, endpoint, found)
        wrong = drift(desired_of(known), found)
        status = f"changed by somebody else: {wrong}" if wrong else _SERVING
        held = str(outputs.get("holder") or holder)
        return Observed(resource_id, known, _outputs(known, found, held, status))

    def update(
        self,
        resource_id: str,  # noqa: ARG002
        old_outputs: Properties,
        inputs: Properties,
        timeout: float,
    ) -> Properties:
        """Deploy what is new, move the requests, take away what is wanted no more."""
        holder = str(old_outputs.get("holder") or uuid.uuid4().hex[:16])
        _hold(self._client(inputs["endpoint"]), desired_of(inputs), holder)
        return self._converged(inputs, holder, timeout)

    def delete(self, resource_id: str, outputs: Properties, timeout: float) -> None:
        """Take everything away; spare what another create took over."""
        endpoint, _, name = resource_id.rpartition("/")
        client, nothing = self._client(endpoint), Desired(name, endpoint, ())
        found = _found(client, endpoint)
        if found is None or found.labels.get(_label(name), "") not in ("", outputs.get("holder") or ""):
            return
        converge(client, nothing, timeout or _TIMEOUT, client.pace)
        _hold(client, nothing, "")

    def _converged(self, inputs: Properties, holder: str, timeout: float) -> Properties:
        """Converge; where that fails, the engine is told what is there, so that it goes on or removes it."""
        client, desired = self._client(inputs["endpoint"]), desired_of(inputs)
        try:
            found = converge(client, desired, timeout or _TIMEOUT, client.pace)
        except ResourceError as error:
            outputs = {
                **inputs,
                "deployedModelIds": [],
                "traffic": {},
                "holder": holder,
                "status": str(error),
            }
            raise UnfinishedError(Observed(self.identity(inputs), inputs, outputs), str(error)) from error
        return _outputs(inputs, found, holder, _SERVING)

    def _is_otherwise(self, inputs: Properties) -> bool:
        """Whether the endpoint is there and not as wanted; one that cannot be asked is taken to be."""
        if self._settings.offline or has_unknown(inputs):
            return False
        try:
            found = _found(self._client(inputs["endpoint"]), inputs["endpoint"])
        except ResourceError:
            return False
        return found is not None and drift(desired_of(inputs), found) != ""

    def _client(self, endpoint: str) -> VertexClient:
        return client_of(self._settings, region_of(endpoint))


def _found(client: VertexClient, endpoint: str) -> Endpoint | None:
    try:
        return client.endpoint(endpoint)
    except ApiError as error:
        if error.code != 404:
            raise
        return None


def _outputs(inputs: Properties, found: Endpoint, holder: str, status: str) -> Properties:
    desired = desired_of(inputs)
    wanted = [name for name in desired.deployments if name in found.deployed]
    left = sorted(found.owned(desired.owner).keys() - set(wanted))
    return {
        **inputs,
        "deployedModelIds": [*wanted, *left],
        "traffic": dict(found.traffic),
        "holder": holder,
        "status": status,
    }


def _hold(client: VertexClient, desired: Desired, holder: str) -> None:
    """Write down on the endpoint which create answers for what is deployed; empty: nobody does any more."""
    label = _label(desired.owner)
    for number in range(_ATTEMPTS):
        try:
            found = client.endpoint(desired.endpoint)
            if found.labels.get(label, "") == holder:
                return
            others = {name: value for name, value in found.labels.items() if name != label}
            mine = {label: holder} if holder else {}
            client.set_labels(desired.endpoint, {**others, **mine}, found.etag)
        except ApiError as error:
            if error.code == 404 and not holder:
                return
            # It was just made and reads do not know of it, or somebody else wrote it in between.
            if error.code not in (404, 409) or number + 1 == _ATTEMPTS:
                raise
            client.pace.sleep(client.pace.wait(number))
        else:
            return


def _label(owner: str) -> str:
    """A label's name has 63 characters at most and no capital letters; a display name may be longer."""
    return f"modelberth-holder-{hashlib.sha256(owner.encode()).hexdigest()[:8]}"
