"""The application: which request is answered by what. It knows no transport and no engine."""

import functools
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from modelberth_server.access.access import Access
from modelberth_server.contracts.contract import Contract
from modelberth_server.contracts.open_inference import model_metadata, server_metadata
from modelberth_server.contracts.table import (
    PredictionRoute,
    ProbeRoute,
    prediction_routes,
    probe_routes,
)
from modelberth_server.contracts.tensorflow import model_status
from modelberth_server.errors import RequestError
from modelberth_server.execution.execution import Execution
from modelberth_server.http.message import Request, Response
from modelberth_server.http.routing import Route, Router
from modelberth_server.model.session import Model
from modelberth_server.model.signature import FIRST_VERSION, UNNAMED
from modelberth_server.model.versions import Served, Versions
from modelberth_server.openapi import document
from modelberth_server.settings import Settings
from modelberth_server.telemetry.telemetry import Telemetry
from modelberth_server.tensors import shown

__all__ = ["App"]

MODEL: Final = "/v2/models/{name}"
VERSION: Final = "/v2/models/{name}/versions/{version}"
# Milliseconds that the caller still waits, as Envoy and so Istio tell it.
CALLERS_TIMEOUT: Final = b"x-envoy-expected-rq-timeout-ms"

logger = logging.getLogger(__name__)


class Nowhere:
    """The sink of what nobody waits for."""

    def answer(self, request: Request, response: Response) -> None:
        """Drop it."""


NOWHERE: Final = Nowhere()


