"""The methods of `inference.GRPCInferenceService`, each as the REST request that asks the same."""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn, TypeVar
from urllib.parse import unquote

import grpc
import grpc.aio
import orjson
from google.protobuf.json_format import ParseDict
from google.protobuf.message import DecodeError, Message

from modelberth_server.access.tls import certificate_caller
from modelberth_server.errors import RequestError
from modelberth_server.grpc_v2.contract import CONTENT_TYPE, infer, parse_infer
from modelberth_server.grpc_v2.inference_pb2 import (
    ModelMetadataRequest,
    ModelMetadataResponse,
    ModelReadyRequest,
    ModelReadyResponse,
    ServerLiveResponse,
    ServerMetadataResponse,
    ServerReadyResponse,
)
from modelberth_server.http.message import Request, Response
from modelberth_server.tensors import shown

__all__ = ["STATUS_CODES", "Handle", "InferenceService"]

Handle = Callable[[Request], None]
Context = grpc.aio.ServicerContext[bytes, bytes]
Metadata = TypeVar("Metadata", bound=Message)

SERVICE: Final = "inference.GRPCInferenceService"

# Source of the pairs: google/rpc/code.proto, "HTTP Mapping". 408 and 413 are ours: it has none for them.
STATUS_CODES: Final[Mapping[int, grpc.StatusCode]] = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    408: grpc.StatusCode.DEADLINE_EXCEEDED,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    500: grpc.StatusCode.INTERNAL,
    501: grpc.StatusCode.UNIMPLEMENTED,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}

# What gRPC takes as metadata; names that end in `-bin` hold bytes, and those of `grpc-` are its own:
# https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, "Custom-Metadata".
_NAME: Final = re.compile(rb"(?!grpc-)[0-9a-z_.-]+(?<!-bin)")
_VALUE: Final = re.compile(rb"[ -~]*")


class _Reply:
    """Takes the response of one call; a call that was given up has nobody to take it."""

    __slots__ = ("_future",)

    def __init__(self) -> None:
        self._future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

    def answer(self, request: Request, response: Response) -> None:  # noqa: ARG002
        # Cancelled already where the call was given up, of which its coroutine only learns when it goes on.
        if not self._future.done():
            self._future.set_result(response)

    async def response(self, request: Request) -> Response:
        try:
            return await self._future
        except asyncio.CancelledError:
            request.abandoned = True
            raise


