"""The ASGI application: health, metadata, metrics and predictions of one model."""

import asyncio
import functools
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from modelberth_server.asgi import (
    DisconnectedError,
    Headers,
    Receive,
    Response,
    Scope,
    Send,
    read_body,
    respond,
)
from modelberth_server.errors import RequestError
from modelberth_server.execution import RETRY_AFTER, Contract, Execution
from modelberth_server.metrics import OTHER_ROUTE, Metrics
from modelberth_server.model import Model
from modelberth_server.open_inference import infer, model_metadata, server_metadata
from modelberth_server.predict import predict
from modelberth_server.routing import Match, Route, Router
from modelberth_server.settings import Settings
from modelberth_server.tensors import shown

__all__ = ["App"]

MODEL: Final = "/v2/models/{name}"
VERSION: Final = "/v2/models/{name}/versions/{version}"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Request:
    """A complete request; `deadline` is a time of the event loop."""

    headers: Headers
    body: bytes
    deadline: float


Handler = Callable[[Request], Awaitable[Response]]


class App:
    """Serves a model from the moment that it is given one; everything runs in the event loop's thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._metrics = Metrics()
        self.execution = Execution(settings.max_concurrency, self._metrics.in_flight.set)
        self._model: Model | None = None
        self._draining = False
        predict_rows = functools.partial(self._predict, predict)
        infer_tensors = functools.partial(self._predict, infer)
        self._router: Router[Handler] = Router(
            (
                Route("POST", "/predict", predict_rows),
                Route("GET", "/health/live", self._live),
                Route("GET", "/health/ready", self._ready),
                Route("GET", "/metrics", self._expose_metrics),
                Route("GET", "/v2", self._describe_server),
                Route("GET", "/v2/health/live", self._v2_live),
                Route("GET", "/v2/health/ready", self._v2_ready),
                Route("GET", MODEL, self._describe_model),
                Route("GET", VERSION, self._describe_model),
                Route("GET", f"{MODEL}/ready", self._model_ready),
                Route("GET", f"{VERSION}/ready", self._model_ready),
                Route("POST", f"{MODEL}/infer", infer_tensors),
                Route("POST", f"{VERSION}/infer", infer_tensors),
            )
        )

    @property
    def status(self) -> str:
        """Return `loading`, `ready` or `draining`."""
        if self._draining:
            return "draining"
        return "loading" if self._model is None else "ready"

    def serve(self, model: Model) -> None:
        """Start to answer predictions: the model is loaded and warm."""
        self._model = model
        self._metrics.serve(model.signature, self._settings.revision)

    def drain(self) -> None:
        """Stop to be ready; requests that still come are answered."""
        self._draining = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request (ASGI 3)."""
        started = time.perf_counter()
        match = self._router.match(scope["path"])
        try:
            response = await self._answer(scope, match, receive)
        except DisconnectedError:
            return
        except RequestError as error:
            response = Response.error(error)
        except Exception:
            logger.exception("unexpected error")
            response = Response.error(RequestError(500, "internal error"))
        route = match.route.template if match else OTHER_ROUTE
        seconds = time.perf_counter() - started
        self._metrics.observe(route, response.status, seconds)
        logger.debug("%s %s %d %.1f ms", scope["method"], route, response.status, seconds * 1000)
        await respond(response, receive, send)

    async def _answer(self, scope: Scope, match: Match[Handler] | None, receive: Receive) -> Response:
        headers = dict(scope["headers"])
        deadline = asyncio.get_running_loop().time() + self._settings.timeout_seconds
        # The body is read first, whatever the answer: a connection with unread bytes cannot be kept.
        try:
            async with asyncio.timeout_at(deadline):
                body = await read_body(headers, receive, self._settings.max_body_bytes)
        except TimeoutError:
            raise RequestError(408, "body: it did not arrive in time", close=True) from None
        if match is None:
            raise self._router.not_found(scope["path"])
        handler = match.handler(scope["method"])
        self._check_segment(match, "name", self._settings.model_name)
        self._check_segment(match, "version", self._settings.model_version)
        return await handler(Request(headers, body, deadline))

    def _check_segment(self, match: Match[Handler], segment: str, served: str) -> None:
        given = match.segments.get(segment, served)
        if given != served:
            raise RequestError(404, f"{segment}: {shown(given)} is not served here, only {served!r} is")

    async def _predict(self, contract: Contract, request: Request) -> Response:
        _check_content(request.headers)
        model = self._loaded()
        return Response(200, await self.execution.predict(contract, model, request.body, request.deadline))

    def _loaded(self) -> Model:
        if self._model is None:
            raise RequestError(503, "the model is loading", RETRY_AFTER)
        return self._model

    async def _live(self, _: Request) -> Response:
        return Response.json({"status": "live"})

    async def _ready(self, _: Request) -> Response:
        settings = self._settings
        model = {
            "name": settings.model_name,
            "version": settings.model_version,
            "sha256": settings.model_sha256,
        }
        return self._readiness({"status": self.status, "model": model, "revision": settings.revision})

    async def _v2_live(self, _: Request) -> Response:
        return Response.json({"live": True})

    async def _v2_ready(self, _: Request) -> Response:
        return self._readiness({"ready": self.status == "ready"})

    async def _model_ready(self, _: Request) -> Response:
        return self._readiness({"name": self._settings.model_name, "ready": self.status == "ready"})

    def _readiness(self, answer: dict[str, Any]) -> Response:
        if self.status == "ready":
            return Response.json(answer)
        return Response.json({**answer, "error": f"not ready: {self.status}"}, 503)

    async def _describe_server(self, _: Request) -> Response:
        return Response.json(server_metadata())

    async def _describe_model(self, _: Request) -> Response:
        return Response.json(model_metadata(self._loaded().signature))

    async def _expose_metrics(self, _: Request) -> Response:
        body, content_type = self._metrics.render()
        return Response(200, body, content_type)


def _check_content(headers: Headers) -> None:
    """Refuse a body that says it is not plain JSON."""
    content_type = headers.get(b"content-type", b"application/json").decode("latin-1")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise RequestError(415, f"content-type: {shown(content_type)}, expected application/json")
    encoding = headers.get(b"content-encoding", b"identity").decode("latin-1")
    if encoding.strip().lower() != "identity":
        raise RequestError(415, f"content-encoding: {shown(encoding)}, expected none")
