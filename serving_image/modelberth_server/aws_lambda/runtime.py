"""The server as an AWS Lambda function, on the Runtime API through AWS's own client library.

Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html; why not the Web Adapter: ADR 11.
"""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, Final, Protocol

import orjson

from modelberth_server.aws_lambda.call import Call, FunctionError
from modelberth_server.aws_lambda.events import read_event
from modelberth_server.aws_lambda.gateway import PAYLOAD_LIMIT_BYTES, HttpEvent
from modelberth_server.aws_lambda.response_stream import ResponseStream
from modelberth_server.aws_lambda.s3 import ObjectStore, S3Event, S3Object, output_uri, prediction_on
from modelberth_server.errors import RequestError, StartError
from modelberth_server.http.message import Request, Response
from modelberth_server.model.signature import UNNAMED
from modelberth_server.settings import Settings
from modelberth_server.sources.stream import SourceError

__all__ = ["Function", "RuntimeClient", "connect", "report_init_error", "serve"]

Handle = Callable[[Request], None]

# Of the invocation's time, kept back to say that it is over: at the deadline itself the sandbox is stopped.
RESERVE_SECONDS: Final = 0.1

logger = logging.getLogger(__name__)


class RuntimeClient(Protocol):
    """What is used of `awslambdaric.lambda_runtime_client.LambdaRuntimeClient`; every method blocks."""

    def wait_next_invocation(self) -> Any:
        """Return `invoke_id`, `event_body`, `deadline_time_in_ms` and `x_amzn_trace_id` of an invocation."""
        ...

    def post_invocation_result(self, invoke_id: str, result_data: bytes, content_type: str) -> None:
        """Answer an invocation."""
        ...

    def post_invocation_error(self, invoke_id: str, error_response_data: str, xray_fault: str) -> None:
        """Fail an invocation."""
        ...

    def post_init_error(self, error_response_data: dict[str, Any]) -> None:
        """Say why there will be no invocation."""
        ...


def connect(environ: Mapping[str, str]) -> RuntimeClient:
    """Make the client of the Runtime API; to be called where `AWS_LAMBDA_RUNTIME_API` is set."""
    # It costs other servers 20 ms and a library.
    from awslambdaric.lambda_runtime_client import LambdaRuntimeClient  # noqa: PLC0415

    client: RuntimeClient = LambdaRuntimeClient(environ["AWS_LAMBDA_RUNTIME_API"])
    return client


def report_init_error(client: RuntimeClient, error: StartError) -> None:
    """Tell the platform why the function does not start; the process has to exit then."""
    client.post_init_error({"errorMessage": str(error), "errorType": f"Runtime.{type(error).__name__}"})


async def serve(
    handle: Handle,
    settings: Settings,
    client: RuntimeClient,
    store: ObjectStore | None,
    stream: ResponseStream | None = None,
) -> None:
    """Answer invocations, one at a time as Lambda gives them, until cancelled.

    A thread waits for them: the library blocks, and in the main thread no signal would be seen meanwhile. It
    ends with the process.

    Args:
        handle: answers a request later, through its sink, in this event loop
        settings: of them the model's name, the body's limit and where predictions on S3 events go
        client: of the Runtime API
        store: for S3 events; needed only where `MODELBERTH_S3_OUTPUT_URI` is set
        stream: takes answers to a function URL that passes on streams; None: there is none

    Raises:
        Exception: of the client, where the Runtime API cannot be reached any more.

    """
    loop = asyncio.get_running_loop()
    function = Function(handle, settings, store, loop, streams=stream is not None)
    broken: asyncio.Future[None] = loop.create_future()
    if int(os.environ.get("AWS_LAMBDA_MAX_CONCURRENCY", "1")) > 1:
        logger.warning("AWS_LAMBDA_MAX_CONCURRENCY: invocations are answered one at a time")

    def poll() -> None:
        try:
            while True:
                _answer_next(client, function, stream)
        except Exception as error:  # noqa: BLE001 -- whatever it was, it ends the server
            loop.call_soon_threadsafe(broken.set_exception, error)

    threading.Thread(target=poll, name="aws-lambda", daemon=True).start()
    await broken


def _answer_next(client: RuntimeClient, function: "Function", stream: ResponseStream | None) -> None:
    invocation = client.wait_next_invocation()
    remaining = int(invocation.deadline_time_in_ms) / 1000 - time.time() - RESERVE_SECONDS
    deadline = time.monotonic() + remaining
    identifier: str = invocation.invoke_id
    try:
        answer = function.invoke(
            invocation.event_body, identifier, deadline, (invocation.x_amzn_trace_id or "").encode()
        )
    except FunctionError as error:
        failure = error
        logger.warning("invocation %s failed: %s", identifier, error.kind)
    except Exception:
        failure = FunctionError.of(500, "internal error")
        logger.exception("invocation %s: unexpected error", identifier)
    else:
        if stream is not None and isinstance(answer, Response):
            stream.post(identifier, answer)
        elif isinstance(answer, bytes):
            client.post_invocation_result(identifier, answer, "application/json")
        return
    report = {"errorMessage": failure.message, "errorType": failure.kind}
    client.post_invocation_error(identifier, orjson.dumps(report).decode(), "")


