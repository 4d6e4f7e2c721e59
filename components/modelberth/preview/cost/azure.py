"""What Microsoft bills for: Container Apps, Azure ML, AKS and registries."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from .nodes import machines, sized
from .resource import Assumed, Charge, Gap, Pricer, Properties, Resource, Undecided, each_serves_all
from .traffic import MONTH_DAYS, MONTH_HOURS, MONTH_SECONDS, Amounts, replicas, requests, serving, up

__all__ = ["PRICED"]

_DEFAULT_MAX: Final = 10
_DEFAULT_CONCURRENCY: Final = 10
_COOLDOWN: Final = 300.0
"""Seconds that the last replica stays after a request (https://learn.microsoft.com/azure/container-apps/scale-app)."""
_ENVIRONMENT: Final = "azure-native:app:ManagedEnvironment"
_GPU_PROFILE: Final = re.compile(r"Consumption-GPU-\w+-(?P<gpu>\w+)")


def _container_app(resource: Resource) -> Iterator[Charge | Gap | Assumed]:
    properties = resource.properties
    profile = _profile(resource)
    gpu = _GPU_PROFILE.fullmatch(profile)
    if profile != "Consumption" and gpu is None:
        yield Gap(f"workload profile {profile}: billed by its nodes, not estimated")
        return
    template = properties.part("template")
    containers = template.parts("containers")
    cpu = sum(container.part("resources").cores("cpu", 0.5) for container in containers)
    memory = sum(container.part("resources").gib("memory", "1Gi") for container in containers)
    scale = template.part("scale")
    low, high = scale.number("minReplicas", 0), scale.number("maxReplicas", _DEFAULT_MAX)
    each = _requests_at_once(scale)
    size = f"{cpu:g} vCPU and {memory:g} GiB"
    if gpu is None:
        busy = serving(resource.load, high, each)
        idle = Amounts(*(max(low * MONTH_SECONDS - seconds, 0) for seconds in busy))
        yield from _compute("active", f"while a replica of {size} serves", busy, cpu, memory)
        if low:
            yield from _compute("idle", f"while one of the {low:g} least replicas waits", idle, cpu, memory)
    else:
        seconds = up(resource.load, low, high, each, scale.number("cooldownPeriod", _COOLDOWN))
        yield from _compute("active", f"while a replica of {size} is up", seconds, cpu, memory)
        kind = gpu["gpu"]
        yield Charge(f"Container Apps: {kind}", f"azure.containerapps.gpu.{kind}", seconds, f"{kind} GPUs")
    served = requests(resource.load, high * each).times(1e-6)
    price = "azure.containerapps.requests"
    yield Charge("Container Apps: requests", price, served, "Container Apps requests")
    yield from each_serves_all(resource, "container app")


def _compute(rate: str, when: str, seconds: Amounts, cpu: float, memory: float) -> Iterator[Charge]:
    for what, name, factor in (("cpu", "processor", cpu), ("memory", "memory", memory)):
        price = f"azure.containerapps.{what}.{rate}"
        yield Charge(
            f"Container Apps: {name} {when}", price, seconds.times(factor), f"Container Apps, {rate} {name}"
        )


def _profile(resource: Resource) -> str:
    """Type of the workload profile; a name is looked up in the environment."""
    name = resource.properties.text("workloadProfileName", "Consumption")
    if name == "Consumption":
        return name
    environments = resource.anywhere(_ENVIRONMENT)
    profiles = [
        part for environment in environments for part in environment.properties.parts("workloadProfiles")
    ]
    kinds = {part.text("workloadProfileType") for part in profiles if part.text("name") == name}
    if len(kinds) == 1:
        return kinds.pop()
    raise Undecided(f"workloadProfileName decides the price, and no environment here tells what {name} is")


def _requests_at_once(scale: Properties) -> float:
    """Requests in progress that one replica is scaled for."""
    for rule in scale.parts("rules"):
        if rule.has("http"):
            return rule.part("http").part("metadata").number("concurrentRequests", 0) or _DEFAULT_CONCURRENCY
    return _DEFAULT_CONCURRENCY


def _deployment(resource: Resource) -> Iterator[Charge | Gap | Assumed]:
    properties = resource.properties.part("properties")
    if properties.text("endpointComputeType", "Managed") != "Managed":
        yield Gap("billed through the cluster's nodes")
        return
    kind = properties.text("instanceType")
    low, high = _capacity(resource)
    each = properties.part("requestSettings").number("maxConcurrentRequestsPerInstance", 1) or 1
    count = replicas(resource.load, low, high, each)
    yield Charge(f"Azure ML: {kind}", f"azure.vm.{kind}", count.times(MONTH_HOURS), kind)
    yield Assumed("an instance of Azure ML costs what the virtual machine costs: no surcharge was found")
    if low < high:
        yield Assumed(f"{resource.step.name}: one {kind} takes {each:g} requests at a time")


def _capacity(resource: Resource) -> tuple[float, float]:
    """Bounds of the number of instances: an autoscale setting's, else the fixed capacity."""
    settings = resource.beside("azure-native:monitor:AutoscaleSetting")
    profiles = [profile for setting in settings for profile in setting.properties.parts("profiles")]
    if not profiles:
        fixed = resource.properties.part("sku").number("capacity", 1)
        return fixed, fixed
    capacities = [profile.part("capacity") for profile in profiles]
    return (
        min(capacity.number("minimum") for capacity in capacities),
        max(capacity.number("maximum") for capacity in capacities),
    )


def _cluster(resource: Resource) -> Iterator[Charge | Gap | Assumed]:
    tier = resource.properties.part("sku").text("tier", "Free")
    if tier != "Free":
        what = f"the {tier} tier of AKS"
        yield Charge(f"AKS: {tier} tier", f"azure.aks.{tier.lower()}", Amounts.always(MONTH_HOURS), what)
    for pool in resource.properties.parts("agentPoolProfiles"):
        yield from _pool(pool)


def _agent_pool(resource: Resource) -> Iterator[Charge | Gap | Assumed]:
    yield from _pool(resource.properties)


def _pool(pool: Properties) -> Iterator[Charge | Gap | Assumed]:
    if pool.text("scaleSetPriority", "Regular") != "Regular":
        yield Gap("Spot nodes: their price changes and is not estimated")
        return
    count = pool.number("count", 1)
    size = Amounts.always(count)
    if pool.flag("enableAutoScaling", default=False):
        size = sized(pool.number("minCount"), count, pool.number("maxCount"))
    yield from machines("AKS: node", "azure.vm", pool.text("vmSize"), size)


def _registry(resource: Resource) -> Iterator[Charge | Gap | Assumed]:
    tier = resource.properties.part("sku").text("name")
    days = Amounts.always(MONTH_DAYS)
    yield Charge(f"Container Registry: {tier}", f"azure.acr.{tier}", days, f"a {tier} registry")
    yield Gap("what it holds beyond what its tier includes is billed by the GB and not estimated")


PRICED: Final[Mapping[str, Pricer]] = {
    "azure-native:app:ContainerApp": _container_app,
    "azure-native:containerregistry:Registry": _registry,
    "azure-native:containerservice:AgentPool": _agent_pool,
    "azure-native:containerservice:ManagedCluster": _cluster,
    "azure-native:machinelearningservices:OnlineDeployment": _deployment,
}
"""Who prices a type, by the type's token."""
