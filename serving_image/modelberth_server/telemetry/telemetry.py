"""All that watches the server, as the event loop sees it: three calls for each request, of about 1 µs."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from modelberth_server.errors import SettingsError
from modelberth_server.http.message import Request, Response
from modelberth_server.model.signature import UNNAMED, Signature
from modelberth_server.settings import Settings
from modelberth_server.telemetry.access_log import AccessLog
from modelberth_server.telemetry.drift import Tracker
from modelberth_server.telemetry.exporter import exporter
from modelberth_server.telemetry.identifiers import identifiers
from modelberth_server.telemetry.instruments import Counter, Histogram, Samples
from modelberth_server.telemetry.metrics import Metrics, ModelSeries
from modelberth_server.telemetry.workers import Worker
from modelberth_server.tensors import Array

if TYPE_CHECKING:
    from modelberth_server.telemetry.capture import Capture
    from modelberth_server.telemetry.traces import Traces

__all__ = ["Telemetry"]

# Of each of traces and capture, at the end of the server.
CLOSE_SECONDS: Final = 5.0
# How old the counts of other workers may be in a scrape.
PUBLISH_SECONDS: Final = 1.0

_monotonic = time.monotonic


class Telemetry:
    """Metrics, drift, access log, traces and capture of one process; used in the event loop's thread."""

    def __init__(
        self,
        metrics: Metrics,
        *,
        shared: bool = False,
        access_log: str = "off",
        traces: "Traces | None" = None,
        capture: "Capture | None" = None,
    ) -> None:
        self._metrics = metrics
        self._shared = shared
        self._traces = traces
        self._capture = capture
        self._identify = identifiers()
        self._answered: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self._models: dict[tuple[str, str], ModelSeries] = {}
        self._served: dict[tuple[str, str], Signature] = {}
        self._trackers: dict[tuple[str, str], Tracker] = {}
        self._access_log = AccessLog(access_log)
        self._logged_from = self._access_log.least_status
        self._publishing: asyncio.Task[None] | None = None
        metrics.add_source(self._drift)
        if capture is not None:
            metrics.add_source(capture.samples)

    @classmethod
    def from_settings(
        cls, settings: Settings, environ: Mapping[str, str], worker: Worker | None = None
    ) -> "Telemetry":
        """Read the settings.

        Args:
            settings: those of the server
            environ: for OpenTelemetry's variables
            worker: which of several server processes this is

        Raises:
            SettingsError: of capture or traces; it names the variable.

        """
        return cls(
            Metrics(worker),
            shared=worker is not None,
            access_log=settings.access_log,
            traces=_traces(settings, environ),
            capture=_capture(settings),
        )

    def started(self, request: Request) -> None:
        """Give a request its identifier, when its headers are complete; its `started` is set."""
        request.identifier = self._identify(request.headers)
        if self._access_log.every:
            self._access_log.begin(request)
        if self._traces is not None:
            self._traces.begin(request)

    def answered(self, request: Request, response: Response) -> None:
        """Count, log and trace a response; once for each request that was started."""
        seconds = _monotonic() - request.started
        key = (request.route, response.status)
        found = self._answered.get(key)
        if found is None:
            found = self._answered[key] = self._metrics.answered(*key)
        counter, durations = found
        counter.value += 1
        durations.observe(seconds)
        if response.status >= self._logged_from:
            self._access_log.write(request, response.status, seconds)
        if self._traces is not None:
            self._traces.end(request, response)

    def batch(
        self,
        signature: Signature,
        requests: Sequence[Request],
        inputs: Mapping[str, Array],
        outputs: Mapping[str, Array],
        waited: Sequence[float],
        seconds: float,
        rows: Sequence[int] | None = None,
    ) -> None:
        """Take note of a computed batch, just after it.

        Args:
            signature: of the model
            requests: in the order of their rows
            inputs: of all of them; neither these nor the outputs may change afterwards
            outputs: those that were computed
            waited: of each request, seconds from its headers to the begin of the computation
            seconds: that the computation took
            rows: of each request; None where the batch is one request, or each has one row

        """
        key = (signature.name, signature.version)
        series = self._models.get(key)
        if series is None:
            series = self._models[key] = self._metrics.model(signature)
        for wait in waited:
            series.queue.observe(wait)
        series.compute.observe(seconds)
        series.requests.observe(len(requests))
        total = _leading(inputs)
        series.rows.observe(total)
        if (tracker := self._trackers.get(key)) is not None:
            tracker.add(inputs, outputs, total)
        if self._access_log.every:
            self._access_log.computed(requests, signature.version)
        if self._traces is not None:
            self._traces.computed(signature, requests, total, waited, seconds)
        if self._capture is not None:
            if rows is None and len(requests) in (1, total):
                rows = [total // len(requests)] * len(requests)
            self._capture.offer(signature, requests, inputs, outputs, rows)

    def gauge(self, *, in_flight: Callable[[], int], connections: Callable[[], int]) -> None:
        """Say whom to ask at each scrape: for predictions queued or being computed, and open connections."""
        self._metrics.in_flight = in_flight
        self._metrics.connections = connections

    def check(
        self,
        signature: Signature,
        reference: Mapping[str, Any] | None = None,
        labels: Sequence[str | int] | None = None,
    ) -> None:
        """See whether a model can be watched as the settings and its package ask.

        Raises:
            SettingsError: a field to drop or hash is none of the model's.
            ModelError: the package's reference does not fit the model.

        """
        if self._capture is not None:
            self._capture.check(signature)
        Tracker(signature, reference, labels)

    def serve(
        self,
        signature: Signature,
        revision: str,
        reference: Mapping[str, Any] | None = None,
        labels: Sequence[str | int] | None = None,
    ) -> None:
        """Say that a model version is served from now on; errors as in `check`.

        Args:
            signature: of the model
            revision: of the deployment
            reference: histograms of the training data, from the package
            labels: the names of the classes, from the package

        """
        if self._capture is not None:
            self._capture.check(signature)
        self._trackers[signature.name, signature.version] = Tracker(signature, reference, labels)
        self._served[signature.name, signature.version] = signature
        self._metrics.serve(signature, revision)

    def retire(self, signature: Signature) -> None:
        """Say that a model takes no more requests; what it still computes is counted.

        Nothing to do where another model of the same name and version is served in its place.
        """
        key = (signature.name, signature.version)
        if self._served.get(key) is not signature:
            return
        del self._served[key]
        self._trackers.pop(key, None)
        self._models.pop(key, None)
        self._metrics.retire(signature)

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """Return the metrics and their content type, for the `accept` header of a scraper."""
        return self._metrics.render(accept)

    async def start(self) -> None:
        """Begin what runs beside the requests."""
        if self._capture is not None:
            self._capture.start()
        if self._shared:
            self._publishing = asyncio.create_task(self._publish())

    async def close(self) -> None:
        """End it: spans and captured requests that are still held get a few seconds."""
        if self._publishing is not None:
            self._publishing.cancel()
        closing = [part.close(CLOSE_SECONDS) for part in (self._traces, self._capture) if part is not None]
        await asyncio.gather(*closing)
        self._metrics.withdraw()

    async def _publish(self) -> None:
        while True:
            await asyncio.sleep(PUBLISH_SECONDS)
            self._metrics.publish()

    def _drift(self) -> Samples:
        samples: Samples = {}
        for tracker in self._trackers.values():
            for name, series in tracker.samples().items():
                samples.setdefault(name, {}).update(series)
        return samples


def _capture(settings: Settings) -> "Capture | None":
    if settings.capture_uri is None:
        return None
    from modelberth_server.telemetry.capture import Capture  # noqa: PLC0415 -- 2% of a start

    return Capture.from_settings(settings)


def _traces(settings: Settings, environ: Mapping[str, str]) -> "Traces | None":
    if (target := exporter(environ)) is None:
        return None
    try:
        from modelberth_server.telemetry.traces import Traces  # noqa: PLC0415 -- heavy
    except ImportError as error:
        message = f"OTEL_TRACES_EXPORTER: {target} needs {error.name}: install modelberth[serving-all]"
        raise SettingsError(message) from None
    scheme = "http" if settings.tls_cert_file is None else "https"
    return Traces.from_environ(environ, target, settings.model_name or UNNAMED, scheme)


def _leading(inputs: Mapping[str, Array]) -> int:
    """Return the rows of a batch: the size of the first dimension of its first input."""
    for array in inputs.values():
        return len(array) if array.ndim else 1
    return 1
