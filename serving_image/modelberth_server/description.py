"""What the server says of itself: health, metadata, routes, metrics."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from modelberth_server.contracts.open_inference import model_metadata, server_metadata
from modelberth_server.contracts.table import PredictionRoute, ProbeRoute
from modelberth_server.contracts.tensorflow import model_status
from modelberth_server.http.message import Request, Response
from modelberth_server.http.routing import Route
from modelberth_server.openapi import document
from modelberth_server.state import State
from modelberth_server.telemetry.telemetry import Telemetry

__all__ = ["Description"]

MODEL: Final = "/v2/models/{name}"
VERSION: Final = "/v2/models/{name}/versions/{version}"


class Description:
    """Answers of the routes for `GET`."""

    def __init__(self, state: State, telemetry: Telemetry) -> None:
        self._state = state
        self._telemetry = telemetry

    def routes(self, predictions: Sequence[PredictionRoute], probes: Sequence[ProbeRoute]) -> Iterator[Route]:
        """Give the routes for callers, of whom the other routes are described as well."""
        yield from self._health(probes)
        yield Route("GET", "/openapi.json", functools.partial(self._openapi, predictions, probes))
        yield Route("GET", "/v2", self._server)
        yield Route("GET", "/v2/health/live", self._v2_live, open=True)
        yield Route("GET", "/v2/health/ready", self._v2_ready, open=True)
        for template in ("/v1/models/{name}", "/v1/models/{name}/versions/{version}"):
            yield Route("GET", template, self._v1_status)
        for template in (MODEL, VERSION):
            yield Route("GET", template, self._model)
            yield Route("GET", f"{template}/ready", self._model_ready, open=True)

    def metrics(self) -> Route:
        """Give the route of the metrics."""
        return Route("GET", "/metrics", self._metrics, open=True)

    def admin_routes(self, probes: Sequence[ProbeRoute]) -> Iterator[Route]:
        """Give the routes for those who operate the server."""
        yield from self._health(probes)
        yield self.metrics()
        yield Route("GET", "/admin/versions", self._versions, open=True)

    def _health(self, probes: Sequence[ProbeRoute]) -> Iterator[Route]:
        handlers = {"live": self._live, "ready": self._ready}
        for probe in probes:
            yield Route("GET", probe.template, handlers[probe.probe], open=True)

    def _live(self, _: Request, __: Mapping[str, str]) -> Response:
        return Response.json({"status": "live"})

    def _ready(self, _: Request, __: Mapping[str, str]) -> Response:
        state = self._state
        model = {"name": state.name, "version": state.version, "sha256": state.sha256}
        return self._readiness({"status": state.status, "model": model, "revision": state.revision})

    def _v2_live(self, _: Request, __: Mapping[str, str]) -> Response:
        return Response.json({"live": True})

    def _v2_ready(self, _: Request, __: Mapping[str, str]) -> Response:
        return self._readiness({"ready": self._state.status == "ready"})

    def _model_ready(self, _: Request, segments: Mapping[str, str]) -> Response:
        if self._state.versions.served:
            self._state.model(segments)
        return self._readiness({"name": self._state.name, "ready": self._state.status == "ready"})

    def _readiness(self, answer: dict[str, Any]) -> Response:
        if self._state.status == "ready":
            return Response.json(answer)
        return Response.json({**answer, "error": f"not ready: {self._state.status}"}, 503)

    def _openapi(
        self,
        predictions: Sequence[PredictionRoute],
        probes: Sequence[ProbeRoute],
        _: Request,
        __: Mapping[str, str],
    ) -> Response:
        return Response.json(document(self._state.versions.pick().signature, predictions, probes))

    def _server(self, _: Request, __: Mapping[str, str]) -> Response:
        return Response.json(server_metadata())

    def _model(self, _: Request, segments: Mapping[str, str]) -> Response:
        signature = self._state.model(segments).signature
        return Response.json(model_metadata(signature, self._state.served))

    def _v1_status(self, _: Request, segments: Mapping[str, str]) -> Response:
        state = self._state
        if not state.versions.served:
            return Response.json(model_status({segments.get("version", state.version): "loading"}))
        asked = state.model(segments).signature.version
        versions = (asked,) if "version" in segments else state.served
        return Response.json(model_status(dict.fromkeys(versions, state.status)))

    def _versions(self, _: Request, __: Mapping[str, str]) -> Response:
        versions = [
            {
                "version": one.model.signature.version,
                "sha256": one.model.signature.sha256,
                "weight": one.weight,
                "shadow": one.shadow,
                "batches": one.model.batches,
                "quick": one.model.quick,
            }
            for one in self._state.versions.served
        ]
        return Response.json(
            {"status": self._state.status, "versions": versions, "failure": self._state.failure}
        )

    def _metrics(self, request: Request, _: Mapping[str, str]) -> Response:
        accept = request.headers.get(b"accept", b"").decode("latin-1")
        body, content_type = self._telemetry.render(accept)
        return Response(200, body, content_type.encode("ascii"))
