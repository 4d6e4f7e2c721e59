"""What runs in a cluster is billed through the cluster's nodes: it is named, and not estimated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from .resource import Assumed, Charge, Gap, Pricer, Properties, Resource, fixed

__all__ = ["PRICED"]


def _workload(resource: Resource) -> Iterator[Charge | Gap | Assumed]:
    spec = resource.properties.part("spec")
    if spec.has("jobTemplate"):
        spec = spec.part("jobTemplate").part("spec")
    pod = spec.part("template").part("spec") if spec.has("template") else spec
    gpus = _gpus(pod)
    count = spec.number("replicas", 1)
    each = ", ".join(f"{number:g} {name}" for name, number in gpus.items())
    asked = f" ({count:g} x {each})" if gpus else ""
    yield Gap(f"billed through the cluster's nodes: not estimated{asked}")


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
    "kubernetes:apps:DaemonSet": _workload,
    "kubernetes:apps:Deployment": _workload,
    "kubernetes:apps:StatefulSet": _workload,
    "kubernetes:batch:CronJob": _workload,
    "kubernetes:batch:Job": _workload,
    "kubernetes:core:PersistentVolumeClaim": fixed(
        Gap("the disk behind it is billed by the GB and not estimated")
    ),
    "kubernetes:core:Pod": _workload,
    "kubernetes:core:Service": _service,
}
"""Who prices a type, by the type's token without the API's version."""
