"""What runs in a cluster is billed through the cluster's nodes: it is named, and not estimated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from .resource import Assumed, Charge, Gap, Pricer, Properties, Resource, fixed, inputs_of, outputs_of

__all__ = ["PRICED"]

_DAEMONS: Final = "kubernetes:apps:DaemonSet"
_JOBS: Final = ("kubernetes:batch:CronJob", "kubernetes:batch:Job")
_HPA: Final = "kubernetes:autoscaling:HorizontalPodAutoscaler"
_KEDA: Final = "kubernetes:keda.sh:ScaledObject"
_CLAIMS: Final = "kubernetes:resource.k8s.io:ResourceClaimTemplate"
_PREDICTOR: Final = "kubernetes:serving.kserve.io:InferenceService"
_LANGUAGE: Final = "kubernetes:serving.kserve.io:LLMInferenceService"
_RAY: Final = "kubernetes:ray.io:RayService"
_MADE_BY: Final = {_PREDICTOR: "-predictor", _LANGUAGE: "-kserve"}
"""What KServe adds to a name for the Deployment that it makes."""
_KEDA_MAX: Final = 100
"""`maxReplicaCount` where a ScaledObject does not say (https://keda.sh/docs/latest/reference/scaledobject-spec/)."""


def _workload(resource: Resource) -> Iterator[Charge | Gap | Assumed]:
    spec = resource.properties.part("spec")
    if spec.has("jobTemplate"):
        spec = spec.part("jobTemplate").part("spec")
    pod = spec.part("template").part("spec") if spec.has("template") else spec
    yield _gap(_pods(resource, spec), _gpus(pod, resource))


def _predictor(resource: Resource) -> Iterator[Charge | Gap | Assumed]:
    """KServe's, which makes pods of what a Deployment would have; `minReplicas` is 1 unless given."""
    predictor = resource.properties.part("spec").part("predictor")
    low = predictor.number("minReplicas", 1)
    high = max(low, predictor.number("maxReplicas", low))
    yield _gap(_span(*(_scaled(resource) or (low, high))), _gpus(predictor, resource))


def _language_model(resource: Resource) -> Iterator[Charge | Gap | Assumed]:
    spec = resource.properties.part("spec")
    count = spec.number("replicas", 1)
    yield _gap(_span(*(_scaled(resource) or (count, count))), _gpus(spec.part("template"), resource))


def _ray(resource: Resource) -> Iterator[Charge | Gap | Assumed]:
    """The workers of each group; the head holds them together and computes nothing."""
    groups = resource.properties.part("spec").part("rayClusterConfig").parts("workerGroupSpecs")
    for group in groups:
        count = group.number("replicas", 1)
        yield _gap(f"{count:g}", _gpus(group.part("template").part("spec"), resource))
    if not groups:
        yield _gap("0", {})


def _gap(pods: str, gpus: Mapping[str, float]) -> Gap:
    each = ", ".join(f"{number:g} {name}" for name, number in gpus.items())
    asked = f" ({pods} x {each})" if gpus else ""
    return Gap(f"billed through the cluster's nodes{asked}")


def _pods(resource: Resource, spec: Properties) -> str:
    """How many pods there are: as many as an autoscaler that targets the workload allows, else as it says."""
    if resource.kind == _DAEMONS:
        return "on each node 1"
    if resource.kind in _JOBS:
        return f"{spec.number('parallelism', 1):g}"
    bounds = _scaled(resource)
    return _span(*bounds) if bounds else f"{spec.number('replicas', 1):g}"


def _span(low: float, high: float) -> str:
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _scaled(resource: Resource) -> tuple[float, float] | None:
    """Least and greatest number of replicas by the autoscalers of a workload; None where it has none."""
    bounds = [_bounds(scaler) for scaler in resource.anywhere(_HPA, _KEDA) if _targets(scaler, resource)]
    return (min(low for low, _ in bounds), max(high for _, high in bounds)) if bounds else None


def _bounds(scaler: Resource) -> tuple[float, float]:
    """Least and greatest number of replicas, with the defaults of the Kubernetes API and of KEDA."""
    spec = scaler.properties.part("spec")
    if scaler.kind == _KEDA:
        low, high = spec.number("minReplicaCount", 0), spec.number("maxReplicaCount", _KEDA_MAX)
        return spec.number("idleReplicaCount", low), high
    return spec.number("minReplicas", 1), spec.number("maxReplicas")


def _targets(scaler: Resource, workload: Resource) -> bool:
    """Whether an autoscaler is of the workload; one of an unknown name is of the only one of its kind."""
    target = scaler.properties.part("spec").part("scaleTargetRef")
    suffix = _MADE_BY.get(workload.kind, "")
    if target.text("kind", "Deployment") != ("Deployment" if suffix else workload.kind.rpartition(":")[2]):
        return False
    (name, space), (own, own_space) = _named(scaler, target.peek("name")), _named(workload)
    own = f"{own}{suffix}" if own else own
    if name and own:
        return name == own and space == own_space
    return not workload.anywhere(workload.kind)


def _named(resource: Resource, name: Any = None) -> tuple[str, str]:
    """A name and the namespace that it is in, each empty where it cannot be known yet."""
    sides = (inputs_of(resource.step, resource.side) or {}, outputs_of(resource.step, resource.side))
    metadata = [part for side in sides if isinstance(part := side.get("metadata"), Mapping)]
    names, spaces = ([part.get(key) for part in metadata] for key in ("name", "namespace"))
    found = [one for one in ([name] if name is not None else names) if isinstance(one, str)]
    space = [one for one in spaces if isinstance(one, str)]
    return (found[0] if found else "", space[0] if space else "default")


def _gpus(pod: Properties, resource: Resource) -> Mapping[str, float]:
    """Accelerators that one pod asks for, by the resource's name: all extended resources, and claims."""
    found: dict[str, float] = {}
    for container in (*pod.parts("containers"), pod.part("model")):  # a predictor's may be its `model`
        limits = container.part("resources").get("limits") or {}
        for name in limits:
            if "/" in name:
                number = container.part("resources").part("limits").number(name)
                found[name] = found.get(name, 0) + number
    for claim in pod.parts("resourceClaims"):
        for name, number in _claimed(claim.peek("resourceClaimTemplateName"), resource):
            found[name] = found.get(name, 0) + number
    return found


def _claimed(template: Any, resource: Resource) -> Iterator[tuple[str, float]]:
    """Devices of a claim, by their class."""
    for claims in resource.anywhere(_CLAIMS):
        if _named(claims)[0] != template:
            continue
        for request in claims.properties.part("spec").part("spec").part("devices").parts("requests"):
            exactly = request.part("exactly")
            yield exactly.text("deviceClassName", "a device"), exactly.number("count", 1)


def _service(resource: Resource) -> Iterator[Charge | Gap | Assumed]:
    if resource.properties.part("spec").text("type", "ClusterIP") == "LoadBalancer":
        yield Gap("the load balancer that the cloud puts before it is billed and not estimated")


def _pool(resource: Resource) -> Iterator[Charge | Gap | Assumed]:
    """Karpenter's machines are those that the pods which wait need: the pool says only how many at most."""
    limits = resource.properties.part("spec").part("limits")
    gpus = limits.text("nvidia.com/gpu", "") if limits.has("nvidia.com/gpu") else ""
    bound = f", at most {gpus} GPU{'s' if gpus != '1' else ''}" if gpus else ""
    yield Gap(f"the machines that Karpenter starts for pods that wait{bound}: not estimated", idle=False)


PRICED: Final[Mapping[str, Pricer]] = {
    "kubernetes:karpenter.sh:NodePool": _pool,
    _DAEMONS: _workload,
    "kubernetes:apps:Deployment": _workload,
    "kubernetes:apps:StatefulSet": _workload,
    **dict.fromkeys(_JOBS, _workload),
    "kubernetes:core:PersistentVolumeClaim": fixed(
        Gap("the disk behind it is billed by the GB and not estimated")
    ),
    "kubernetes:core:Pod": _workload,
    "kubernetes:core:Service": _service,
    _LANGUAGE: _language_model,
    _PREDICTOR: _predictor,
    _RAY: _ray,
}
"""Who prices a type, by the type's token without the API's version."""
