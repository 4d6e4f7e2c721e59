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
_KEDA_MAX: Final = 100
"""`maxReplicaCount` where a ScaledObject does not say (https://keda.sh/docs/latest/reference/scaledobject-spec/)."""


def _workload(resource: Resource) -> Iterator[Charge | Gap | Assumed]:
    spec = resource.properties.part("spec")
    if spec.has("jobTemplate"):
        spec = spec.part("jobTemplate").part("spec")
    pod = spec.part("template").part("spec") if spec.has("template") else spec
    gpus = _gpus(pod)
    each = ", ".join(f"{number:g} {name}" for name, number in gpus.items())
    asked = f" ({_pods(resource, spec)} x {each})" if gpus else ""
    yield Gap(f"billed through the cluster's nodes: not estimated{asked}")


def _pods(resource: Resource, spec: Properties) -> str:
    """How many pods there are: as many as an autoscaler that targets the workload allows, else as it says."""
    if resource.kind == _DAEMONS:
        return "on each node 1"
    if resource.kind in _JOBS:
        return f"{spec.number('parallelism', 1):g}"
    bounds = [_bounds(scaler) for scaler in resource.anywhere(_HPA, _KEDA) if _targets(scaler, resource)]
    if not bounds:
        return f"{spec.number('replicas', 1):g}"
    low, high = min(low for low, _ in bounds), max(high for _, high in bounds)
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


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
    if target.text("kind", "Deployment") != workload.kind.rpartition(":")[2]:
        return False
    (name, space), (own, own_space) = _named(scaler, target.peek("name")), _named(workload)
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


def _gpus(pod: Properties) -> Mapping[str, float]:
    """Accelerators that one pod asks for, by the resource's name: all extended resources."""
    found: dict[str, float] = {}
    for container in pod.parts("containers"):
        limits = container.part("resources").get("limits") or {}
        for name in limits:
            if "/" in name:
                number = container.part("resources").part("limits").number(name)
                found[name] = found.get(name, 0) + number
    return found


def _service(resource: Resource) -> Iterator[Charge | Gap | Assumed]:
    if resource.properties.part("spec").text("type", "ClusterIP") == "LoadBalancer":
        yield Gap("the load balancer that the cloud puts before it is billed and not estimated")


PRICED: Final[Mapping[str, Pricer]] = {
    _DAEMONS: _workload,
    "kubernetes:apps:Deployment": _workload,
    "kubernetes:apps:StatefulSet": _workload,
    **dict.fromkeys(_JOBS, _workload),
    "kubernetes:core:PersistentVolumeClaim": fixed(
        Gap("the disk behind it is billed by the GB and not estimated")
    ),
    "kubernetes:core:Pod": _workload,
    "kubernetes:core:Service": _service,
}
"""Who prices a type, by the type's token without the API's version."""
