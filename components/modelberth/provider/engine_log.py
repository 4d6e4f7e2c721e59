"""Warnings for whoever runs the engine, which keeps to itself what a provider writes to stderr."""

import logging

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

__all__ = ["EngineLog"]

_TIMEOUT = 5.0


class EngineLog(logging.Handler):
    """Hands warnings to the engine, which shows them among its diagnostics."""

    def __init__(self, address: str) -> None:
        super().__init__(logging.WARNING)
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))

    def emit(self, record: logging.LogRecord) -> None:
        """Tell the engine; where it does not listen, stderr has the record too."""
        request = engine_pb2.LogRequest(severity=engine_pb2.WARNING, message=record.getMessage())
        try:
            self._engine.Log(request, timeout=_TIMEOUT)
        except grpc.RpcError:
            return
