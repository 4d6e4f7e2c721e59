"""What Amazon bills for: Lambda, API Gateway and what stands beside every endpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil
from typing import Final

from .autoscaling import target_of
from .nodes import machines, sized
from .resource import Assumed, Charge, Gap, Pricer, Resource, Undecided, each_serves_all, fixed
from .traffic import MONTH_HOURS, MONTH_SECONDS, Amounts, concurrency, requests

__all__ = ["PRICED"]

_FUNCTION: Final = ("aws:lambda/function:Function",)
_PROVISIONED: Final = "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig"
_ACCOUNT_LIMIT: Final = 1000
"""Executions at a time in an account and region by default (Lambda quotas)."""
_MEGABYTES: Final = 1024
_INCLUDED_STORAGE: Final = 512
_MINUTE: Final = 60
_TRAFFIC: Final = Gap("the traffic through it is billed by the GB and not estimated", idle=False)


def _function(resource: Resource) -> Iterator[Charge | Gap | Assumed]:
    properties = resource.properties
    if properties.has("capacityProviderConfig"):
        yield Gap("it runs on managed instances of its capacity provider: not estimated")
        return
    chip = _chip(resource)
    memory = properties.number("memorySize", 128) / _MEGABYTES
    storage = max(properties.part("ephemeralStorage").number("size", 512) - _INCLUDED_STORAGE, 0) / _MEGABYTES
    served = requests(resource.load, _limit(resource))
    busy = served.times(_billed_time(resource))
    warm = _warm_seconds(resource)
    covered = Amounts(*(min(pair) for pair in zip(busy, warm, strict=True)))
    rest = Amounts(*(total - part for total, part in zip(busy, covered, strict=True)))
    yield Charge("Lambda: requests", f"aws.lambda.requests.{chip}", served.times(1e-6), "Lambda requests")
    duration = f"Lambda: duration, {memory:g} GB on {chip}"
    yield Charge(duration, f"aws.lambda.duration.{chip}", rest.times(memory), "Lambda duration")
    if warm.most:
        price = f"aws.lambda.provisioned-duration.{chip}"
        yield Charge(f"{duration}, provisioned", price, covered.times(memory), "Lambda provisioned duration")
    if storage:
        yield Charge(
            f"Lambda: {storage:g} GB of /tmp beyond what is included",
            f"aws.lambda.storage.{chip}",
            busy.times(storage),
            "Lambda ephemeral storage",
        )
    yield from _said(resource)
    yield from each_serves_all(resource, "Lambda function")


def _said(resource: Resource) -> Iterator[Assumed]:
    if resource.properties.number("reservedConcurrentExecutions", -1) < 0:
        yield Assumed(
            f"at most {_ACCOUNT_LIMIT:,} executions at a time, the default of an account, where a function "
            "reserves none"
        )
    wanted = resource.load.request_time.seconds
    if _billed_time(resource) < wanted:
        yield Assumed(f"{resource.step.name}: a request ends at the function's timeout, before {wanted:g} s")


def _provisioned(resource: Resource) -> Iterator[Charge | Gap | Assumed]:
    function = resource.referred("functionName", *_FUNCTION)
    if function is None:
        raise Undecided("functionName decides the price and is of no function in this stack")
    memory = function.properties.number("memorySize", 128) / _MEGABYTES
    chip = _chip(function)
    yield Charge(
        f"Lambda: provisioned concurrency, {memory:g} GB on {chip}",
        f"aws.lambda.provisioned.{chip}",
        _warm(resource).times(memory * MONTH_SECONDS),
        "Lambda provisioned concurrency",
    )


def _warm(config: Resource) -> Amounts:
    """Executions that one provisioned concurrency keeps warm; a scaling target moves the number."""
    fixed = config.properties.number("provisionedConcurrentExecutions")
    target = target_of(config, "lambda", "function:")
    if target is None:
        return Amounts.always(fixed)
    low, high = target
    return Amounts(low, max(low, min(ceil(concurrency(config.load)), high)), high)


def _warm_seconds(function: Resource) -> Amounts:
    total = Amounts.always(0)
    for config in function.beside(_PROVISIONED):
        owner = config.referred("functionName", *_FUNCTION)
        if owner is not None and owner.step is function.step:
            total = Amounts(*(a + b for a, b in zip(total, _warm(config), strict=True)))
    return total.times(MONTH_SECONDS)


def _chip(function: Resource) -> str:
    chips = function.properties.items("architectures")
    return str(chips[0]) if chips else "x86_64"


def _limit(function: Resource) -> float:
    """Executions at a time."""
    reserved = function.properties.number("reservedConcurrentExecutions", -1)
    return _ACCOUNT_LIMIT if reserved < 0 else reserved


def _billed_time(function: Resource) -> float:
    """Seconds of one request; the duration is billed by the millisecond, which is what a load is given in."""
    return min(function.load.request_time.seconds, function.properties.number("timeout", 3))


def _http_api(resource: Resource) -> Iterator[Charge | Gap | Assumed]:
    if resource.properties.text("protocolType") != "HTTP":
        yield Gap("a WebSocket API: billed by message and minute, not estimated")
        return
    behind = resource.beside(*_FUNCTION)
    cap = max((_limit(function) for function in behind), default=0)
    served = requests(resource.load, cap)
    if not behind:
        asked = float(resource.load.requests_per_month)
        served = Amounts(0, asked, asked)
        yield Assumed(f"{resource.step.name}: nothing bounds its requests, its most is what is expected")
    yield Charge("API Gateway: requests", "aws.apigateway.http", served.times(1e-6), "API Gateway requests")


def _cluster(resource: Resource) -> Iterator[Charge | Gap | Assumed]:
    yield Charge(
        "EKS: control plane", "aws.eks.cluster", Amounts.always(MONTH_HOURS), "the EKS control plane"
    )
    yield Assumed("a Kubernetes version in standard support")
    if resource.properties.part("computeConfig").flag("enabled", default=False):
        yield Gap("EKS Auto Mode: the nodes that it starts, and its fee on each, are not estimated")


def _node_group(resource: Resource) -> Iterator[Charge | Gap | Assumed]:
    properties = resource.properties
    if properties.text("capacityType", "ON_DEMAND") != "ON_DEMAND":
        yield Gap("Spot nodes: their price changes by the hour and is not estimated")
        return
    kinds = [str(kind) for kind in properties.items("instanceTypes")] or ["t3.medium"]
    scaling = properties.part("scalingConfig")
    low, high = scaling.number("minSize"), scaling.number("maxSize")
    yield from machines("EKS: node", "aws.ec2", kinds[0], sized(low, scaling.number("desiredSize"), high))
    if len(kinds) > 1:
        yield Assumed(f"{resource.step.name}: every node is a {kinds[0]}, the first of {', '.join(kinds)}")


def _instance(resource: Resource) -> Iterator[Charge | Gap | Assumed]:
    if resource.properties.has("instanceMarketOptions"):
        yield Gap("a Spot instance: its price changes by the hour and is not estimated")
        return
    kind = resource.properties.text("instanceType")
    yield from machines("EC2: instance", "aws.ec2", kind, Amounts.always(1))


def _endpoint(resource: Resource) -> Iterator[Charge | Gap | Assumed]:
    if resource.properties.text("vpcEndpointType", "Gateway") == "Gateway":
        return
    zones = max(len(resource.properties.items("subnetIds")), 1)
    hours = Amounts.always(zones * MONTH_HOURS)
    yield Charge(f"VPC: interface endpoint in {zones} zones", "aws.vpc.endpoint", hours, "a VPC endpoint")
    yield _TRAFFIC


def _alarm(resource: Resource) -> Iterator[Charge | Gap | Assumed]:
    properties = resource.properties
    if properties.has("evaluationCriteria"):
        yield Gap("an alarm on PromQL: billed by the samples that it reads, not estimated")
        return
    queries = [query.part("metric") for query in properties.parts("metricQueries") if query.has("metric")]
    periods = [query.number("period", _MINUTE) for query in queries]
    periods = periods or [properties.number("period", _MINUTE)]
    fast = min(periods) < _MINUTE
    price = "aws.cloudwatch.alarm.high" if fast else "aws.cloudwatch.alarm"
    yield Charge("CloudWatch: alarm", price, Amounts.always(len(periods)), "a CloudWatch alarm")


PRICED: Final[Mapping[str, Pricer]] = {
    "aws:apigatewayv2/api:Api": _http_api,
    "aws:cloudwatch/dashboard:Dashboard": fixed(
        Charge("CloudWatch: dashboard", "aws.cloudwatch.dashboard", Amounts.always(1), "a dashboard")
    ),
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": fixed(
        Charge(
            "CloudWatch: composite alarm",
            "aws.cloudwatch.alarm.composite",
            Amounts.always(1),
            "a composite alarm",
        )
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": _alarm,
    "aws:ec2/instance:Instance": _instance,
    "aws:ec2/natGateway:NatGateway": fixed(
        Charge("VPC: NAT gateway", "aws.vpc.nat-gateway", Amounts.always(MONTH_HOURS), "a NAT gateway"),
        _TRAFFIC,
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _endpoint,
    "aws:eks/cluster:Cluster": _cluster,
    "aws:eks/nodeGroup:NodeGroup": _node_group,
    "aws:kms/key:Key": fixed(
        Charge("KMS: key", "aws.kms.key", Amounts.always(1), "a KMS key"),
        Gap("requests to the key are billed by their number and not estimated", idle=False),
    ),
    "aws:lambda/function:Function": _function,
    _PROVISIONED: _provisioned,
}
"""Who prices a type, by the type's token."""
