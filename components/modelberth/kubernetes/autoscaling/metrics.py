"""What the number of replicas follows: the metric of the spec, in the words of each autoscaler.

All of them are sums over a revision's replicas: what each replica should have of it is the target, so the
sum divided by the target is the number of replicas.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from modelberth.kubernetes.accelerators.table import accelerators
from modelberth.kubernetes.monitoring.engine_metrics import Series, engine_metrics
from modelberth.kubernetes.monitoring.gpu_metrics import of_gpus
from modelberth.kubernetes.monitoring.queries import Queries, deployment
from modelberth.spec.kubernetes import HorizontalPodAutoscaler, Mig, TimeSliced

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Plan, Revision
    from modelberth.spec import EndpointSpec, KubernetesTarget
    from modelberth.spec.runtime import Engine
    from modelberth.spec.scaling import ScaleMetric

__all__ = ["TABLE", "in_use", "offered", "query", "series", "target_value", "unmeasured"]

TABLE: Final = Path(__file__).with_name("custom_metrics.toml")
WINDOW: Final = "2m"
"""For rates: two scrapes are in it, also where they are a minute apart."""

_NO_RULE: Final = (
    "No default rule of a custom metrics adapter makes it; KEDA asks Prometheus itself (target.scaler.kind)."
)
_PERCENT: Final = 70.0
_PERCENT_OF_SHARE: Final = 100
_ROOM: Final = 0.7


def target_value(spec: EndpointSpec) -> float:
    """Return the value of the metric that one replica should run at."""
    if spec.scaling.target is not None:
        return spec.scaling.target
    return spec.limits.concurrency * _ROOM if spec.scaling.metric == "concurrency" else _PERCENT


@cache
def offered() -> Mapping[Engine, Mapping[ScaleMetric, str]]:
    """Return the names by which prometheus-adapter's default rules offer an engine's metrics.

    Raises:
        ValueError: the table has a source that is not listed or not used.

    """
    data = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    used = {key for entry in data["engines"].values() for key in entry["sources"]}
    if unknown := used ^ data["sources"].keys():
        raise ValueError(f"{TABLE.name}: sources not listed, or not used: {', '.join(sorted(unknown))}")
    return {
        engine: {key: name for key, name in entry.items() if key != "sources"}
        for engine, entry in data["engines"].items()
    }


def series(engine: Engine, metric: ScaleMetric) -> tuple[Series, ...]:
    """Return the series of an engine that together are the metric; none where it does not tell that."""
    metrics = engine_metrics()[engine]
    match metric:
        case "concurrency":
            return metrics.in_progress
        case "requests_per_second":
            return (metrics.requests,)
        case "queue_depth":
            return () if metrics.waiting is None else (metrics.waiting,)
        case _:
            return ()


def query(plan: Plan, revision: Revision) -> str:
    """Return PromQL for the sum of the metric over a revision's replicas; nobody asks it for `cpu`."""
    if plan.spec.scaling.metric == "gpu":
        return _gpu_query(plan, revision)
    queries = Queries(plan)
    of = queries.of(revision)
    if plan.spec.scaling.metric == "requests_per_second":
        rate = f"sum(rate({queries.metrics.requests.where(of)}[{WINDOW}]))"
        # A server has no series of requests before the first one.
        always = queries.metrics.always
        return rate if always is None else f"{rate} or sum({always.where(of)}) * 0"
    return " + ".join(
        f"sum({one.where(of)})" for one in series(plan.spec.runtime.engine, plan.spec.scaling.metric)
    )


def in_use(plan: Plan, revision: Revision) -> str:
    """Return PromQL that is 1 while a revision answers requests, else 0 or nothing.

    Requests in progress would not do: an endpoint that answers in milliseconds has none at most scrapes.
    """
    queries = Queries(plan)
    requests = queries.metrics.requests.where(queries.of(revision))
    return f"sum(increase({requests}[{WINDOW}])) > bool 0"


def unmeasured(spec: EndpointSpec, target: KubernetesTarget, metric: ScaleMetric) -> str:
    """Return why the target's autoscaler cannot know a metric; empty: it can."""
    engine = spec.runtime.engine
    if metric == "cpu":
        return ""
    if metric == "gpu":
        return _gpu_unmeasured(spec, target)
    if not spec.monitoring.metrics:
        return "monitoring.metrics is off, so nothing tells the load."
    if isinstance(target.scaler, HorizontalPodAutoscaler):
        return "" if metric in offered()[engine] else _NO_RULE
    return "" if series(engine, metric) else f"Engine {engine} does not tell {metric}."


def _gpu_unmeasured(spec: EndpointSpec, target: KubernetesTarget) -> str:
    gpu = spec.resources.gpu
    if gpu is None:
        return "The endpoint has no GPUs: resources.gpu is not set."
    if accelerators()[gpu.kind].vendor.title != "NVIDIA":
        return "It is told by NVIDIA's DCGM exporter."
    if isinstance(target.gpu, Mig | TimeSliced):
        return "The use of a GPU is told of the whole GPU, with what its neighbours do."
    return _NO_RULE if isinstance(target.scaler, HorizontalPodAutoscaler) else ""


def _gpu_query(plan: Plan, revision: Revision) -> str:
    """Percent of the time in which a kernel ran, as the mean of a replica's GPUs: of the DCGM exporter."""
    gpu = plan.spec.resources.gpu
    assert gpu is not None
    # The end is cut off where the name of a Deployment is long.
    pods = f"{deployment(plan, revision)}-[a-z0-9]+(-[a-z0-9]+)?"
    total = f"sum({of_gpus('busy', plan.namespace, pods, times=_PERCENT_OF_SHARE)})"
    return total if gpu.count == 1 else f"{total} / {gpu.count}"
