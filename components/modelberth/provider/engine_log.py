"""What whoever runs the engine is to see: it keeps to itself what a provider writes to stderr."""

import logging
from contextvars import ContextVar
from typing import Final

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

__all__ = ["ABOUT", "EngineLog"]

ABOUT: ContextVar[str] = ContextVar("ABOUT", default="")
"""URN of the resource that a call of the engine is about: its progress is shown beside it."""

_TIMEOUT: Final = 5.0


class EngineLog(logging.Handler):
    """Hands records to the engine, which shows them among its diagnostics: warnings, or from a level on."""

    def __init__(self, address: str, level: int = logging.WARNING) -> None:
        super().__init__(level)
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))

    def emit(self, record: logging.LogRecord) -> None:
        """Tell the engine; where it does not listen, stderr has the record too."""
        request = engine_pb2.LogRequest(severity=engine_pb2.WARNING, message=record.getMessage())
        if record.levelno < logging.WARNING:
            # A warning names the field of the config; who has to mend it need not know the resource.
            request = engine_pb2.LogRequest(
                severity=engine_pb2.INFO, message=record.getMessage(), urn=ABOUT.get()
            )
        try:
            self._engine.Log(request, timeout=_TIMEOUT)
        except grpc.RpcError:
            return
