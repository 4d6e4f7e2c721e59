"""What is asked of Prometheus about one endpoint: the expressions that rules and dashboard are made of.

Every series has the labels `namespace`, `app_kubernetes_io_instance` (the endpoint) and
`modelberth_revision`: the Prometheus operator copies them from the pod, and so does the usual scrape
configuration by annotations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from modelberth.kubernetes.monitoring.engine_metrics import EngineMetrics, engine_metrics
from modelberth.kubernetes.pods.kserve import deployment_name

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Plan, Revision
    from modelberth.spec import Duration

__all__ = ["ENDPOINT", "REVISION_LABEL", "Queries", "deployments", "is_measured", "pods"]

ENDPOINT: Final = "app_kubernetes_io_instance"
"""Label of a series that has the endpoint's name: `app.kubernetes.io/instance` of the pod."""
REVISION_LABEL: Final = "modelberth_revision"
"""Label of a series that has the revision's key: `modelberth/revision` of the pod."""

Labels = Sequence[str]
"""By which a sum is taken, beside those of the endpoint."""


def is_measured(plan: Plan) -> bool:
    """Tell whether the endpoint's series are there, under the names of its engine; Ray gives them its own."""
    return plan.spec.monitoring.metrics and plan.target.engine != "ray"


def pods(plan: Plan) -> str:
    """Return a regular expression for the names of the endpoint's pods."""
    names = "|".join(deployments(plan))
    return f"({names})-[a-z0-9]+-[a-z0-9]+" if names else f"{plan.name}-.*"


def deployments(plan: Plan) -> tuple[str, ...]:
    """Return the names of the Deployments that hold the pods; none where Ray starts the pods."""
    if plan.target.engine == "ray":
        return ()
    return tuple(deployment(plan, revision) for revision in plan.revisions)


def deployment(plan: Plan, revision: Revision) -> str:
    """Return the name of the Deployment that holds a revision's pods; KServe makes its own."""
    is_kserve = plan.target.engine == "kserve"
    return deployment_name(plan, revision) if is_kserve else plan.revision_name(revision)


@dataclass(frozen=True, slots=True)
class Queries:
    """PromQL about one endpoint. A window is a duration as Prometheus writes it: `5m`, `$__rate_interval`."""

    plan: Plan

    @property
    def metrics(self) -> EngineMetrics:
        """The series of the endpoint's engine."""
        return engine_metrics()[self.plan.spec.runtime.engine]

    @property
    def all(self) -> str:
        """Matchers of the endpoint's series."""
        return f'namespace="{self.plan.namespace}",{ENDPOINT}="{self.plan.name}"'

    @property
    def answering(self) -> str:
        """Matchers of the series of revisions that callers hear from, not those of mirrored requests."""
        mirrored = [one.key for one in self.plan.revisions if one.mirrored and not one.weight]
        return f'{self.all},{REVISION_LABEL}!~"{"|".join(mirrored)}"' if mirrored else self.all

    def of(self, revision: Revision) -> str:
        """Matchers of the series of one revision."""
        return f'{self.all},{REVISION_LABEL}="{revision.key}"'

    def request_rate(self, window: str, matchers: str | None = None, by: Labels = ()) -> str:
        """Requests answered in a second."""
        return self._rate(self.metrics.requests.where(matchers or self.all), window, by)

    def error_ratio(self, window: str, matchers: str | None = None, by: Labels = ()) -> str:
        """Share of the requests that failed, 0 to 1; nothing where there was no request."""
        return self._ratio(self.metrics.errors.where(matchers or self.all), window, matchers, by)

    def refused_ratio(self, window: str, matchers: str | None = None, by: Labels = ()) -> str | None:
        """Share of the requests that were refused because there were too many, 0 to 1."""
        refused = self.metrics.refused
        if refused is None:
            return None
        return self._ratio(refused.where(matchers or self.all), window, matchers, by)

    def latency(
        self, quantile: float, window: str, matchers: str | None = None, by: Labels = ()
    ) -> str | None:
        """A quantile of the latency, in seconds."""
        latency = self.metrics.latency
        if latency is None:
            return None
        rate = self._rate(latency.where(matchers or self.all, suffix="_bucket"), window, (*by, "le"))
        return self._in_seconds(f"histogram_quantile({quantile:g}, {rate})")

    def mean_latency(self, window: str) -> str | None:
        """The mean latency, in seconds, of a server without a histogram."""
        if self.metrics.mean is None:
            return None
        time, requests = (self._rate(one.where(self.all), window) for one in self.metrics.mean)
        return self._in_seconds(f"({time} / ({requests} > 0))")

    def slow_ratio(self, threshold: Duration, window: str, matchers: str | None = None) -> str | None:
        """Share of the requests that took longer than a threshold, 0 to 1.

        Between two bounds of the histogram requests count as evenly spread, as in `histogram_quantile`.
        """
        latency = self.metrics.latency
        if latency is None or threshold.seconds > self.metrics.longest:
            return None
        selected = matchers or self.all
        wanted = threshold.seconds / self.metrics.unit
        bounds = (0.0, *self.metrics.buckets)
        low, high = next(pair for pair in pairwise(bounds) if wanted <= pair[1])
        share = (wanted - low) / (high - low)
        parts = [(high, share), (low, 1 - share)] if low else [(high, share)]
        fast = " + ".join(
            self._rate(latency.where(selected, _bound(bound), suffix="_bucket"), window)
            + ("" if weight == 1 else f" * {weight:.6g}")
            for bound, weight in parts
            if weight > 0
        )
        total = self._rate(latency.where(selected, suffix="_count"), window)
        return f"1 - ({fast}) / ({total} > 0)"

    def in_progress(self, by: Labels = ()) -> str | None:
        """Requests that a replica has accepted and not answered, as the mean of the replicas."""
        series = self.metrics.in_progress
        if not series:
            return None
        total = " + ".join(f"sum by ({_grouped(by)}) ({one.where(self.all)})" for one in series)
        each = f"count by ({_grouped((*by, 'instance'))}) ({series[0].where(self.all)})"
        replicas = f"count by ({_grouped(by)}) ({each})"
        return f"({total}) / {replicas}"

    def _rate(self, series: str, window: str, by: Labels = ()) -> str:
        return f"sum by ({_grouped(by)}) (rate({series}[{window}]))"

    def _ratio(self, part: str, window: str, matchers: str | None, by: Labels) -> str:
        # A server has no series of errors before the first one.
        whole = self.request_rate(window, matchers, by)
        return f"({self._rate(part, window, by)} or {whole} * 0) / ({whole} > 0)"

    def _in_seconds(self, expression: str) -> str:
        return expression if self.metrics.unit == 1 else f"{expression} * {self.metrics.unit:g}"


def _grouped(by: Labels) -> str:
    return ", ".join(("namespace", ENDPOINT, *by))


def _bound(bound: float) -> str:
    """Matcher of a histogram's bound; whole numbers are written `1` by some and `1.0` by others."""
    text = f"{bound:g}"
    if text.isdigit():
        return f'le=~"{text}(\\\\.0)?"'
    return f'le="{text}"'