class InferenceService:
    """Asks `handle` for everything, so that limits, authentication, metrics and logs are those of HTTP.

    Args:
        handle: answers a request later, through its sink, in the event loop of the calls
        certificates: callers have shown certificates that were verified

    """

    def __init__(self, handle: Handle, *, certificates: bool = False) -> None:
        self._handle = handle
        self._certificates = certificates

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return what a gRPC server calls.

        Messages pass through it as bytes: one that cannot be parsed is the caller's fault and not an internal
        error, and a response is there in bytes already.
        """
        methods = {
            "ServerLive": self._server_live,
            "ServerReady": self._server_ready,
            "ModelReady": self._model_ready,
            "ServerMetadata": self._server_metadata,
            "ModelMetadata": self._model_metadata,
            "ModelInfer": self._model_infer,
        }
        return grpc.method_handlers_generic_handler(
            SERVICE, {name: grpc.unary_unary_rpc_method_handler(method) for name, method in methods.items()}
        )

    async def _server_live(self, _: bytes, context: Context) -> bytes:
        return ServerLiveResponse(live=await self._holds("/v2/health/live", context)).SerializeToString()

    async def _server_ready(self, _: bytes, context: Context) -> bytes:
        return ServerReadyResponse(ready=await self._holds("/v2/health/ready", context)).SerializeToString()

    async def _model_ready(self, data: bytes, context: Context) -> bytes:
        try:
            asked = ModelReadyRequest.FromString(data)
            path = _path(asked.name, asked.version, "name") + "/ready"
        except (DecodeError, RequestError) as error:
            await _refuse(error, context)
        return ModelReadyResponse(ready=await self._holds(path, context)).SerializeToString()

    async def _server_metadata(self, _: bytes, context: Context) -> bytes:
        return await self._describe("/v2", ServerMetadataResponse(), context)

    async def _model_metadata(self, data: bytes, context: Context) -> bytes:
        try:
            asked = ModelMetadataRequest.FromString(data)
            path = _path(asked.name, asked.version, "name")
        except (DecodeError, RequestError) as error:
            await _refuse(error, context)
        return await self._describe(path, ModelMetadataResponse(), context)

    async def _model_infer(self, data: bytes, context: Context) -> bytes:
        try:
            message = parse_infer(data)
            path = _path(message.model_name, message.model_version, "model_name") + "/infer"
        except RequestError as error:
            await _refuse(error, context)
        reply = _Reply()
        request = Request("POST", path, _headers(context), data, reply, _host(context.peer()))
        # It goes the way of a REST request to the same path, and speaks its own contract there.
        request.contract = infer(message)
        response = await self._ask(request, reply, context)
        if response.status != 200:
            await _abort(response, context)
        return response.body

    async def _holds(self, path: str, context: Context) -> bool:
        """Ask for a state: 200 is yes and 503 no."""
        response = await self._get(path, context)
        if response.status not in (200, 503):
            await _abort(response, context)
        return response.status == 200

    async def _describe(self, path: str, message: Message, context: Context) -> bytes:
        response = await self._get(path, context)
        if response.status != 200:
            await _abort(response, context)
        # The REST form has more, such as a model's parameters, which has no place in the message.
        ParseDict(orjson.loads(response.body), message, ignore_unknown_fields=True)
        return message.SerializeToString()

    async def _get(self, path: str, context: Context) -> Response:
        reply = _Reply()
        request = Request("GET", path, _headers(context), b"", reply, _host(context.peer()))
        return await self._ask(request, reply, context)

    async def _ask(self, request: Request, reply: _Reply, context: Context) -> Response:
        request.started = time.monotonic()
        if self._certificates:
            request.caller = certificate_caller(_certificate(context))
        remaining = context.time_remaining()
        if remaining is not None:
            request.deadline = request.started + remaining
        self._handle(request)
        return await reply.response(request)


def _path(name: str, version: str, field: str) -> str:
    """Return the path of a model; a name is one segment of it."""
    if not name:
        raise RequestError(400, f"{field}: missing")
    for value in (name, version):
        if "/" in value:
            raise RequestError(404, f"{field}: {shown(value)} is not served here")
    return f"/v2/models/{name}/versions/{version}" if version else f"/v2/models/{name}"


def _headers(context: Context) -> dict[bytes, bytes]:
    """Return the call's metadata as headers: names are lower-case in both."""
    headers = {
        name.encode(): value if isinstance(value, bytes) else value.encode()
        for name, value in context.invocation_metadata() or ()
    }
    headers[b"content-type"] = CONTENT_TYPE
    return headers


def _certificate(context: Context) -> dict[str, Any]:
    """Return what the caller's verified certificate says, in the form of `ssl.SSLSocket.getpeercert`."""
    found = context.auth_context()

    def values(name: str) -> list[str]:
        return [value.decode("utf-8", "replace") for value in found.get(name, ())]

    alternatives = [("URI", uri) for uri in values("peer_uri")] + [
        ("DNS", name) for name in values("peer_dns")
    ]
    subject = [[("commonName", name)] for name in values("x509_common_name")]
    return {"subjectAltName": alternatives, "subject": subject}


def _host(peer: str) -> str:
    """Return the address in what gRPC calls a peer: `ipv4:ADDRESS:PORT`, `ipv6:%5BADDRESS%5D:PORT`."""
    return unquote(peer.partition(":")[2].rpartition(":")[0]).strip("[]")


async def _refuse(error: DecodeError | RequestError, context: Context) -> NoReturn:
    if isinstance(error, DecodeError):
        error = RequestError(400, "body: not a message of the type that this method takes")
    await _abort(Response.error(error), context)


async def _abort(response: Response, context: Context) -> NoReturn:
    """End a call with the status that an HTTP status stands for, its message and its headers."""
    fallback = grpc.StatusCode.INVALID_ARGUMENT if response.status < 500 else grpc.StatusCode.INTERNAL
    await context.abort(
        STATUS_CODES.get(response.status, fallback),
        orjson.loads(response.body)["error"],
        _metadata(response.headers),
    )
    raise AssertionError("abort raises")


def _metadata(headers: tuple[tuple[bytes, bytes], ...]) -> tuple[tuple[str, str], ...]:
    """Return headers as metadata: with lower-case names, without those that gRPC would end the call for."""
    return tuple(
        (name.lower().decode("ascii"), value.decode("ascii"))
        for name, value in headers
        if _NAME.fullmatch(name.lower()) and _VALUE.fullmatch(value)
    )
