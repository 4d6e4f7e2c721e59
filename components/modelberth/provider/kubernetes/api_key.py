"""`modelberth:kubernetes:ApiKey`: a Secret with an API key that is made where nobody sees it.

Inputs (camelCase on the wire)
    name, namespace        of the Secret; a change replaces the resource
    kubeconfig, context    the cluster, as kubectl finds it where they are left out; another one replaces too
    endpoint               whose key it is: a Secret of another endpoint, or of nobody, is never touched
    rotation               any text; another one makes a new key, and the old one stays valid until the next
    labels                 of the Secret
    configPath             where all this stands in the config: refusals begin with it
Outputs: the inputs, and `uid`, `holder`, `fingerprint`, `status`.

The key is made in this process and goes to the API server alone. Neither it nor its whole digest is in an
input, an output, the state or a log; `fingerprint` is the digest's beginning.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Final

from modelberth.errors import Problem
from modelberth.kubernetes.api.api_server import ApiServer
from modelberth.kubernetes.api.connection import RefusedError
from modelberth.provider.kubernetes.key_secret import ENDPOINT, KeySecret
from modelberth.provider.kubernetes.server import is_same_cluster, object_or_none, server_of
from modelberth.provider.resource import (
    UNKNOWN,
    Change,
    Checked,
    CheckFailure,
    Observed,
    Properties,
    ResourceError,
    Settings,
)

__all__ = ["ApiKey"]

_VALID: Final = "valid"
_DAMAGED: Final = "damaged: the server does not take the key that is handed out"
_PLACE: Final = frozenset({"name", "namespace", "kubeconfig", "context"})
_CONFLICT: Final = 409
_ATTEMPTS: Final = 5


class ApiKey:
    """Makes, rotates and removes the Secret; all that is remembered of the key is its fingerprint."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def identity(self, inputs: Properties) -> str:
        """The Secret's namespace and name."""
        return f"{inputs['namespace']}/{inputs['name']}"

    def check(self, news: Properties, olds: Properties) -> Checked:
        """Refuse the name of a Secret that is somebody else's."""
        if self._settings.offline or olds or UNKNOWN in news.values():
            return Checked(news)
        try:
            self._own(self._server(news), news)
        except ForeignSecretError as error:
            problem = error.problem.under(str(news.get("configPath") or ""))
            return Checked(news, [CheckFailure("name", str(problem))])
        except ResourceError:
            # That the cluster does not answer is for the endpoint's requirements to say, or for the create.
            return Checked(news)
        return Checked(news)

    def diff(self, old_inputs: Properties, old_outputs: Properties, news: Properties) -> Sequence[Change]:
        """Compare inputs; a key that was found damaged is a change too, so that the next `up` mends it."""
        names = sorted((old_inputs.keys() | news.keys()) - {"configPath"})
        changes = [
            Change(name, replaces=_moves(name, old_inputs.get(name), news.get(name)))
            for name in names
            if old_inputs.get(name) != news.get(name)
        ]
        if old_outputs.get("status", _VALID) != _VALID:
            changes.append(Change("status", from_inputs=False))
        return changes

    def preview(self, inputs: Properties, old_outputs: Properties) -> Properties:
        """What will be known; a new key's fingerprint is known once it is made."""
        rotates = bool(inputs.get("rotation")) and inputs.get("rotation") != old_outputs.get("rotation")
        is_new = rotates or old_outputs.get("status", _VALID) != _VALID
        return {
            **inputs,
            "uid": old_outputs.get("uid", UNKNOWN),
            "holder": old_outputs.get("holder", UNKNOWN),
            "fingerprint": UNKNOWN if is_new else old_outputs.get("fingerprint", UNKNOWN),
            "status": _VALID,
        }

    def create(self, inputs: Properties, timeout: float) -> Observed:  # noqa: ARG002 - one request has its own
        """Make the Secret; one of the same endpoint, which a create that was cut off left, is taken over."""
        holder = uuid.uuid4().hex
        return Observed(self.identity(inputs), inputs, _outputs(inputs, self._written(inputs, holder)))

    def read(self, resource_id: str, inputs: Properties, outputs: Properties) -> Observed | None:
        """Look at the Secret; an import takes that of an endpoint which nobody has in a state."""
        namespace, _, name = resource_id.partition("/")
        known = {**outputs, **inputs}
        wanted = {**known, "namespace": namespace, "name": name}
        live = _live(self._server(wanted), wanted)
        if live is None or live.endpoint is None or outputs.get("uid") not in (None, live.uid):
            return None
        if outputs.get("holder") not in (None, live.holder):
            return None  # another create took it over, and the engine ended before it deleted this one
        found = inputs or {"name": name, "namespace": namespace, "endpoint": live.endpoint}
        return Observed(resource_id, found, _outputs(found, live))

    def update(
        self,
        resource_id: str,  # noqa: ARG002
        old_outputs: Properties,
        inputs: Properties,
        timeout: float,  # noqa: ARG002
    ) -> Properties:
        """Write what the inputs ask for; a new key where the rotation is another one."""
        return _outputs(inputs, self._written(inputs, str(old_outputs["holder"])))

    def delete(self, resource_id: str, outputs: Properties, timeout: float) -> None:  # noqa: ARG002
        """Delete the Secret, unless it is another one by now or another create took it over."""
        namespace, _, name = resource_id.partition("/")
        wanted = {**outputs, "namespace": namespace, "name": name}
        server = self._server(wanted)
        for _ in range(_ATTEMPTS):
            live = _live(server, wanted)
            if live is None or (live.uid, live.holder) != (outputs.get("uid"), outputs.get("holder")):
                return
            only = {"uid": live.uid, "resourceVersion": live.metadata["resourceVersion"]}
            options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": only}
            try:
                server.request("DELETE", _path(wanted), body=options)
            except RefusedError as error:
                if error.status not in (404, _CONFLICT):
                    raise
            else:
                return

    def _written(self, inputs: Properties, holder: str) -> KeySecret:
        """Bring the Secret to what the inputs ask for; who writes it at the same time is not overwritten."""
        server = self._server(inputs)
        for _ in range(_ATTEMPTS):
            live = self._own(server, inputs)
            wanted = live.following(inputs, holder) if live else KeySecret.new(inputs, holder)
            try:
                if live is None:
                    return KeySecret(server.request("POST", _collection(inputs), body=wanted.manifest))
                path, kind = _path(inputs), "application/merge-patch+json"
                return KeySecret(server.request("PATCH", path, body=wanted.patch, content_type=kind))
            except RefusedError as error:
                if error.status != _CONFLICT:
                    said = f"Secret {self.identity(inputs)}: {wanted.hidden(str(error))}"
                    raise ResourceError(said) from None
        raise ResourceError(f"Secret {self.identity(inputs)}: others keep writing it; run the command again")

    def _own(self, server: ApiServer, inputs: Properties) -> KeySecret | None:
        """The Secret where it is the endpoint's; None where there is none."""
        live = _live(server, inputs)
        if live is not None and live.endpoint != inputs["endpoint"]:
            raise ForeignSecretError(self.identity(inputs), inputs, live)
        return live

    def _server(self, inputs: Properties) -> ApiServer:
        return server_of(inputs, self._settings.root)


