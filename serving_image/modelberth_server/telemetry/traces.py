"""Traces, by OpenTelemetry's SDK and its standard variables.

A request's span begins when its headers were complete, and has two children with times set afterwards:
`queue` and `compute`. Only POST requests are traced: the probes and scrapes would be most of the spans and
tell nothing. This module is imported only where `exporter` says that the variables ask for traces.

Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ and, for the
attributes, https://opentelemetry.io/docs/specs/semconv/http/http-spans/.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from threading import Thread
from typing import Final

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
from opentelemetry.trace import Span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from modelberth_server import __version__
from modelberth_server.http.message import Request, Response
from modelberth_server.model.signature import Signature

__all__ = ["Traces"]

_LOG = logging.getLogger(__name__)

# Requests whose answer never came must not pile up.
_MOST_OPEN: Final = 1 << 16


class Traces:
    """The spans of one server process; used in one thread, exported by another."""

    def __init__(self, provider: TracerProvider, scheme: str = "http") -> None:
        self._provider = provider
        self._scheme = scheme
        self._tracer = provider.get_tracer("modelberth", __version__)
        self._propagator = TraceContextTextMapPropagator()
        self._open: dict[Request, Span] = {}

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], exporter: str, name: str, scheme: str) -> "Traces":
        """Set up the SDK, which reads most of its variables from the process's own environment.

        Args:
            environ: the environment
            exporter: `otlp` or `console`
            name: of the service where no variable gives one
            scheme: `http` or `https`, by which the server is called

        """
        given = (
            "service.name=" in environ.get("OTEL_RESOURCE_ATTRIBUTES", "") or "OTEL_SERVICE_NAME" in environ
        )
        resource = Resource.create({} if given else {"service.name": name})
        # Closed by `close`, with a bound; at exit would be without one.
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        target = OTLPSpanExporter() if exporter == "otlp" else ConsoleSpanExporter()
        provider.add_span_processor(BatchSpanProcessor(target))
        return cls(provider, scheme)

    def begin(self, request: Request) -> None:
        """Begin the span of a request, in the trace of its caller where it is in one."""
        if request.method != "POST":
            return
        headers = request.headers
        carrier = {
            name: headers[name.encode()].decode("latin-1")
            for name in ("traceparent", "tracestate")
            if name.encode() in headers
        }
        span = self._tracer.start_span(
            request.method,
            self._propagator.extract(carrier),
            trace.SpanKind.SERVER,
            # All that a sampler may want to know.
            {"http.request.method": request.method, "url.path": request.path, "url.scheme": self._scheme},
            start_time=_nanoseconds(request.started),
        )
        if not span.is_recording():
            return
        if len(self._open) >= _MOST_OPEN:
            del self._open[next(iter(self._open))]
        self._open[request] = span

    def computed(
        self,
        signature: Signature,
        requests: Sequence[Request],
        rows: int,
        waited: Sequence[float],
        seconds: float,
    ) -> None:
        """Give the span of each request of a batch that just ended its children."""
        end = time.monotonic()
        for request, wait in zip(requests, waited, strict=True):
            if (span := self._open.get(request)) is None:
                continue
            context = trace.set_span_in_context(span)
            begin = end - seconds
            queue = self._tracer.start_span("queue", context, start_time=_nanoseconds(begin - wait))
            queue.end(_nanoseconds(begin))
            attributes: dict[str, str | int] = {
                "modelberth.model.name": signature.name,
                "modelberth.model.version": signature.version,
                "modelberth.batch.requests": len(requests),
                "modelberth.batch.rows": rows,
            }
            compute = self._tracer.start_span(
                "compute", context, attributes=attributes, start_time=_nanoseconds(begin)
            )
            compute.end(_nanoseconds(end))

    def end(self, request: Request, response: Response) -> None:
        """End the span of a request."""
        if (span := self._open.pop(request, None)) is None:
            return
        if request.route:
            span.update_name(f"{request.method} {request.route}")
            span.set_attribute("http.route", request.route)
        span.set_attribute("http.response.status_code", response.status)
        span.set_attribute("modelberth.request.id", request.identifier)
        if response.status >= 500:
            span.set_attribute("error.type", str(response.status))
            span.set_status(trace.StatusCode.ERROR)
        span.end()

    async def close(self, seconds: float) -> None:
        """Export what is left, for at most so long."""
        # A daemon: a collector that hangs must not keep the process.
        thread = Thread(target=self._provider.shutdown, name="traces-close", daemon=True)
        thread.start()
        await asyncio.to_thread(thread.join, seconds)
        if thread.is_alive():
            _LOG.warning("traces: not all were exported within %g s", seconds)


def _nanoseconds(monotonic: float) -> int:
    """Turn a time by `time.monotonic()` into one since 1970."""
    return time.time_ns() - int((time.monotonic() - monotonic) * 1e9)
