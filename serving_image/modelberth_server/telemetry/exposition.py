"""The metrics in Prometheus' exposition formats, which `prometheus_client` writes."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from modelberth_server.telemetry.families import FAMILIES
from modelberth_server.telemetry.instruments import Family, Kind, Samples

__all__ = ["Exposition"]

_OPEN_METRICS: Final = "application/openmetrics-text"

Exposed = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily


class Exposition:
    """Writes what `samples` returns at each scrape, and with `process` the metrics of this process."""

    def __init__(self, samples: Callable[[], Samples], *, process: bool) -> None:
        self._registry = CollectorRegistry()
        if process:
            ProcessCollector(registry=self._registry)
        self._registry.register(_Samples(samples))

    def render(self, accept: str) -> tuple[bytes, str]:
        """Return the exposition and its content type: OpenMetrics where it is accepted, else the text."""
        # Only this much of the header: the encoder also takes versions from it, and trips over wrong ones.
        encode, content_type = choose_encoder(_OPEN_METRICS if _OPEN_METRICS in accept else "")
        return encode(self._registry), content_type


class _Samples(Collector):
    """What `prometheus_client` asks for at each scrape."""

    def __init__(self, samples: Callable[[], Samples]) -> None:
        self._samples = samples

    def describe(self) -> Iterable[Exposed]:
        """Name the families without counting anything."""
        return [_exposed(family, {}) for family in FAMILIES.values()]

    def collect(self) -> Iterator[Exposed]:
        """Give every family that has a series."""
        for name, series in self._samples().items():
            if series:
                yield _exposed(FAMILIES[name], series)


def _exposed(family: Family, series: dict[tuple[str, ...], list[float]]) -> Exposed:
    if family.kind is Kind.HISTOGRAM:
        histogram = HistogramMetricFamily(family.name, family.documentation, labels=family.labels)
        bounds = [*map(floatToGoString, family.bounds), "+Inf"]
        for labels, numbers in series.items():
            running = 0.0
            buckets = []
            for bound, count in zip(bounds, numbers[:-1], strict=True):
                running += count
                buckets.append((bound, running))
            histogram.add_metric(labels, buckets, numbers[-1])
        return histogram
    make = CounterMetricFamily if family.kind is Kind.COUNTER else GaugeMetricFamily
    exposed = make(family.name, family.documentation, labels=family.labels)
    for labels, numbers in series.items():
        exposed.add_metric(labels, numbers[0])
    return exposed
