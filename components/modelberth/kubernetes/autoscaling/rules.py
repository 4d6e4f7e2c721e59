"""What the chosen autoscaler cannot do, or could not know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, get_args

from modelberth.errors import Problem, shown
from modelberth.kubernetes.autoscaling.metrics import unmeasured
from modelberth.spec.kubernetes import Keda
from modelberth.spec.scaling import ScaleMetric

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec, KubernetesTarget

__all__ = ["problems"]


def problems(spec: EndpointSpec, target: KubernetesTarget) -> Iterator[Problem]:
    """Yield what the chosen autoscaler cannot do or could not know."""
    if target.engine == "ray":
        return
    scaling, scaler = spec.scaling, target.scaler
    if scaling.min == scaling.max:
        if isinstance(scaler, Keda):
            allowed = (
                f"nothing while scaling.min = scaling.max = {scaling.max}: the number of replicas is fixed"
            )
            yield Problem("target.scaler.kind", shown(scaler.kind), allowed)
        return
    yield from _to_zero_problems(spec, target)
    yield from _metric_problems(spec, target)
    yield from _target_problems(spec)


def _to_zero_problems(spec: EndpointSpec, target: KubernetesTarget) -> Iterator[Problem]:
    if spec.scaling.min > 0:
        return
    scaler = target.scaler
    if not isinstance(scaler, Keda):
        hint = "KEDA can scale to zero: target.scaler.kind keda."
        yield Problem("scaling.min", "0", "1 or more with target.scaler hpa", hint)
        return
    if scaler.waking is None:
        yield Problem(
            "target.scaler.waking",
            "nothing",
            "PromQL that is above 0 while requests wait, with scaling.min = 0",
            "With no replica the endpoint tells nothing, so only what stands in front of it can: a Gateway's "
            "count of answers 503, or the requests that KEDA's HTTP add-on holds. Or set scaling.min to 1.",
        )
    if not spec.monitoring.metrics:
        hint = "Whether the endpoint is in use is told by its metrics."
        yield Problem("monitoring.metrics", "false", "true with scaling.min = 0", hint)


def _metric_problems(spec: EndpointSpec, target: KubernetesTarget) -> Iterator[Problem]:
    metric = spec.scaling.metric
    if why := unmeasured(spec, target, metric):
        known = [one for one in get_args(ScaleMetric) if not unmeasured(spec, target, one)]
        allowed = (
            f"{' or '.join(known)} with engine {spec.runtime.engine} and target.scaler {target.scaler.kind}"
        )
        yield Problem("scaling.metric", shown(metric), allowed, why)


def _target_problems(spec: EndpointSpec) -> Iterator[Problem]:
    given = spec.scaling.target
    if given is None:
        return
    if spec.scaling.metric == "cpu" and given != int(given):
        yield Problem("scaling.target", str(given), "a whole number (percent) for metric cpu")
    elif round(given, 3) == 0:
        yield Problem("scaling.target", str(given), "0.001 or more: Kubernetes keeps thousandths")
