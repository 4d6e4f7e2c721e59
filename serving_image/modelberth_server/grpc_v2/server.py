"""The gRPC server of the Open Inference Protocol: it turns calls into requests and responses into answers."""

import math

import grpc
import grpc.aio

from modelberth_server.errors import ListenError
from modelberth_server.grpc_v2.credentials import server_credentials
from modelberth_server.grpc_v2.service import Handle, InferenceService
from modelberth_server.http.limits import KEEP_ALIVE_SECONDS
from modelberth_server.settings import Settings

__all__ = ["GrpcServer", "serve"]


class GrpcServer:
    """A server that listens on `port`."""

    def __init__(self, server: grpc.aio.Server, port: int) -> None:
        self._server = server
        self.port = port

    async def stop(self, grace: float) -> None:
        """Refuse new calls at once, and end what is in flight after `grace` seconds, or when it is done."""
        await self._server.stop(grace)


async def serve(settings: Settings, handle: Handle) -> GrpcServer:
    """Listen on `MODELBERTH_GRPC_PORT`, in the running event loop.

    Args:
        settings: of them the address, the body's limit and TLS; a caller that must show a certificate on the
            main port must show it here
        handle: answers a request later, through its sink, in this event loop

    Raises:
        ListenError: the port cannot be listened on.
        SettingsError: a certificate is missing or bad, or TLS 1.3 is asked for as the oldest version.

    """
    assert settings.grpc_port is not None
    server = grpc.aio.server(
        options=(
            ("grpc.max_receive_message_length", settings.max_body_bytes),
            ("grpc.max_send_message_length", -1),
            # As on the main port; gRPC's own is 2 minutes, in which strangers would hold many sockets.
            ("grpc.server_handshake_timeout_ms", math.ceil(settings.header_timeout_seconds * 1000)),
            ("grpc.max_connection_idle_ms", math.ceil(KEEP_ALIVE_SECONDS * 1000)),
            # Without it a second server would share the port instead of being refused.
            ("grpc.so_reuseport", int(settings.workers > 1)),
        )
    )
    service = InferenceService(handle, certificates=settings.tls_client_ca_file is not None)
    server.add_generic_rpc_handlers((service.handlers(),))
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"{host}:{settings.grpc_port}"
    credentials = server_credentials(settings)
    try:
        port = (
            server.add_insecure_port(address)
            if credentials is None
            else server.add_secure_port(address, credentials)
        )
    except RuntimeError as error:
        raise ListenError(f"MODELBERTH_GRPC_PORT: cannot listen on {address}: {error}") from None
    await server.start()
    return GrpcServer(server, port)
