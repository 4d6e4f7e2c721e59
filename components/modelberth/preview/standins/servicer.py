"""The gRPC face of the stand-ins: one server for the engine's calls about any package."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from modelberth.preview.standins import journal
from modelberth.preview.standins.backend import Backend, Change, Difference, NotReadyError, Request
from modelberth.preview.standins.connections import Connections
from modelberth.preview.standins.injection import Injection
from modelberth.preview.standins.values import marked, read, scrubbed, secret_texts, write
from modelberth.provider.resource import CheckFailure, Observed, Properties, ResourceError
from modelberth.provider.translation import StatusError, type_of

__all__ = ["ConfigCheck", "ConfigDiff", "Function", "Servicer"]

ConfigCheck = Callable[[Request, Properties], Sequence[CheckFailure]]
"""Why a provider's configuration, of type `pulumi:providers:NAME`, cannot be taken."""

ConfigDiff = Callable[[Request, Properties, Properties], Difference]
"""What differs between a provider's last configuration and the one now, and whether that replaces it."""

Function = Callable[[Request, Properties], Properties]
"""What a function of a package gives; the request's type is the function's token."""

_NEWEST: Final = "9999.0.0"
"""The engine warns about a provider that is older than the program's SDK."""

_UNDERSTOOD: Final = {"acceptSecrets": True, "acceptResources": True}

