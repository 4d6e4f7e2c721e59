"""SageMaker: an endpoint is billed by the instances of its configuration's variants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from .autoscaling import requests_at_once, target_of
from .resource import Assumed, Charge, Gap, Pricer, Properties, Resource, Undecided, each_serves_all
from .traffic import MONTH_HOURS, replicas, requests

__all__ = ["PRICED"]

_CONFIGS: Final = (
    "aws:sagemaker/endpointConfiguration:EndpointConfiguration",
    "aws-native:sagemaker:EndpointConfig",
)
_MEGABYTES: Final = 1024


def _endpoint(resource: Resource) -> Iterator[Charge | Gap | Assumed]:
    config = resource.referred("endpointConfigName", *_CONFIGS)
    if config is None:
        raise Undecided("endpointConfigName decides the price and is of no configuration in this stack")
    properties = config.properties
    for variant in (*properties.parts("productionVariants"), *properties.parts("shadowProductionVariants")):
        if variant.has("serverlessConfig"):
            yield from _serverless(resource, variant.part("serverlessConfig"))
        else:
            yield from _instances(resource, variant)
    yield from each_serves_all(resource, "SageMaker endpoint")
    yield Gap("the data that goes in and out is billed by the GB and not estimated", idle=False)


def _instances(resource: Resource, variant: Properties) -> Iterator[Charge | Gap | Assumed]:
    kind = variant.text("instanceType")
    name = variant.text("variantName", "")
    scaled = target_of(resource, "sagemaker", f"/variant/{name}")
    managed = variant.part("managedInstanceScaling")
    fixed = variant.number("initialInstanceCount", 1)
    low, high = scaled or (fixed, fixed)
    if scaled is None and managed.text("status", "DISABLED") == "ENABLED":
        low, high = managed.number("minInstanceCount"), managed.number("maxInstanceCount")
    each = requests_at_once(resource) or 1
    count = replicas(resource.load, low, high, each)
    price = f"aws.sagemaker.hosting.{kind}"
    yield Charge(f"SageMaker: {kind}, variant {name}", price, count.times(MONTH_HOURS), kind)
    if low < high:
        yield Assumed(f"{resource.step.name}: one {kind} takes {each:g} requests at a time")


def _serverless(resource: Resource, config: Properties) -> Iterator[Charge | Gap | Assumed]:
    size = config.number("memorySizeInMb") / _MEGABYTES
    served = requests(resource.load, config.number("maxConcurrency"))
    yield Charge(
        f"SageMaker: serverless, {size:g} GB",
        f"aws.sagemaker.serverless.{size:g}GB",
        served.times(resource.load.request_time.seconds),
        f"serverless inference with {size:g} GB",
    )
    if config.number("provisionedConcurrency", 0):
        yield Gap("its provisioned concurrency is billed at every load and not estimated")


PRICED: Final[Mapping[str, Pricer]] = {
    "aws:sagemaker/endpoint:Endpoint": _endpoint,
    "aws-native:sagemaker:Endpoint": _endpoint,
}
"""Who prices a type, by the type's token."""
