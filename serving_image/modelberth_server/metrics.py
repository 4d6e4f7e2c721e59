"""What the server counts, in Prometheus' exposition format."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder

from modelberth_server.model import Signature

__all__ = ["OTHER_ROUTE", "Metrics"]

# Every unknown path shares one label value: a scanner must not be able to create time series.
OTHER_ROUTE: Final = "other"

_BUCKETS_SECONDS: Final = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)


class Metrics:
    """The counters of one server, in a registry of their own."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._registry = registry
        self._requests = Counter(
            "modelberth_requests", "Requests answered", ("route", "code"), registry=registry
        )
        self._duration = Histogram(
            "modelberth_request_duration_seconds",
            "Time from the headers of a request to its response",
            ("route",),
            buckets=_BUCKETS_SECONDS,
            registry=registry,
        )
        self.in_flight = Gauge(
            "modelberth_in_flight", "Predictions queued or being computed", registry=registry
        )
        self._model_info = Gauge(
            "modelberth_model_info",
            "Always 1; the labels tell what is served",
            ("name", "version", "sha256", "revision"),
            registry=registry,
        )

    def serve(self, signature: Signature, revision: str) -> None:
        """Say which model is served."""
        self._model_info.labels(signature.name, signature.version, signature.sha256, revision).set(1)

    def observe(self, route: str, code: int, seconds: float) -> None:
        """Count one answered request; `route` is a route's template or `OTHER_ROUTE`."""
        self._requests.labels(route, str(code)).inc()
        self._duration.labels(route).observe(seconds)

    def render(self) -> tuple[bytes, str]:
        """Return the exposition and its content type, always in the text format that every scraper reads."""
        encode, content_type = choose_encoder("")
        return encode(self._registry), content_type