_KINDS: Final = {
    ("add", False): provider_pb2.PropertyDiff.ADD,
    ("add", True): provider_pb2.PropertyDiff.ADD_REPLACE,
    ("update", False): provider_pb2.PropertyDiff.UPDATE,
    ("update", True): provider_pb2.PropertyDiff.UPDATE_REPLACE,
    ("delete", False): provider_pb2.PropertyDiff.DELETE,
    ("delete", True): provider_pb2.PropertyDiff.DELETE_REPLACE,
}


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """Translates each call for the backend of its package, notes it, and lets go wrong what shall."""

    def __init__(
        self,
        backend: Callable[[str], Backend],
        config_check: ConfigCheck,
        config_diff: ConfigDiff,
        function: Function,
        injection: Injection,
    ) -> None:
        self._backend = backend
        self._config_check = config_check
        self._config_diff = config_diff
        self._function = function
        self._injection = injection
        self.journal = journal.Journal()
        self.connections = Connections()

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        """What stand-ins understand; must agree with Configure."""
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=True)

    def Attach(self, request: Any, context: grpc.ServicerContext) -> Any:
        """The engine's way to a server that it did not start."""
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        """A version that is new enough for whatever package the call may be for: it does not say."""
        return plugin_pb2.PluginInfo(version=_NEWEST)

    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Check a provider's configuration."""
        news, asked = read(request.news), self._request(request, context)
        failures = self._config_check(asked, news)
        return provider_pb2.CheckResponse(
            inputs=request.news, failures=_failures(failures, secret_texts(news))
        )

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Say what changes in a provider's configuration; the engine replaces what a replaced one made."""
        olds, news = read(request.old_inputs) or read(request.olds), read(request.news)
        return _diff(self._config_diff(self._request(request, context), olds, news))

    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Remember the configuration for the calls that come the same way."""
        self.connections.configure(context, read(request.args))
        return provider_pb2.ConfigureResponse(supportsPreview=True, **_UNDERSTOOD)

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Check a resource's inputs."""
        olds, news = read(request.olds), read(request.news)
        asked = replace(self._request(request, context), seed=request.randomSeed)
        with self._call("check", asked, news) as entry:
            checked = self._backend(asked.type).check(asked, olds, news)
            secrets = secret_texts(news)
            failures = _failures(checked.failures, secrets)
            if failures:
                entry.outcome = "; ".join(failure.reason for failure in failures)
        return provider_pb2.CheckResponse(
            inputs=write(marked(checked.inputs, news, secrets)), failures=failures
        )

    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Say what changes and whether it takes a replacement."""
        old_inputs, olds, news = read(request.old_inputs), read(request.olds), read(request.news)
        asked = self._request(request, context)
        with self._call("diff", asked, news, request.id):
            difference = self._backend(asked.type).diff(asked, request.id, old_inputs, olds, news)
        return _diff(difference)

    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Make a resource, or say in a preview what would come of it."""
        inputs, asked = read(request.properties), self._request(request, context)
        with self._call("create", asked, inputs) as entry:
            observed = self._backend(asked.type).create(asked, inputs)
            entry.id = "" if asked.preview else observed.id
            self._injection.after("create", asked, observed)
        outputs = marked(observed.outputs, inputs, secret_texts(inputs))
        return provider_pb2.CreateResponse(id=entry.id, properties=write(outputs))

    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Look at a resource; one without an id is gone."""
        inputs, outputs = read(request.inputs), read(request.properties)
        asked = self._request(request, context)
        with self._call("read", asked, inputs, request.id):
            observed = self._backend(asked.type).read(asked, request.id, inputs, outputs)
            observed = observed and self._injection.found(asked, observed)
        if observed is None:
            return provider_pb2.ReadResponse()
        secrets = secret_texts(inputs) | secret_texts(outputs)
        return provider_pb2.ReadResponse(
            id=observed.id,
            inputs=write(marked(observed.inputs, inputs, secrets)),
            properties=write(marked(observed.outputs, outputs, secrets)),
        )

    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Change a resource in place, or say in a preview what would come of it."""
        old_inputs, olds, news = read(request.old_inputs), read(request.olds), read(request.news)
        asked = self._request(request, context)
        with self._call("update", asked, news, request.id):
            outputs = self._backend(asked.type).update(asked, request.id, old_inputs, olds, news)
            self._injection.after("update", asked, Observed(request.id, news, outputs))
        return provider_pb2.UpdateResponse(properties=write(marked(outputs, news, secret_texts(news))))

    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Remove a resource."""
        outputs, asked = read(request.properties), self._request(request, context)
        with self._call("delete", asked, outputs, request.id):
            self._backend(asked.type).delete(asked, request.id, outputs)
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Answer a function."""
        arguments = read(request.args)
        asked = replace(self.connections.request(context), type=request.tok, preview=request.preview)
        with self._call("invoke", asked, arguments):
            given = self._function(asked, arguments)
        answer = write(marked(given, {}, secret_texts(arguments)))
        return provider_pb2.InvokeResponse(**{"return": answer})

    def Call(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Refuse a method of a resource."""
        raise ResourceError(f"method {request.tok}: a stand-in has no methods of resources")

    def Construct(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Refuse a component that lives in a plugin: what it is made of is known only there."""
        raise ResourceError(
            f"{request.type} {request.name!r}: a packaged component cannot be stood in for, because its "
            "resources are known only to its plugin. Let the engine start that, by leaving the package out: "
            "StandIns(packages=[...])"
        )

    def Parameterize(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Refuse a package that a plugin makes from another one."""
        raise ResourceError(
            "a parameterized package cannot be stood in for, because only its plugin knows what it holds. "
            "Leave it out: StandIns(packages=[...])"
        )

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        """End what this engine still waits for."""
        self.connections.cancel(context)
        return empty_pb2.Empty()

    def _request(self, request: Any, context: grpc.ServicerContext) -> Request:
        return replace(
            self.connections.request(context),
            urn=request.urn,
            type=type_of(request.urn),
            name=request.urn.rpartition("::")[2],
            preview=getattr(request, "preview", False),
            timeout=getattr(request, "timeout", 0.0),
            ignored=tuple(getattr(request, "ignoreChanges", ())),
        )

    @contextmanager
    def _call(
        self, operation: Any, asked: Request, inputs: Properties, resource_id: str = ""
    ) -> Iterator[journal.Entry]:
        """Note a call, fault it, and let no error out with a secret in it."""
        secrets = secret_texts(inputs)
        call = journal.Call(operation, asked.type, asked.name, asked.urn, inputs, asked.preview, resource_id)
        with self.journal.record(call) as entry:
            try:
                self._injection.before(operation, asked, inputs)
                yield entry
            except NotReadyError as error:
                entry.id = error.observed.id
                raise _not_ready(error, inputs, secrets) from None
            except StatusError as error:
                raise StatusError(error.code, scrubbed(str(error), secrets)) from None
            except ResourceError as error:
                raise ResourceError(scrubbed(str(error), secrets)) from None
            except Exception as error:  # noqa: BLE001 - raised again, without the secrets in it
                text = scrubbed(f"{type(error).__name__}: {error}", secrets)
                raise RuntimeError(text).with_traceback(error.__traceback__) from None


def _not_ready(error: NotReadyError, inputs: Properties, secrets: frozenset[str]) -> StatusError:
    detail = provider_pb2.ErrorResourceInitFailed(
        id=error.observed.id,
        properties=write(marked(error.observed.outputs, inputs, secrets)),
        inputs=write(marked(error.observed.inputs, inputs, secrets)),
        reasons=[scrubbed(reason, secrets) for reason in error.reasons],
    )
    return StatusError(grpc.StatusCode.UNKNOWN, scrubbed(str(error), secrets), detail)


def _failures(failures: Sequence[CheckFailure], secrets: frozenset[str]) -> list[Any]:
    return [
        provider_pb2.CheckFailure(property=failure.property, reason=scrubbed(failure.reason, secrets))
        for failure in failures
    ]


def _diff(difference: Difference) -> Any:
    kind = provider_pb2.DiffResponse
    replacing = [change for change in difference.changes if change.replaces]
    return kind(
        changes=kind.DIFF_SOME if difference.changes else kind.DIFF_NONE,
        diffs=_properties(difference.changes),
        replaces=_properties(replacing),
        deleteBeforeReplace=bool(replacing) and difference.delete_first,
        detailedDiff={change.path: _property_diff(change) for change in difference.changes},
        hasDetailedDiff=True,
    )


def _property_diff(change: Change) -> Any:
    return provider_pb2.PropertyDiff(kind=_KINDS[change.kind, change.replaces], inputDiff=change.from_inputs)


def _properties(changes: Sequence[Change]) -> list[str]:
    """The top-level properties of the changes, each once."""
    return sorted({re.split(r"[.\[]", change.path)[0] for change in changes})
