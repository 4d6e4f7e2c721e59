"""The gRPC face of the provider: the engine's calls, translated for the resources and back.

Raw protocol rather than `pulumi.provider.experimental`: that one hides the old inputs from Diff and has no
detailed diff, without which a preview cannot say which property changes.
"""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from modelberth._version import __version__
from modelberth.provider import engine_log
from modelberth.provider.kubernetes.api_key import ApiKey
from modelberth.provider.kubernetes.requirements import Requirements
from modelberth.provider.local_process import LocalProcess
from modelberth.provider.resource import (
    UNKNOWN,
    Change,
    CheckFailure,
    CustomResource,
    Properties,
    ResourceError,
    Settings,
    UnfinishedError,
)
from modelberth.provider.translation import StatusError, plain, struct, type_of
from modelberth.provider.vertex.connection import address_problem
from modelberth.provider.vertex.deployed_model_resource import DeployedModel
from modelberth.provider.vertex.model_resource import Model

_RESOURCES: Mapping[str, Callable[[Settings], CustomResource]] = {
    "modelberth:kubernetes:ApiKey": ApiKey,
    "modelberth:kubernetes:Requirements": Requirements,
    "modelberth:local:Process": LocalProcess,
    "modelberth:vertex:DeployedModel": DeployedModel,
    "modelberth:vertex:Model": Model,
}
_SETTINGS = {"root", "stateDir", "version", "vertexEndpoint"}


def settings_from(directory: Path, arguments: Properties) -> Settings:
    """The provider's settings, with paths that start from `directory`."""
    root = directory / arguments.get("root", ".")
    return Settings(
        root=root,
        state_dir=root / arguments.get("stateDir", ".modelberth"),
        vertex_endpoint=str(arguments.get("vertexEndpoint") or ""),
    )


def refused_settings(arguments: Properties) -> Sequence[CheckFailure]:
    """Why the provider's configuration cannot be taken; nothing where it can."""
    known = ", ".join(sorted(_SETTINGS))
    failures = [CheckFailure(name, f"unknown; known: {known}") for name in arguments if name not in _SETTINGS]
    address = arguments.get("vertexEndpoint")
    problem = address_problem(str(address)) if address not in (None, "", UNKNOWN) else None
    return [*failures, CheckFailure(problem.path, str(problem))] if problem else failures


def resource_for(token: str, settings: Settings) -> CustomResource:
    """The resource type of a token.

    Raises:
        ResourceError: there is no such type.
    """
    if token not in _RESOURCES:
        raise ResourceError(f"resource type {token}: unknown; this provider has {', '.join(_RESOURCES)}")
    return _RESOURCES[token](settings)


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """Answers the engine. Secrets are handed over in the clear; the engine keeps their marks in its state."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.cancelled = threading.Event()
        self._configure({})

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
        failures = [
            provider_pb2.CheckFailure(property=failure.property, reason=failure.reason)
            for failure in refused_settings(plain(request.news))
        ]
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        """A moved folder changes where new processes are made, never those that are there."""
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Take over the provider's settings."""
        self._configure(plain(request.args))
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Check a resource's inputs."""
        checked = self._resource(request.urn).check(plain(request.news), plain(request.olds))
        return provider_pb2.CheckResponse(
            inputs=struct(checked.inputs),
            failures=[
                provider_pb2.CheckFailure(property=failure.property, reason=failure.reason)
                for failure in checked.failures
            ],
        )

    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Say what changes and whether it takes a replacement."""
        changes = self._resource(request.urn).diff(
            plain(request.old_inputs), plain(request.olds), plain(request.news)
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
        resource, inputs = self._resource(request.urn), plain(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=struct(resource.preview(inputs, {})))
        try:
            observed = resource.create(inputs, request.timeout)
        except UnfinishedError as error:
            raise _unfinished(error) from error
        return provider_pb2.CreateResponse(id=observed.id, properties=struct(observed.outputs))

    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Look at a resource; one without an id is gone."""
        resource = self._resource(request.urn)
        observed = resource.read(request.id, plain(request.inputs), plain(request.properties))
        if observed is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(
            id=observed.id, inputs=struct(observed.inputs), properties=struct(observed.outputs)
        )

    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Change a resource in place, or say in a preview what would come of it."""
        resource, olds, news = self._resource(request.urn), plain(request.olds), plain(request.news)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=struct(resource.preview(news, olds)))
        try:
            outputs = resource.update(request.id, olds, news, request.timeout)
        except UnfinishedError as error:
            raise _unfinished(error) from error
        return provider_pb2.UpdateResponse(properties=struct(outputs))

    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Remove a resource."""
        self._resource(request.urn).delete(request.id, plain(request.properties), request.timeout)
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        """The engine is done with this process."""
        # Once the answer is out: one that ends without having acknowledged this is reported as crashed.
        if not context.add_callback(self.cancelled.set):
            self.cancelled.set()
        return empty_pb2.Empty()

    def _configure(self, arguments: Properties) -> None:
        self._settings = replace(settings_from(self._directory, arguments), cancelled=self.cancelled)

    def _resource(self, urn: str) -> CustomResource:
        engine_log.ABOUT.set(urn)
        return resource_for(type_of(urn), self._settings)


def _unfinished(error: UnfinishedError) -> StatusError:
    found = error.observed
    detail = provider_pb2.ErrorResourceInitFailed(
        id=found.id, properties=struct(found.outputs), inputs=struct(found.inputs), reasons=[str(error)]
    )
    return StatusError(grpc.StatusCode.UNKNOWN, str(error), detail)


def _property_diff(change: Change) -> Any:
    kind = provider_pb2.PropertyDiff
    return provider_pb2.PropertyDiff(
        kind=kind.UPDATE_REPLACE if change.replaces else kind.UPDATE, inputDiff=change.from_inputs
    )