class App:
    """Answers requests; everything runs in the event loop's thread."""

    def __init__(
        self, settings: Settings, environ: Mapping[str, str], access: Access, telemetry: Telemetry
    ) -> None:
        self._settings = settings
        self._access = access
        self._telemetry = telemetry
        self._draining = False
        self.failure = ""
        """Why the last change of the versions was not carried out."""
        self.versions = Versions()
        self.execution = Execution(settings, self._answer, telemetry)
        # Of its own, with one thread: no caller waits for a copy, or is refused for one.
        self._mirroring = Execution(settings, self._drop, telemetry, slots=1)
        metrics = Route("GET", "/metrics", self._expose_metrics, open=True)
        # For those who operate the server, on a port of their own where it has one.
        own_port = settings.admin_port is not None
        self._routes = Router((*self._model_routes(environ), *(() if own_port else (metrics,))))
        self._admin_routes = Router(
            (
                metrics,
                Route("GET", "/health/live", self._live, open=True),
                Route("GET", "/health/ready", self._ready, open=True),
                Route("GET", "/admin/versions", self._list_versions, open=True),
            )
        )

    @property
    def status(self) -> str:
        """Return `loading`, `ready` or `draining`."""
        if self._draining:
            return "draining"
        return "ready" if self.versions.served else "loading"

    @property
    def model_name(self) -> str:
        """The name by which requests ask for the model."""
        primary = self.versions.primary
        return primary.signature.name if primary else self._settings.model_name or UNNAMED

    def serve(self, *served: Served) -> None:
        """Answer with these versions from now on; a version that is none of them any more ends its work.

        Raises:
            StartError: a version cannot be watched as the settings ask; nothing has changed then.

        """
        before = {one.model for one in self.versions.served}
        now = {one.model for one in served}
        for model in now - before:
            signature = model.signature
            self._telemetry.check(signature, signature.reference, signature.labels)
        self.versions = Versions(*served)
        for model in now - before:
            signature = model.signature
            self._telemetry.serve(signature, self._settings.revision, signature.reference, signature.labels)
        for model in before - now:
            self.execution.retire(model)
            self._mirroring.retire(model)
            self._telemetry.retire(model.signature)

    def drain(self) -> None:
        """Stop to be ready; requests that still come are answered."""
        self._draining = True

    def close(self) -> None:
        """End what computes."""
        self._mirroring.close()
        self.execution.close()

    def handle(self, request: Request) -> None:
        """Answer a request, now or later, through its sink."""
        self._dispatch(self._routes, request)

    def handle_admin(self, request: Request) -> None:
        """Answer a request on the admin port."""
        self._dispatch(self._admin_routes, request)

    def refuse(self, request: Request, error: RequestError) -> None:
        """Answer a request that could not be read to its end."""
        request.started = time.monotonic()
        self._telemetry.started(request)
        self._answer(request, Response.error(error))

    def _dispatch(self, router: Router, request: Request) -> None:
        request.started = time.monotonic()
        self._telemetry.started(request)
        match = router.match(request.path)
        try:
            if match is None:
                raise router.not_found(request.path)  # noqa: TRY301 -- answered as every other refusal is
            route = match.route
            request.route = route.template
            route.check(request.method)
            if not route.open:
                self._access.check(request)
            response = route.handler(request, match.segments)
        except RequestError as error:
            response = Response.error(error)
        except Exception:
            logger.exception("unexpected error")
            response = Response.error(RequestError(500, "internal error"))
        if response is not None:
            self._answer(request, response)

    def _answer(self, request: Request, response: Response) -> None:
        self._telemetry.answered(request, response)
        request.sink.answer(request, response)

    def _drop(self, request: Request, response: Response) -> None:
        if response.status >= HTTPStatus.BAD_REQUEST:
            logger.debug("shadow: %s is answered with %d", request.identifier, response.status)

    def _model_routes(self, environ: Mapping[str, str]) -> Iterator[Route]:
        predictions, health = prediction_routes(environ), probe_routes(environ)
        for route in predictions:
            yield Route("POST", route.template, functools.partial(self._predict, route.contract))
        probes = {"live": self._live, "ready": self._ready}
        for probe in health:
            yield Route("GET", probe.template, probes[probe.probe], open=True)
        yield Route("GET", "/openapi.json", functools.partial(self._describe_routes, predictions, health))
        yield Route("GET", "/v2", self._describe_server)
        yield Route("GET", "/v2/health/live", self._v2_live, open=True)
        yield Route("GET", "/v2/health/ready", self._v2_ready, open=True)
        for template in ("/v1/models/{name}", "/v1/models/{name}/versions/{version}"):
            yield Route("GET", template, self._v1_status)
        for template in (MODEL, VERSION):
            yield Route("GET", template, self._describe_model)
            yield Route("GET", f"{template}/ready", self._model_ready, open=True)

    def _predict(self, contract: Contract, request: Request, segments: Mapping[str, str]) -> None:
        contract = request.contract or contract
        model = self._model(segments)
        deadline = request.started + self._settings.timeout_seconds
        patience = request.headers.get(CALLERS_TIMEOUT)
        if patience is not None and patience.isdigit() and len(patience) < 10:
            deadline = min(deadline, request.started + int(patience) / 1000)
        request.deadline = min(deadline, request.deadline)
        self.execution.predict(contract, model, request)
        for shadow in self.versions.shadows:
            if shadow is not model:
                self._mirror(contract, shadow, request)

    def _mirror(self, contract: Contract, shadow: Model, request: Request) -> None:
        """Give a version a copy of a request, as long as it keeps up with them."""
        copy = Request(request.method, request.path, request.headers, request.body, NOWHERE)
        copy.started, copy.deadline, copy.identifier = request.started, request.deadline, request.identifier
        try:
            self._mirroring.predict(contract, shadow, copy)
        except RequestError as error:
            # The other version took it, or refused it as well.
            logger.debug("shadow %s: %s", shadow.signature.version, error.message)
        except Exception:
            logger.exception("unexpected error in a shadow")

    def _model(self, segments: Mapping[str, str]) -> Model:
        if segments:
            name = segments.get("name", self.model_name)
            if name != self.model_name:
                raise RequestError(
                    404, f"name: {shown(name)} is not served here, only {self.model_name!r} is"
                )
        return self.versions.pick(segments.get("version"))

    def _live(self, _: Request, __: Mapping[str, str]) -> Response:
        return Response.json({"status": "live"})

    def _ready(self, _: Request, __: Mapping[str, str]) -> Response:
        settings = self._settings
        primary = self.versions.primary
        model = {
            "name": self.model_name,
            "version": primary.signature.version if primary else settings.model_version,
            "sha256": primary.signature.sha256 if primary else settings.model_sha256,
        }
        return self._readiness({"status": self.status, "model": model, "revision": settings.revision})

    def _v2_live(self, _: Request, __: Mapping[str, str]) -> Response:
        return Response.json({"live": True})

    def _v2_ready(self, _: Request, __: Mapping[str, str]) -> Response:
        return self._readiness({"ready": self.status == "ready"})

    def _model_ready(self, _: Request, segments: Mapping[str, str]) -> Response:
        if self.versions.served:
            self._model(segments)
        return self._readiness({"name": self.model_name, "ready": self.status == "ready"})

    def _readiness(self, answer: dict[str, Any]) -> Response:
        if self.status == "ready":
            return Response.json(answer)
        return Response.json({**answer, "error": f"not ready: {self.status}"}, 503)

    def _describe_routes(
        self,
        predictions: Sequence[PredictionRoute],
        probes: Sequence[ProbeRoute],
        _: Request,
        __: Mapping[str, str],
    ) -> Response:
        return Response.json(document(self.versions.pick().signature, predictions, probes))

    def _describe_server(self, _: Request, __: Mapping[str, str]) -> Response:
        return Response.json(server_metadata())

    def _describe_model(self, _: Request, segments: Mapping[str, str]) -> Response:
        return Response.json(model_metadata(self._model(segments).signature))

    def _v1_status(self, _: Request, segments: Mapping[str, str]) -> Response:
        if not self.versions.served:
            version = segments.get("version", self._settings.model_version or FIRST_VERSION)
            return Response.json(model_status({version: "loading"}))
        asked = self._model(segments).signature.version
        served = [one.model.signature.version for one in self.versions.served]
        return Response.json(
            model_status(dict.fromkeys([asked] if "version" in segments else served, self.status))
        )

    def _list_versions(self, _: Request, __: Mapping[str, str]) -> Response:
        versions = [
            {
                "version": one.model.signature.version,
                "sha256": one.model.signature.sha256,
                "weight": one.weight,
                "shadow": one.shadow,
                "batches": one.model.batches,
                "quick": one.model.quick,
            }
            for one in self.versions.served
        ]
        return Response.json({"status": self.status, "versions": versions, "failure": self.failure})

    def _expose_metrics(self, request: Request, _: Mapping[str, str]) -> Response:
        accept = request.headers.get(b"accept", b"").decode("latin-1")
        body, content_type = self._telemetry.render(accept)
        return Response(200, body, content_type.encode("ascii"))
