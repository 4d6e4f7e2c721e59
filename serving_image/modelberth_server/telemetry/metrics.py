"""What the server counts."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from modelberth_server.model.signature import Signature
from modelberth_server.telemetry import families
from modelberth_server.telemetry.families import FAMILIES
from modelberth_server.telemetry.instruments import Counter, Histogram, Kind, Samples, add
from modelberth_server.telemetry.workers import Worker

if TYPE_CHECKING:
    from modelberth_server.telemetry.exposition import Exposition

__all__ = ["OTHER_ROUTE", "Metrics", "ModelSeries"]

# Every unknown path shares one label value: a scanner must not be able to create time series.
OTHER_ROUTE: Final = "other"

KEPT_RETIRED: Final = 8


class ModelSeries:
    """The histograms of one model version."""

    __slots__ = ("compute", "queue", "requests", "rows")

    def __init__(self) -> None:
        self.queue = Histogram(families.QUEUE.bounds)
        self.compute = Histogram(families.COMPUTE.bounds)
        self.rows = Histogram(families.BATCH_ROWS.bounds)
        self.requests = Histogram(families.BATCH_REQUESTS.bounds)


class Metrics:
    """The metrics of one server process; used in one thread.

    With a `worker` the exposition is that of all workers together, and without the `process_*` metrics, which
    tell of one process only.
    """

    def __init__(self, worker: Worker | None = None) -> None:
        self._worker = worker
        self._exposition: Exposition | None = None
        self._before = worker.restored() if worker else {}
        self._requests: dict[tuple[str, int], Counter] = {}
        self._durations: dict[str, Histogram] = {}
        self._models: dict[tuple[str, str], ModelSeries] = {}
        self._served: dict[tuple[str, str], tuple[str, ...]] = {}
        self._retired: dict[tuple[str, str], None] = {}
        self._sources: list[Callable[[], Samples]] = []
        self.in_flight: Callable[[], int] = int
        self.connections: Callable[[], int] = int

    def add_source(self, samples: Callable[[], Samples]) -> None:
        """Expose what a function returns as well, called at each scrape."""
        self._sources.append(samples)

    def answered(self, route: str, status: int) -> tuple[Counter, Histogram]:
        """Return the counter and the durations of a route: its template, or empty for an unknown path."""
        route = route or OTHER_ROUTE
        counter = self._requests.setdefault((route, status), Counter())
        return counter, self._durations.setdefault(route, Histogram(families.DURATION.bounds))

    def model(self, signature: Signature) -> ModelSeries:
        """Return the histograms of a model version."""
        return self._models.setdefault((signature.name, signature.version), ModelSeries())

    def serve(self, signature: Signature, revision: str) -> None:
        """Say that a model version is served."""
        labels = (signature.name, signature.version, signature.sha256, revision)
        self._served[labels[:2]] = labels
        self._retired.pop(labels[:2], None)

    def retire(self, signature: Signature) -> None:
        """Say that a model version is served no more.

        Its series stay for a while, for what it still computes and for the next scrapes, but not for ever:
        swaps must not grow the exposition.
        """
        key = (signature.name, signature.version)
        self._served.pop(key, None)
        self._retired[key] = None
        if len(self._retired) > KEPT_RETIRED:
            self._forget(next(iter(self._retired)))

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """Return the exposition and its content type: OpenMetrics where it is accepted, else the text."""
        if self._exposition is None:
            # A fifth of the time until the server is ready, and nobody scrapes it before.
            from modelberth_server.telemetry.exposition import Exposition  # noqa: PLC0415

            self._exposition = Exposition(self._seen, process=self._worker is None)
        return self._exposition.render(accept)

    def publish(self) -> None:
        """Let the other workers see what this one counted; nothing to do without any."""
        if self._worker is not None:
            self._worker.publish(self._own())

    def withdraw(self) -> None:
        """Leave the counts to the other workers and to a successor, at the end of this one."""
        if self._worker is not None:
            own = self._own()
            self._worker.publish({name: own[name] for name in own if FAMILIES[name].kind is not Kind.GAUGE})

    def _forget(self, key: tuple[str, str]) -> None:
        del self._retired[key]
        self._models.pop(key, None)
        for name, series in self._before.items():
            if FAMILIES[name].labels[:2] == ("model", "version"):
                self._before[name] = {labels: of for labels, of in series.items() if labels[:2] != key}

    def _seen(self) -> Samples:
        if self._worker is None:
            return self._own()
        self.publish()
        return self._worker.together()

    def _own(self) -> Samples:
        samples: Samples = {
            families.REQUESTS.name: {
                (route, str(status)): counter.numbers() for (route, status), counter in self._requests.items()
            },
            families.DURATION.name: {(route,): of.numbers() for route, of in self._durations.items()},
            families.IN_FLIGHT.name: {(): [self.in_flight()]},
            families.CONNECTIONS.name: {(): [self.connections()]},
            families.MODEL_INFO.name: {labels: [1] for labels in self._served.values()},
            families.PREDICTIONS.name: {key: [of.requests.total] for key, of in self._models.items()},
            families.PREDICTED_ROWS.name: {key: [of.rows.total] for key, of in self._models.items()},
            families.QUEUE.name: {key: of.queue.numbers() for key, of in self._models.items()},
            families.COMPUTE.name: {key: of.compute.numbers() for key, of in self._models.items()},
            families.BATCH_ROWS.name: {key: of.rows.numbers() for key, of in self._models.items()},
            families.BATCH_REQUESTS.name: {key: of.requests.numbers() for key, of in self._models.items()},
        }
        for source in self._sources:
            samples |= source()
        add(samples, self._before, FAMILIES)
        return samples
