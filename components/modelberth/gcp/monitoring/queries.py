"""What is asked of Cloud Monitoring about one endpoint, in PromQL: what alerts and the dashboard are made of.

Each result is one series without labels: an endpoint's revisions and replicas count together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from modelberth.gcp.monitoring.signals import Role, Signals

__all__ = ["ALONE", "Queries"]

ALONE: Final = 1.5
"""A count above it is of more than one request: PromQL extrapolates a single one to somewhat more than 1."""


@dataclass(frozen=True, slots=True)
class Queries:
    """PromQL about one endpoint. A window is a duration as Prometheus writes it: `5m`, `${__interval}`."""

    signals: Signals

    def rate(self, role: Role, window: str, *, version: bool = False) -> str:
        """So many in a second."""
        return f"sum(rate({self.signals.series(role, version=version)}[{window}]))"

    def failed(self, window: str, function: Literal["rate", "increase"] = "rate") -> str:
        """Requests that failed through no fault of the caller: in a second, or with `increase` in the window.

        Those that found no replica are among them, which Google's own metric of requests leaves out.
        """
        failed = f"sum({function}({self.signals.series('failed')}[{window}]))"
        if not self.signals.has("refused"):
            return failed
        refused = f"sum({function}({self.signals.series('refused')}[{window}]))"
        # Neither has a series before the first one.
        return f"(({failed} or vector(0)) + ({refused} or vector(0)))"

    def all_requests(self, window: str) -> str:
        """All requests in a second, those that found no replica as well."""
        if not self.signals.has("refused"):
            return self.rate("requests", window)
        requests, refused = self.rate("requests", window), self.rate("refused", window)
        return f"(({requests} or vector(0)) + ({refused} or vector(0)))"

    def failed_share(self, window: str) -> str:
        """Share of all requests that failed, 0 to 1; nothing where there was no request."""
        return f"{self.failed(window)} / ({self.all_requests(window)} > 0)"

    def refused_share(self, window: str) -> str:
        """Share of all requests that found no replica, 0 to 1."""
        return f"{self.rate('refused', window)} / ({self.all_requests(window)} > 0)"

    def share(self, part: Role, window: str, *, version: bool = False) -> str:
        """Share of the requests that are a part of them, 0 to 1; nothing where there was none of either."""
        whole = self.rate("requests", window, version=version)
        return f"{self.rate(part, window, version=version)} / ({whole} > 0)"

    def count(self, role: Role, window: str) -> str:
        """So many in the window."""
        return f"sum(increase({self.signals.series(role)}[{window}]))"

    def quantile(self, quantile: float, role: Role, window: str, *, version: bool = False) -> str:
        """A quantile of what a histogram tells, in its unit."""
        buckets = self.signals.series(role, "_bucket", version=version)
        return f"histogram_quantile({quantile:g}, sum by (le) (rate({buckets}[{window}])))"

    def mean(self, role: Role, window: str) -> str:
        """The mean of what a histogram tells, in its unit."""
        total, count = (
            f"sum(rate({self.signals.series(role, suffix)}[{window}]))" for suffix in ("_sum", "_count")
        )
        return f"{total} / ({count} > 0)"

    def gauge(
        self, role: Role, window: str, over: Literal["avg", "max"] = "avg", by: Literal["sum", "avg"] = "sum"
    ) -> str:
        """A gauge, as it was in the window: what was measured is seen after minutes only."""
        return f"{by}({over}_over_time({self.signals.series(role)}[{window}]))"

    def most_of_a_version(self, role: Role, window: str) -> str:
        """The mean of a gauge in the window, of the version that has most."""
        mean = f"avg_over_time({self.signals.series(role)}[{window}])"
        return f"max(sum by ({self.signals.version}) ({mean}))"

    def now(self, role: Role, by: Literal["sum", "avg", "max"] = "sum") -> str:
        """A gauge, as a chart shows it at each of its points."""
        return f"{by}({self.signals.series(role)})"

    def by_version(self, window: str) -> str:
        """Requests in a second, of each version that answered any."""
        return f"sum by ({self.signals.version}) (rate({self.signals.series('requests')}[{window}]))"
