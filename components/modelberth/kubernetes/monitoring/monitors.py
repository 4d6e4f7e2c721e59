"""How Prometheus finds an endpoint's pods, and what of `spec.monitoring` it cannot do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelberth.errors import Problem, shown
from modelberth.kubernetes.crds import api_version
from modelberth.kubernetes.monitoring.engine_metrics import engine_metrics
from modelberth.runtime_table import runtimes
from modelberth.spec.rollout import Canary

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Manifest, Plan
    from modelberth.spec import Duration, EndpointSpec, KubernetesTarget

__all__ = ["monitors", "problems"]


def monitors(plan: Plan) -> dict[str, Manifest]:
    """Return the operator's PodMonitor; nothing without the operator, or without metrics.

    It selects pods, not Services: so it finds every revision, and nothing has to route to the port.
    """
    container = plan.container(plan.main)
    if not plan.target.prometheus.operator or container.metrics is None:
        return {}
    ports = {number: name for name, number in container.ports.items()}
    # Ray's processes have their own metrics, and those of the engine under other names.
    is_ray = plan.target.engine == "ray"
    port, path = (
        ("metrics", "/metrics") if is_ray else (ports[container.metrics.port], container.metrics.path)
    )
    labels = {**plan.labels(), **plan.target.prometheus.labels}
    return {
        "pod-monitor": {
            "apiVersion": api_version("PodMonitor"),
            "kind": "PodMonitor",
            "metadata": {"name": plan.name, "namespace": plan.namespace, "labels": labels},
            "spec": {
                "jobLabel": "app.kubernetes.io/instance",
                "podTargetLabels": [
                    "app.kubernetes.io/instance",
                    "app.kubernetes.io/version",
                    "modelberth/revision",
                ],
                "selector": {"matchLabels": plan.selector()},
                "podMetricsEndpoints": [{"port": port, "path": path}],
            },
        }
    }


def problems(spec: EndpointSpec, _: KubernetesTarget) -> Iterator[Problem]:
    """Yield what an alert is asked of and no metric tells, in the order of the spec."""
    rollout, monitoring = spec.rollout, spec.monitoring
    guard = rollout.guard if isinstance(rollout, Canary) and rollout.previous is not None else None
    if guard is not None and guard.max_latency_p99 is not None:
        yield from _measurable(spec, "rollout.guard.max_latency_p99", guard.max_latency_p99)
    if not monitoring.metrics:
        watched = {
            "rollout.guard": guard is not None,
            "monitoring.slo": monitoring.slo is not None,
            "monitoring.drift": monitoring.drift is not None,
        }
        for path in (path for path, is_set in watched.items() if is_set):
            yield Problem("monitoring.metrics", "false", f"true, since {path} is watched by metrics")
    if monitoring.slo is not None and monitoring.slo.latency_p99 is not None:
        yield from _measurable(spec, "monitoring.slo.latency_p99", monitoring.slo.latency_p99)
    if monitoring.drift is not None and monitoring.drift.reference != spec.model.uri:
        yield Problem(
            "monitoring.drift.reference",
            shown(monitoring.drift.reference),
            "the uri of the model itself",
            "The server compares with the histograms of the training data in the model's package, not with "
            "a data set.",
        )


def _measurable(spec: EndpointSpec, path: str, latency: Duration) -> Iterator[Problem]:
    engine = spec.runtime.engine
    longest = engine_metrics()[engine].longest
    title = runtimes()[engine].title
    if not longest:
        hint = f"{title} tells the mean of its latency, no percentile."
        yield Problem(path, shown(str(latency)), f"nothing with engine {engine}", hint)
    elif latency.seconds > longest:
        allowed = f"up to {longest:g}s with engine {engine}"
        yield Problem(path, shown(str(latency)), allowed, f"{title} does not tell longer times apart.")
