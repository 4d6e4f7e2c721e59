"""The load that is measured for each replica, as Application Auto Scaling reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from modelberth.aws.monitoring.signals import Role, kinds
from modelberth.aws.sagemaker.instances import Instance, instance_type, instances
from modelberth.aws.sagemaker.names import endpoint_name
from modelberth.aws.sagemaker.variants import by_components
from modelberth.aws.scaled import CloudWatchMetric
from modelberth.errors import Problem, shown
from modelberth.spec.sagemaker import Async, RealTime, Serverless

if TYPE_CHECKING:
    from modelberth.aws.plan import Plan
    from modelberth.spec import EndpointSpec
    from modelberth.spec.sagemaker import SageMakerTarget

__all__ = [
    "Measure",
    "backlog_without_capacity",
    "measure",
    "problems",
    "refused_without_capacity",
    "value",
]

# https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PredefinedMetricSpecification.html
_PREDEFINED: Final = {
    ("variant", "concurrency"): "SageMakerVariantConcurrentRequestsPerModelHighResolution",
    ("variant", "requests_per_second"): "SageMakerVariantInvocationsPerInstance",
    ("component", "concurrency"): "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution",
    ("component", "requests_per_second"): "SageMakerInferenceComponentInvocationsPerCopy",
}
_WARM_USE: Final = "SageMakerVariantProvisionedConcurrencyUtilization"
_NAMESPACE: Final = "AWS/SageMaker"
_MINUTE_SECONDS: Final = 60
_USUAL: Final = 0.7
_USUAL_PERCENT: Final = 70.0


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric, predefined or of CloudWatch, and the value that one replica should run at."""

    metric: str | CloudWatchMetric
    value: float


def value(spec: EndpointSpec) -> float:
    """Return what one replica should run at, in the unit of `scaling.metric`."""
    target, metric = spec.scaling.target, spec.scaling.metric
    if target is not None:
        return target
    return _USUAL_PERCENT if metric in {"cpu", "gpu"} else _USUAL * spec.limits.concurrency


def measure(plan: Plan[SageMakerTarget], name: str) -> Measure:
    """Return what the number of replicas follows.

    Args:
        plan: the endpoint
        name: of the variant or of the inference component

    """
    spec, mode, wanted = plan.spec, plan.target.mode, value(plan.spec)
    metric = spec.scaling.metric
    if isinstance(mode, Serverless):
        return Measure(_WARM_USE, wanted / spec.limits.concurrency)
    if metric in {"cpu", "gpu"}:
        return _of_hardware(plan, name, wanted)
    if isinstance(mode, Async):
        # What is being computed is counted with what waits: the two of them are the requests at an instance.
        return Measure(_of_endpoint(plan, "ApproximateBacklogSizePerInstance", "Average"), wanted)
    what = "component" if by_components(mode) else "variant"
    times = _MINUTE_SECONDS if metric == "requests_per_second" else 1
    return Measure(_PREDEFINED[what, metric], wanted * times)


def backlog_without_capacity(plan: Plan[SageMakerTarget]) -> CloudWatchMetric:
    """Return the metric that is 1 while requests wait at an asynchronous endpoint without an instance."""
    return _of_endpoint(plan, "HasBacklogWithoutCapacity", "Average")


def refused_without_capacity(component: str) -> CloudWatchMetric:
    """Return the metric that counts requests for which there was no copy."""
    metric = kinds()["sagemaker-components"].metrics["spilled"]
    return CloudWatchMetric(
        metric.namespace, metric.name, {"InferenceComponentName": component}, metric.statistic
    )


def problems(spec: EndpointSpec, target: SageMakerTarget) -> Iterator[Problem]:
    """Yield a load that nothing measures, and an aim that is never reached."""
    yield from _unmeasured(spec, target)
    scaling, mode, concurrency, aim = spec.scaling, target.mode, spec.limits.concurrency, value(spec)
    if scaling.metric != "concurrency":
        return
    if isinstance(mode, Serverless) and scaling.min > 0 and aim >= concurrency:
        allowed = f"below limits.concurrency, {concurrency}"
        hint = "It is the share of the warm environments that may be busy before more are warmed."
        yield Problem("scaling.target", shown(scaling.target), allowed, hint)
    if isinstance(mode, RealTime) and aim > concurrency:
        hint = "A replica refuses what is above that: the load would never be seen to be too high."
        yield Problem(
            "scaling.target", shown(scaling.target), f"at most limits.concurrency, {concurrency}", hint
        )


def _unmeasured(spec: EndpointSpec, target: SageMakerTarget) -> Iterator[Problem]:
    metric, mode = spec.scaling.metric, target.mode
    path, given = "scaling.metric", shown(metric)
    match mode:
        case Serverless() if metric != "concurrency":
            hint = "An environment has one request at a time."
            yield Problem(path, given, "'concurrency' with target.mode serverless", hint)
        case RealTime() if metric == "queue_depth":
            hint = (
                "Nothing waits in front of an instance; what waits in the container is in progress as well."
            )
            yield Problem(path, given, "'concurrency' with target.mode real_time", hint)
        case Async() if metric == "requests_per_second":
            hint = "An asynchronous endpoint tells how many requests wait, and not how many come."
            yield Problem(path, given, "'queue_depth' with target.mode async", hint)
    if isinstance(mode, Serverless) or metric not in {"cpu", "gpu"}:
        return
    if metric == "gpu" and spec.resources.gpu is None:
        yield Problem(path, given, "'gpu' with resources.gpu alone", "The endpoint has no GPUs.")
    elif not by_components(mode) and _instance(spec, target) is None:
        yield Problem(
            "target.mode.instance_type",
            shown(instance_type(spec, target)),
            f"a type whose processors and GPUs are known, with scaling.metric {metric}",
            "SageMaker adds up the percentages of all that an instance has, so 70 is little for many; "
            "scaling.metric concurrency needs no such number.",
        )


def _of_hardware(plan: Plan[SageMakerTarget], name: str, percent: float) -> Measure:
    role: Role = "gpu_use" if plan.spec.scaling.metric == "gpu" else "cpu_use"
    if by_components(plan.target.mode):
        found = kinds()["sagemaker-components"].metrics[role]
        dimensions, times = {"InferenceComponentName": name}, 1
    else:
        found = kinds()["sagemaker"].metrics[role]
        dimensions = {"EndpointName": endpoint_name(plan), "VariantName": name}
        instance = _instance(plan.spec, plan.target)
        assert instance is not None, "`problems` tells it"
        times = instance.gpus if role == "gpu_use" else instance.processors
    metric = CloudWatchMetric(found.namespace, found.name, dimensions, found.statistic, found.unit)
    return Measure(metric, percent * times)


def _of_endpoint(plan: Plan[SageMakerTarget], name: str, statistic: str) -> CloudWatchMetric:
    return CloudWatchMetric(_NAMESPACE, name, {"EndpointName": endpoint_name(plan)}, statistic)


def _instance(spec: EndpointSpec, target: SageMakerTarget) -> Instance | None:
    name = instance_type(spec, target)
    return instances().get(name) if name is not None else None
