"""A provider that accepts everything: the least that the engine needs of one."""

# ruff: noqa: ARG002, N802 - the protocol names the methods and their arguments

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

__all__ = ["serve"]

_CALLS_AT_ONCE = 64  # as the stand-ins
_PACKAGES = ("aws", "gcp", "kubernetes")


@contextmanager
def serve() -> Iterator[Mapping[str, str]]:
    """Serve on a free loopback port; what the engine's environment needs."""
    server = grpc.server(ThreadPoolExecutor(_CALLS_AT_ONCE))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(AcceptAll(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield {
            "PULUMI_DEBUG_PROVIDERS": ",".join(f"{name}:{port}" for name in _PACKAGES),
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }
    finally:
        server.stop(None)


class AcceptAll(provider_pb2_grpc.ResourceProviderServicer):
    """Checks nothing, computes nothing, and finds no difference."""

    def Handshake(self, request: Any, context: Any) -> Any:
        """Agree with Configure."""
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=True, accept_resources=True, accept_outputs=True
        )

    def Attach(self, request: Any, context: Any) -> Any:
        """Serve an engine that did not start this process."""
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        """No version."""
        return plugin_pb2.PluginInfo()

    def CheckConfig(self, request: Any, context: Any) -> Any:
        """Any settings."""
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        """No difference."""
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:
        """As `Handshake`."""
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, acceptResources=True, acceptOutputs=True, supportsPreview=True
        )

    def Check(self, request: Any, context: Any) -> Any:
        """Any inputs."""
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: Any) -> Any:
        """No difference."""
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Create(self, request: Any, context: Any) -> Any:
        """The inputs again."""
        return provider_pb2.CreateResponse(id="accepted", properties=request.properties)
