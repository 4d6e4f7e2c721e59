"""The gRPC face of the provider: the engine's calls, translated for the resources and back.

Raw protocol rather than `pulumi.provider.experimental`: that one hides the old inputs from Diff and has no
detailed diff, without which a preview cannot say which property changes.
"""

import json
import logging
import threading
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from modelberth._version import __version__
from modelberth.provider.local_process import LocalProcess
from modelberth.provider.resource import Change, CustomResource, Properties, ResourceError, Settings

_log = logging.getLogger(__name__)

_RESOURCES: Mapping[str, Callable[[Settings], CustomResource]] = {"modelberth:local:Process": LocalProcess}


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """Answers the engine. Secrets are handed over in the clear; the engine keeps their marks in its state."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._configure({})
        self.cancelled = threading.Event()

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        """What this provider understands; must agree with Configure."""
        return provider_pb2.ProviderHandshakeResponse()

    def Attach(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Serve an engine that did not start this process (`PULUMI_DEBUG_PROVIDERS`)."""
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        """The version of the package."""
        return plugin_pb2.PluginInfo(version=__version__)

    def GetSchema(self, request: Any, context: grpc.ServicerContext) -> Any:
        """The package's schema, from which other languages' SDKs are made."""
        schema = json.loads(resources.files("modelberth.provider").joinpath("schema.json").read_text())
        return provider_pb2.GetSchemaResponse(schema=json.dumps({**schema, "version": __version__}))

    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Refuse unknown provider settings."""
        known = {"root", "stateDir", "version"}
        failures = [
            provider_pb2.CheckFailure(property=name, reason=f"unknown; known: {', '.join(sorted(known))}")
            for name in request.news
            if name not in known
        ]
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        """A moved folder changes where new processes are made, never those that are there."""
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Take over the provider's settings."""
        self._configure(_plain(request.args))
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Check a resource's inputs."""
        checked = self._resource(request.urn).check(_plain(request.news), _plain(request.olds))
        return provider_pb2.CheckResponse(
            inputs=_struct(checked.inputs),
            failures=[
                provider_pb2.CheckFailure(property=failure.property, reason=failure.reason)
                for failure in checked.failures
            ],
        )

    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Say what changes and whether it takes a replacement."""
        changes = self._resource(request.urn).diff(
            _plain(request.old_inputs), _plain(request.olds), _plain(request.news)
        )
        kind = provider_pb2.DiffResponse
        return provider_pb2.DiffResponse(
            changes=kind.DIFF_SOME if changes else kind.DIFF_NONE,
            diffs=[change.property for change in changes],
            replaces=[change.property for change in changes if change.replaces],
            detailedDiff={change.property: _property_diff(change) for change in changes},
            hasDetailedDiff=True,
        )

    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Make a resource, or say in a preview what would come of it."""
        resource, inputs = self._resource(request.urn), _plain(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=_struct(resource.preview(inputs, {})))
        observed = resource.create(inputs, request.timeout)
        return provider_pb2.CreateResponse(id=observed.id, properties=_struct(observed.outputs))

    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Look at a resource; one without an id is gone."""
        resource = self._resource(request.urn)
        observed = resource.read(request.id, _plain(request.inputs), _plain(request.properties))
        if observed is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(
            id=observed.id, inputs=_struct(observed.inputs), properties=_struct(observed.outputs)
        )

    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Change a resource in place, or say in a preview what would come of it."""
        resource, olds, news = self._resource(request.urn), _plain(request.olds), _plain(request.news)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=_struct(resource.preview(news, olds)))
        return provider_pb2.UpdateResponse(
            properties=_struct(resource.update(request.id, olds, news, request.timeout))
        )

    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Remove a resource."""
        self._resource(request.urn).delete(request.id, _plain(request.properties), request.timeout)
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        """The engine is done with this process."""
        self.cancelled.set()
        return empty_pb2.Empty()

    def _configure(self, arguments: Properties) -> None:
        root = self._directory / arguments.get("root", ".")
        self._settings = Settings(root=root, state_dir=root / arguments.get("stateDir", ".modelberth"))

    def _resource(self, urn: str) -> CustomResource:
        # urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME
        token = urn.split("::")[2].rpartition("$")[2]
        if token not in _RESOURCES:
            raise ResourceError(f"resource type {token}: unknown; this provider has {', '.join(_RESOURCES)}")
        return _RESOURCES[token](self._settings)


class ErrorInterceptor(grpc.ServerInterceptor):
    """Turns what a resource raises into the engine's error; a fault of ours says that it is one."""

    def intercept_service(self, continuation: Any, details: Any) -> Any:
        """Wrap the handler of one call."""
        handler = continuation(details)
        if handler is None or handler.unary_unary is None:
            return handler

        def call(request: Any, context: grpc.ServicerContext) -> Any:
            try:
                return handler.unary_unary(request, context)
            except ResourceError as error:
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
            except Exception as error:  # noqa: BLE001 - the border to the engine: nothing may pass
                _log.exception("%s failed", details.method)
                context.abort(
                    grpc.StatusCode.INTERNAL,
                    f"a fault of the provider, not of your program: {type(error).__name__}: {error}. "
                    "Please report it with the command that led here.",
                )

        return grpc.unary_unary_rpc_method_handler(
            call,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )


def _property_diff(change: Change) -> Any:
    kind = provider_pb2.PropertyDiff
    return provider_pb2.PropertyDiff(
        kind=kind.UPDATE_REPLACE if change.replaces else kind.UPDATE, inputDiff=change.from_inputs
    )


def _plain(properties: Any) -> dict[str, Any]:
    """Python values; a whole number arrives as a float and is made an int again."""
    plain: dict[str, Any] = _whole(json_format.MessageToDict(properties))
    return plain


def _whole(value: Any) -> Any:
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {key: _whole(item) for key, item in value.items()}
        case list():
            return [_whole(item) for item in value]
    return value


def _struct(properties: Properties) -> Any:
    struct = struct_pb2.Struct()
    json_format.ParseDict(dict(properties), struct)
    return struct
