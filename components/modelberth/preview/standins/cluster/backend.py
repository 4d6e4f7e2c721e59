"""The `kubernetes` package with a real API server behind it instead of tables."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from modelberth.kubernetes.api.api_server import ApiServer, MissingKindError
from modelberth.kubernetes.api.connection import Cause, RefusedError, connect
from modelberth.preview.standins.backend import Change, Difference, Request
from modelberth.preview.standins.cluster import immutability, manifest, refusals
from modelberth.preview.standins.cluster.awaiting import Awaiter
from modelberth.preview.standins.cluster.manifest import Identity
from modelberth.preview.standins.cluster.objects import FIELD_MANAGER, Objects
from modelberth.preview.standins.cluster.ownership import without_ignored
from modelberth.preview.standins.cluster.symptoms import Neighbours
from modelberth.preview.standins.difference import compare
from modelberth.preview.standins.values import has_unknown, plain, scrubbed, secret_texts
from modelberth.provider.resource import UNKNOWN, Checked, CheckFailure, Observed, Properties

__all__ = ["Cluster"]


class Cluster:
    """Answers for Kubernetes resources with one real cluster, as pulumi-kubernetes 4 does.

    Check and Diff ask the API server with a dry run, Create and Update are server-side applies that wait
    until the object is ready, Delete waits until it is gone. Every provider instance of the program gets its
    answers here, whatever kubeconfig or context it names; its `namespace`, `enableConfigMapMutable` and
    `enableSecretMutable` are heeded. Helm releases, `…Patch` and `…List` resources are refused, and so is a
    provider that writes manifests to a folder or applies on the client's side.

    `timeout` is how long, in seconds, an object may take to become ready or to go where neither the
    resource's `customTimeouts` nor its annotation `pulumi.com/timeoutSeconds` says so; `poll` how often it is
    looked at; `patience` how long a namespace or kind that is not there yet is waited for.
    """

    def __init__(
        self, server: ApiServer, *, timeout: float = 600.0, poll: float = 0.5, patience: float = 15.0
    ) -> None:
        self._server = server
        self._objects = Objects(server, poll=poll, patience=patience)
        self._awaiter = Awaiter(self._objects, Neighbours(server), timeout)

    @classmethod
    def from_kubeconfig(
        cls,
        path: Path | None = None,
        context: str | None = None,
        *,
        timeout: float = 600.0,
        request_timeout: float = 30.0,
    ) -> Self:
        """Reach the cluster that a kubeconfig names, `$KUBECONFIG` or `~/.kube/config` by default.

        `request_timeout` is how long, in seconds, the API server may take over one answer.

        Raises:
            ResourceError: the file or the context cannot be used, or the Python client is missing.
        """
        return cls(ApiServer(connect(path, context, timeout=request_timeout)), timeout=timeout)

    def config_failures(
        self,
        request: Request,  # noqa: ARG002 - the protocol's
        config: Properties,
    ) -> Sequence[CheckFailure]:
        """Refuse what a provider would do instead of asking the API server."""
        return refusals.unsupported_config(plain(config))

    def check(self, request: Request, olds: Properties, news: Properties) -> Checked:
        """Fill in name and namespace, and ask the API server what it would refuse."""
        if failures := refusals.unsupported(request.type, plain(news)):
            return Checked(news, failures)
        named = manifest.autonamed(news, olds, request.name, request.seed or request.urn.encode())
        inputs = manifest.guarded(self._placed(request, named))
        hidden = _hidden(inputs)
        failures = [
            CheckFailure(cause.field, scrubbed(cause.message, hidden))
            for cause in self._objections(inputs)
            if not immutability.tells(cause)  # that makes a replacement, in Diff
        ]
        return Checked(inputs, failures)

    def diff(
        self,
        request: Request,
        resource_id: str,  # noqa: ARG002 - the protocol's
        old_inputs: Properties,
        old_outputs: Properties,
        news: Properties,
    ) -> Difference:
        """Compare the inputs; what replaces is told by the table and by a dry run against the object."""
        placed = (plain(old_outputs).get("metadata") or {}).get("namespace", "")
        old, new = _in_namespace(placed, plain(old_inputs)), _in_namespace(placed, plain(news))
        changes = list(compare(old, new))
        if not changes:
            return Difference()
        paths = [path for path, _ in changes]
        replacing = immutability.by_table(request.type, request.config, paths)
        if Identity.of(old) == Identity.of(new):
            replacing |= immutability.by_refusal(
                self._objections({**news, "metadata": new.get("metadata")}), paths, replacing
            )
        autonamed = manifest.annotation(new, manifest.AUTONAMED) == "true"
        return Difference(
            [Change(path, kind, path in replacing) for path, kind in changes],
            delete_first=bool(replacing) and not autonamed and Identity.of(old).id == Identity.of(new).id,
        )

    def create(self, request: Request, inputs: Properties) -> Observed:
        """Apply the object and wait until it is ready; one that exists already is taken over."""
        if request.preview:
            return Observed(Identity.of(plain(inputs)).id, inputs, self._previewed(request, inputs, {}))
        live = self._applied(request, inputs)
        return Observed(Identity.of(live).id, inputs, self._awaiter.until_ready(request, inputs, live))

    def read(
        self, request: Request, resource_id: str, inputs: Properties, outputs: Properties
    ) -> Observed | None:
        """Look at the live object.

        Raises:
            NotReadyError: it is there, and does not work.
        """
        live = self._objects.get(_identity(request, resource_id, outputs))
        if live is None:
            return None
        shown = manifest.shown(live)
        if not inputs:
            return Observed(Identity.of(live).id, manifest.imported(live), shown)
        found = manifest.guarded(manifest.drifted(plain(inputs), plain(outputs), live))
        observed = Observed(Identity.of(live).id, found, shown)
        self._awaiter.judge(observed, live)
        return observed

    def update(
        self,
        request: Request,
        resource_id: str,  # noqa: ARG002 - the protocol's
        old_inputs: Properties,  # noqa: ARG002
        old_outputs: Properties,
        inputs: Properties,
    ) -> Properties:
        """Apply the object again and wait until it is ready."""
        if request.preview:
            return self._previewed(request, inputs, plain(old_outputs))
        return self._awaiter.until_ready(request, inputs, self._applied(request, inputs))

    def delete(self, request: Request, resource_id: str, outputs: Properties) -> None:
        """Delete the object, what it owns first, and wait until it is gone."""
        identity = _identity(request, resource_id, outputs)
        try:
            propagation = manifest.annotation(plain(outputs), refusals.PROPAGATION) or "foreground"
            self._objects.delete(identity, propagation.capitalize())
            self._awaiter.until_gone(request, identity, plain(outputs))
        except RefusedError as error:
            raise refusals.in_words(identity, error, frozenset()) from error

    def _placed(self, request: Request, inputs: Properties) -> Properties:
        """The inputs with a namespace, where the kind takes one; of a kind that is to come, as they are."""
        metadata = inputs.get("metadata")
        if not isinstance(metadata, Mapping) or metadata.get("namespace"):
            return inputs
        try:
            kind = self._server.kind(plain(inputs["apiVersion"]), plain(inputs["kind"]))
        except MissingKindError:
            return inputs
        if not kind.namespaced:
            return inputs
        namespace = plain(request.config.get("namespace")) or self._server.namespace
        return {**inputs, "metadata": {**metadata, "namespace": namespace}}

    def _objections(self, inputs: Properties) -> Sequence[Cause]:
        """What the API server has against an object; nothing where it cannot be asked yet."""
        wanted = plain(inputs)
        if has_unknown(wanted):
            return ()
        try:
            self._objects.apply(wanted, dry=True, force=True)
        except MissingKindError:
            return ()  # the same program may define it; Create insists on it
        except RefusedError as error:
            if error.status == 404 or (error.status == 400 and "dry run" in str(error)):
                return ()  # a namespace that is to come; a webhook that has no dry run
            if error.status != 422 and not error.causes:
                raise refusals.in_words(Identity.of(wanted), error, _hidden(inputs)) from error
            return error.causes or (Cause("", str(error)),)
        return ()

    def _previewed(self, request: Request, inputs: Properties, old: Mapping[str, Any]) -> dict[str, Any]:
        wanted = plain(inputs)
        bare = manifest.bare(inputs)
        if has_unknown(wanted):
            return bare
        try:
            wanted = self._respecting(request, wanted)
            # Before a replacement the old object is still there, and is no reason to refuse the new one.
            dry = self._objects.apply(wanted, dry=True, force=not old or _is_forced(wanted))
        except MissingKindError:
            return bare
        except RefusedError as error:
            if error.status == 404 or (not old and any(immutability.tells(cause) for cause in error.causes)):
                return bare
            raise refusals.in_words(Identity.of(wanted), error, _hidden(inputs)) from error
        return manifest.previewed(dry, wanted, old)

    def _applied(self, request: Request, inputs: Properties) -> dict[str, Any]:
        wanted = plain(inputs)
        try:
            wanted = self._respecting(request, wanted)
            return self._objects.make(wanted, force=_is_forced(wanted), cancelled=request.cancelled)
        except RefusedError as error:
            raise refusals.in_words(Identity.of(wanted), error, _hidden(inputs)) from error

    def _respecting(self, request: Request, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
        """The manifest, with what the program ignores as it is in the cluster."""
        live = self._objects.get(Identity.of(wanted)) if request.ignored else None
        return wanted if live is None else without_ignored(wanted, request.ignored, live, FIELD_MANAGER)


def _identity(request: Request, resource_id: str, outputs: Properties) -> Identity:
    known = plain(outputs)
    return Identity.of(known) if known.get("kind") else Identity.imported(request.type, resource_id)


def _in_namespace(placed: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The inputs with the object's namespace, which Check left out while it did not know the kind."""
    metadata = inputs.get("metadata") or {}
    if not placed or placed == UNKNOWN or not isinstance(metadata, Mapping):
        return inputs
    return {**inputs, "metadata": {"namespace": placed, **metadata}}


def _hidden(inputs: Properties) -> frozenset[str]:
    return secret_texts(manifest.guarded(inputs))


def _is_forced(wanted: Mapping[str, Any]) -> bool:
    return manifest.annotation(wanted, refusals.FORCE) == "true"