class ForeignSecretError(ResourceError):
    """The Secret is there and is not the endpoint's."""

    def __init__(self, identity: str, inputs: Properties, live: KeySecret) -> None:
        whose = f"endpoint {live.endpoint}'s" if live.endpoint else "not Modelberth's"
        command = f"kubectl delete secret {inputs['name']} --namespace {inputs['namespace']}"
        self.problem = Problem(
            "security.auth.secret",
            "nothing",
            f"the name of a Secret while {identity} is {whose}",
            f"A key is made into that Secret where none is named, and it has no annotation {ENDPOINT}: "
            f"{inputs['endpoint']}. Name it to use it as it is, or remove it: {command}",
        )
        super().__init__(str(self.problem))


def _outputs(inputs: Properties, secret: KeySecret) -> Properties:
    return {
        **inputs,
        # Of the key that is there: one that is asked for no more made it all the same.
        **({"rotation": secret.rotation} if secret.rotation else {}),
        "uid": secret.uid,
        "holder": secret.holder,
        "fingerprint": secret.fingerprint,
        "status": _VALID if secret.is_valid else _DAMAGED,
    }


def _moves(name: str, old: object, new: object) -> bool:
    """Whether another value of an input is another place."""
    return name in _PLACE and not (name == "kubeconfig" and is_same_cluster(old, new))


def _live(server: ApiServer, inputs: Properties) -> KeySecret | None:
    found = object_or_none(server, _path(inputs))
    return None if found is None else KeySecret(found)


def _collection(inputs: Properties) -> str:
    return f"/api/v1/namespaces/{inputs['namespace']}/secrets"


def _path(inputs: Properties) -> str:
    return f"{_collection(inputs)}/{inputs['name']}"
