"""The application: which request is answered by what. It knows no transport and no engine."""

import functools
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Final

from modelberth_server.access.access import Access
from modelberth_server.contracts.contract import Contract
from modelberth_server.contracts.table import PredictionRoute, prediction_routes, probe_routes
from modelberth_server.description import Description
from modelberth_server.errors import RequestError
from modelberth_server.execution.execution import Execution
from modelberth_server.http.message import Request, Response
from modelberth_server.http.routing import Route, Router
from modelberth_server.model.session import Model
from modelberth_server.model.versions import Served, Versions
from modelberth_server.settings import Settings
from modelberth_server.state import State
from modelberth_server.telemetry.telemetry import Telemetry

__all__ = ["App"]

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
        self.state = State(settings)
        self.execution = Execution(settings, self._answer, telemetry)
        # Of its own, with one thread: no caller waits for a copy, or is refused for one.
        self._mirroring = Execution(settings, self._drop, telemetry, slots=1)
        description = Description(self.state, telemetry)
        predictions, probes = prediction_routes(environ), probe_routes(environ)
        # Metrics are for those who operate the server, on a port of their own where it has one.
        metrics = [description.metrics()] if settings.admin_port is None else []
        self._routes = Router(
            [*self._predictions(predictions), *description.routes(predictions, probes), *metrics]
        )
        self._admin_routes = Router(description.admin_routes(probes))

    def serve(self, *served: Served) -> None:
        """Answer with these versions from now on; a version that is none of them any more ends its work.

        Raises:
            StartError: a version cannot be watched as the settings ask; nothing has changed then.

        """
        before = {one.model for one in self.state.versions.served}
        now = {one.model for one in served}
        for model in now - before:
            signature = model.signature
            self._telemetry.check(signature, signature.reference, signature.labels)
        self.state.versions = Versions(*served)
        for model in now - before:
            signature = model.signature
            self._telemetry.serve(signature, self._settings.revision, signature.reference, signature.labels)
        for model in before - now:
            self.execution.retire(model)
            self._mirroring.retire(model)
            self._telemetry.retire(model.signature)

    def drain(self) -> None:
        """Stop to be ready; requests that still come are answered."""
        self.state.draining = True

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

    def _predictions(self, routes: Sequence[PredictionRoute]) -> Iterator[Route]:
        for route in routes:
            yield Route("POST", route.template, functools.partial(self._predict, route.contract))

    def _predict(self, contract: Contract, request: Request, segments: Mapping[str, str]) -> None:
        contract = request.contract or contract
        model = self.state.model(segments)
        deadline = request.started + self._settings.timeout_seconds
        patience = request.headers.get(CALLERS_TIMEOUT)
        if patience is not None and patience.isdigit() and len(patience) < 10:
            deadline = min(deadline, request.started + int(patience) / 1000)
        request.deadline = min(deadline, request.deadline)
        self.execution.predict(contract, model, request)
        for shadow in self.state.versions.shadows:
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