class _Reply:
    """Hands a response over to the thread that waits for it."""

    __slots__ = ("future",)

    def __init__(self) -> None:
        self.future: Future[Response] = Future()

    def answer(self, _: Request, response: Response) -> None:
        self.future.set_result(response)


class Function:
    """Answers invocations from a thread of its own, while requests are handled in the event loop's."""

    def __init__(
        self,
        handle: Handle,
        settings: Settings,
        store: ObjectStore | None,
        loop: asyncio.AbstractEventLoop,
        *,
        streams: bool = False,
    ) -> None:
        self._handle = handle
        self._settings = settings
        self._model_name = settings.model_name or UNNAMED
        self._store = store
        self._loop = loop
        self._streams = streams

    def invoke(self, payload: bytes, identifier: str, deadline: float, trace: bytes) -> bytes | Response:
        """Answer the payload of an invocation: as a whole, or a response that is to be streamed.

        Args:
            payload: the event, JSON
            identifier: of the invocation
            deadline: by which it has to be answered, by `time.monotonic()`
            trace: X-Ray's header, or nothing

        Raises:
            FunctionError: the invocation fails. One that carries HTTP answers with an HTTP status instead.

        """

        def ask(call: Call) -> Response:
            return self._ask(call, identifier, deadline, trace)

        try:
            event = read_event(payload, self._model_name)
            if isinstance(event, HttpEvent):
                response = ask(event.call)
                return response if self._streams and event.function_url else event.answer(response)
            if isinstance(event, S3Event):
                return self._predict_objects(event, ask)
            answer = _successful(ask(event)).body
        except RequestError as error:
            raise FunctionError.of_request(error) from None
        if len(answer) > PAYLOAD_LIMIT_BYTES:
            message = f"response: {len(answer)} bytes, AWS Lambda passes on at most {PAYLOAD_LIMIT_BYTES}"
            raise FunctionError.of(413, f"{message}: ask for fewer rows")
        return answer

    def _ask(self, call: Call, identifier: str, deadline: float, trace: bytes) -> Response:
        """Have a call handled in the event loop's thread, and wait for the response."""
        limit = self._settings.max_body_bytes
        if len(call.body) > limit:
            return Response.error(RequestError(413, f"body: {len(call.body)} bytes, {limit} are allowed"))
        reply = _Reply()
        headers = {b"x-amzn-trace-id": trace, **call.headers} if trace else call.headers
        request = Request(call.method, call.path, headers, call.body, reply, call.peer)
        request.query = call.query
        request.started = time.monotonic()
        request.deadline = deadline
        request.identifier = identifier
        request.caller = call.caller

        def start() -> None:
            try:
                self._handle(request)
            except Exception as error:  # noqa: BLE001 -- it is raised where the response is waited for
                reply.future.set_exception(error)

        self._loop.call_soon_threadsafe(start)
        return reply.future.result()

    def _predict_objects(self, event: S3Event, ask: Callable[[Call], Response]) -> bytes:
        """Predict on every object; one that fails keeps no other from it, but fails the invocation."""
        if not event.objects:
            logger.info("s3:TestEvent: ignored, it only tests the notification")
        written: list[str] = []
        failures: list[str] = []
        for given in event.objects:
            try:
                written.append(self._predict_object(given, ask))
            except (RequestError, FunctionError) as error:
                failures.append(f"{given.uri}: {error.message}")
        if failures:
            raise FunctionError("PredictionFailed", "; ".join(failures))
        return orjson.dumps({"written": written})

    def _predict_object(self, given: S3Object, ask: Callable[[Call], Response]) -> str:
        settings = self._settings
        if settings.s3_output_uri is None or self._store is None:
            raise RequestError(400, "MODELBERTH_S3_OUTPUT_URI: not set, it says where the prediction goes")
        if given.size > settings.max_body_bytes:
            raise RequestError(413, f"{given.size} bytes, {settings.max_body_bytes} are allowed")
        to = output_uri(settings.s3_output_uri, given)
        try:
            data = self._store.get(given.uri, settings.max_body_bytes)
            response = _successful(ask(prediction_on(given, data, self._model_name)))
            self._store.put(to, response.body)
        except SourceError as error:
            raise FunctionError("StorageFailed", str(error)) from None
        return to


def _successful(response: Response) -> Response:
    if response.status != 200:
        raise FunctionError.of_response(response)
    return response
