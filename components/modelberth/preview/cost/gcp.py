"""What Google bills for: Cloud Run, GKE and keys; Vertex AI has a file of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil
from typing import Final

from .nodes import machines, sized
from .resource import Assumed, Charge, Gap, Pricer, Properties, Resource, each_serves_all, fixed
from .traffic import MONTH_HOURS, MONTH_SECONDS, Amounts, requests, serving, up

__all__ = ["PRICED"]

_DEFAULT_MAX: Final = 100
_DEFAULT_CONCURRENCY: Final = 80
_IDLE_SECONDS: Final = 900
"""An idle instance is kept for up to 15 minutes (https://cloud.google.com/run/docs/about-instance-autoscaling)."""
_WITH_GPUS: Final = ("a2-", "a3-", "a4-", "a4x-", "g2-", "g4-")
"""Families whose machines come with their GPUs (https://docs.cloud.google.com/compute/docs/gpus)."""
_ROUNDED: Final = 0.1
"""Cloud Run bills in steps of 100 ms (https://cloud.google.com/run/pricing)."""


def _service(resource: Resource) -> Iterator[Charge | Gap | Assumed]:
    template = resource.properties.part("template")
    containers = template.parts("containers") or [Properties({})]
    limits = [container.part("resources").part("limits") for container in containers]
    cpu = sum(limit.cores("cpu", 1) for limit in limits)
    memory = sum(limit.gib("memory", "512Mi") for limit in limits)
    gpus = sum(limit.number("nvidia.com/gpu", 0) for limit in limits)
    low, high = _bounds(resource.properties, template)
    each = template.number("maxInstanceRequestConcurrency", 0) or _DEFAULT_CONCURRENCY
    # With `resources` and without `cpuIdle`, the processor is always allocated (the provider's own words).
    main = containers[0]
    by_request = main.part("resources").flag("cpuIdle", default=not main.has("resources")) and not gpus
    size = f"{cpu:g} vCPU and {memory:g} GiB"
    if by_request:
        yield from _by_request(resource, cpu, memory, (low, high, each), size)
    else:
        seconds = up(resource.load, low, high, each, _IDLE_SECONDS)
        yield from _compute("instance", f"while an instance of {size} is up", seconds, cpu, memory)
        if gpus:
            yield from _gpu(template, seconds.times(gpus))
        if low == 0:
            yield Assumed("an instance of Cloud Run stays up for 15 minutes after its last request")
    yield from _other_revisions(resource.properties, template)
    yield from each_serves_all(resource, "Cloud Run service")
    if not template.part("scaling").has("maxInstanceCount"):
        yield Assumed(
            f"at most {_DEFAULT_MAX} instances, Cloud Run's default, where the service says nothing"
        )


def _other_revisions(properties: Properties, template: Properties) -> Iterator[Gap]:
    """Each revision with a share or a tag keeps the least instances that it was made with.

    https://docs.cloud.google.com/run/docs/configuring/min-instances, on instances at the level of a revision.
    """
    named = {str(entry.peek("revision")) for entry in properties.parts("traffics") if entry.has("revision")}
    others = len(named - {str(template.peek("revision"))})
    if others and template.part("scaling").number("minInstanceCount", 0):
        which = f"{others} other revision{'s' if others > 1 else ''} with a share or a tag"
        yield Gap(f"the least instances of {which} are billed as well and not estimated")


def _bounds(properties: Properties, template: Properties) -> tuple[float, float]:
    """Least and greatest number of instances: the revision's, or the service's where they are more."""
    service, revision = properties.part("scaling"), template.part("scaling")
    if service.text("scalingMode", "AUTOMATIC") == "MANUAL":
        count = service.number("manualInstanceCount")
        return count, count
    low = max(service.number("minInstanceCount", 0), revision.number("minInstanceCount", 0))
    return low, max(low, revision.number("maxInstanceCount", _DEFAULT_MAX))


def _by_request(
    resource: Resource, cpu: float, memory: float, scaling: tuple[float, float, float], size: str
) -> Iterator[Charge]:
    low, high, each = scaling
    load = resource.load
    busy = serving(load, high, each)
    rounded = ceil(round(load.request_time.seconds / _ROUNDED, 6)) * _ROUNDED
    billed = Amounts(0, min(busy.expected * rounded / load.request_time.seconds, busy.most), busy.most)
    idle = Amounts(*(max(low * MONTH_SECONDS - seconds, 0) for seconds in busy))
    yield from _compute("request", f"while an instance of {size} serves", billed, cpu, memory)
    if low:
        yield from _compute("idle", f"while one of the {low:g} least instances waits", idle, cpu, memory)
    served = requests(load, high * each).times(1e-6)
    yield Charge("Cloud Run: requests", "gcp.run.requests", served, "Cloud Run requests")


def _compute(billing: str, when: str, seconds: Amounts, cpu: float, memory: float) -> Iterator[Charge]:
    prefix, kind = f"gcp.run.{billing}", f"Cloud Run, {billing}-based,"
    yield Charge(f"Cloud Run: processor {when}", f"{prefix}.cpu", seconds.times(cpu), f"{kind} processor")
    yield Charge(f"Cloud Run: memory {when}", f"{prefix}.memory", seconds.times(memory), f"{kind} memory")


def _gpu(template: Properties, seconds: Amounts) -> Iterator[Charge]:
    kind = template.part("nodeSelector").text("accelerator")
    zonal = not template.flag("gpuZonalRedundancyDisabled", default=False)
    price = f"gcp.run.gpu.{kind}" + (".zonal" if zonal else "")
    subject = f"{kind} {'with' if zonal else 'without'} zonal redundancy on Cloud Run"
    yield Charge(f"Cloud Run: {kind}", price, seconds, subject)


def _cluster(resource: Resource) -> Iterator[Charge | Gap | Assumed]:
    properties = resource.properties
    yield Charge(
        "GKE: cluster", "gcp.gke.cluster", Amounts.always(MONTH_HOURS), "the management of a GKE cluster"
    )
    if properties.flag("enableAutopilot", default=False):
        yield Gap("Autopilot bills what the pods ask for: not estimated")
    elif not properties.flag("removeDefaultNodePool", default=False):
        count = properties.number("initialNodeCount", 0) * _zones(properties)
        if count:
            yield from _pool(properties.part("nodeConfig"), Amounts.always(count))
    if properties.parts("nodePools"):
        yield Gap("the node pools within the cluster's own properties are not estimated")


def _node_pool(resource: Resource) -> Iterator[Charge | Gap | Assumed]:
    properties = resource.properties
    zones = _zones(properties)
    scaling = properties.part("autoscaling")
    initial = properties.number("nodeCount", properties.number("initialNodeCount", 1)) * zones
    if not properties.has("autoscaling"):
        count = Amounts.always(initial)
    else:
        low = scaling.number("totalMinNodeCount", scaling.number("minNodeCount", 0) * zones)
        high = scaling.number("totalMaxNodeCount", scaling.number("maxNodeCount", 0) * zones)
        count = sized(low, initial, high)
    yield from _pool(properties.part("nodeConfig"), count)
    if not properties.has("nodeLocations"):
        yield Assumed(f"{resource.step.name}: nodes in {zones} zones, as its location says")


def _pool(config: Properties, count: Amounts) -> Iterator[Charge | Gap | Assumed]:
    if config.flag("spot", default=False) or config.flag("preemptible", default=False):
        yield Gap("Spot nodes: their price changes and is not estimated")
        return
    kind = config.text("machineType", "e2-medium")
    yield from machines("GKE: node", "gcp.compute.machine", kind, count)
    # The price of these includes their accelerators.
    if not kind.startswith(_WITH_GPUS):
        for accelerator in config.parts("guestAccelerators"):
            name, each = accelerator.text("type"), accelerator.number("count", 1)
            hours = count.times(each * MONTH_HOURS)
            yield Charge(f"GKE: {name}", f"gcp.compute.gpu.{name}", hours, name)


def _zones(properties: Properties) -> int:
    """Zones that a pool has nodes in: those named, one for a zonal location, three for a regional one."""
    named = len(properties.items("nodeLocations"))
    return named or (3 if properties.text("location", "").count("-") == 1 else 1)


def _compute_class(resource: Resource) -> Iterator[Gap]:
    """Its machines are those that the pods which wait need: the class says only which they may be."""
    rules = resource.properties.part("spec").parts("priorities")
    named = [rule.text("machineType", "") or rule.part("gpu").text("type", "") for rule in rules]
    kinds = list(dict.fromkeys(filter(None, named)))
    these = f" of {', '.join(kinds)}" if kinds else ""
    yield Gap(f"the nodes{these} that GKE makes for pods that wait: not estimated", idle=False)


PRICED: Final[Mapping[str, Pricer]] = {
    "gcp:cloudrunv2/service:Service": _service,
    "gcp:container/cluster:Cluster": _cluster,
    "gcp:container/nodePool:NodePool": _node_pool,
    "gcp:kms/cryptoKey:CryptoKey": fixed(
        Charge("Cloud KMS: key version", "gcp.kms.key", Amounts.always(1), "a version of a key"),
        Gap("operations with the key, and versions that its rotation adds, are not estimated"),
    ),
    "kubernetes:cloud.google.com:ComputeClass": _compute_class,
}
"""Who prices a type, by the type's token."""
