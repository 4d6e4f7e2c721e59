"""The engine's protocol, shared by every provider of ours: values, failures and the server itself."""

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf import json_format, struct_pb2
from google.protobuf.message import Message
from pulumi.runtime.proto import status_pb2

from modelberth.provider.resource import Properties, ResourceError

_log = logging.getLogger(__name__)


def type_of(urn: str) -> str:
    """The resource type of a URN, `urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME`."""
    return urn.split("::")[2].rpartition("$")[2]


def plain(properties: Any) -> dict[str, Any]:
    """Python values; a whole number arrives as a float and is made an int again."""
    values: dict[str, Any] = _whole(json_format.MessageToDict(properties))
    return values


def _whole(value: Any) -> Any:
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {key: _whole(item) for key, item in value.items()}
        case list():
            return [_whole(item) for item in value]
    return value


def struct(properties: Properties) -> Any:
    """The wire's form of Python values."""
    message = struct_pb2.Struct()
    json_format.ParseDict(dict(properties), message)
    return message


def server(calls_at_once: int) -> grpc.Server:
    """A server that turns what a call raises into an error of the engine, and takes messages of any size."""
    return grpc.server(
        ThreadPoolExecutor(calls_at_once),
        interceptors=[ErrorInterceptor()],
        options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)],
    )


class StatusError(ResourceError):
    """An error whose status, or what goes with it, means something to the engine."""

    def __init__(self, code: grpc.StatusCode, message: str, detail: Message | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.detail = detail


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
            except StatusError as error:
                _attach(context, error)
                context.abort(error.code, str(error))
            except ResourceError as error:
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
            except NotImplementedError:
                context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{details.method} is not implemented")
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


def _attach(context: grpc.ServicerContext, error: StatusError) -> None:
    if error.detail is None:
        return
    status = status_pb2.Status(code=error.code.value[0], message=str(error))
    status.details.add().Pack(error.detail)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
