"""`AwsPrivateNetwork`: what callers and replicas in a VPC reach AWS by, without the internet.

With private DNS the addresses stay the usual ones: whoever calls `https://lambda.REGION.amazonaws.com` within
the VPC comes to the endpoint's interfaces. Nothing in a program has to know of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv6Network, ip_network
from typing import Final

import pulumi
from pulumi_aws import ec2, vpc

from modelberth.arguments import clean_errors
from modelberth.aws.network.endpoint_policies import endpoint_policy
from modelberth.aws.network.services import interfaces, s3
from modelberth.aws.place import Place
from modelberth.errors import Problem, SpecError, join, shown
from modelberth.naming import content_digest, shortened

__all__ = ["AwsPrivateNetwork", "AwsPrivateNetworkArgs"]

_HTTPS: Final = 443
_LONGEST_NAME: Final = 255
_FEWEST_ZONES: Final = 2
_IDS: Final = {"vpc": r"vpc-[0-9a-f]{8,17}", "subnet": r"subnet-[0-9a-f]{8,17}", "sg": r"sg-[0-9a-f]{8,17}"}
_GROUP_NAME: Final = r"(?!sg-)[A-Za-z0-9 ._:/()#,@\[\]+=&;{}!$*-]{1,200}"


@dataclass(frozen=True)
class AwsPrivateNetworkArgs:
    """A VPC that exists, who calls from it, and what it reaches."""

    place: Place
    name: str
    """What the physical names begin with, such as `shop-dev`."""
    vpc: pulumi.Input[str]
    """Id of the VPC; its attributes for DNS support and DNS host names are on."""
    subnets: Mapping[str, pulumi.Input[str]]
    """Availability zone → id of a subnet of it that gets addresses; two zones or more."""
    services: Sequence[str]
    """Interface endpoints, each billed by the hour and zone: `services.needed("lambda")`, or names."""
    callers: Sequence[str] = ()
    """Networks that may call, such as 10.0.0.0/16."""
    caller_groups: Sequence[pulumi.Input[str]] = ()
    """Ids of security groups whose members may call."""
    route_tables: Sequence[pulumi.Input[str]] = ()
    """Ids of the route tables that get a way to S3, which costs nothing. Empty: there is one already."""
    accounts: Sequence[str] = ()
    """Other accounts whose principals may call and whose buckets, images and keys may be used."""
    tags: Mapping[str, str] = field(default_factory=dict)

    def problems(self) -> Iterator[Problem]:
        """Yield what AWS would refuse, and who would be everybody."""
        if re.fullmatch(_GROUP_NAME, self.name) is None:
            allowed = "1 to 200 letters, digits and hyphens, not beginning with sg-"
            yield Problem("name", shown(self.name), allowed)
        yield from _id_problems("vpc", self.vpc, "vpc")
        yield from self._subnet_problems()
        yield from self._service_problems()
        yield from self._caller_problems()
        for index, account in enumerate(self.accounts):
            if re.fullmatch(r"[0-9]{12}", account) is None:
                path = join("accounts", f"[{index}]")
                yield Problem(path, shown(account), "the 12 digits of an AWS account")

    def _subnet_problems(self) -> Iterator[Problem]:
        if (count := len(self.subnets)) < _FEWEST_ZONES:
            hint = "With one, the fault of a zone would cut off every caller."
            yield Problem("subnets", f"{count} availability zones", f"{_FEWEST_ZONES} or more", hint)
        for zone, subnet in self.subnets.items():
            if re.fullmatch(rf"{re.escape(self.place.region)}(-[a-z0-9-]+)?[a-z]", zone) is None:
                allowed = f"availability zones of {self.place.region}, such as {self.place.region}a"
                yield Problem("subnets", shown(zone), allowed)
            yield from _id_problems("subnet", subnet, join("subnets", zone))
        given = [subnet for subnet in self.subnets.values() if isinstance(subnet, str)]
        if len({*given}) < len(given):
            yield Problem("subnets", "one subnet for two zones", "a subnet of its own for each zone")

    def _service_problems(self) -> Iterator[Problem]:
        for index, service in enumerate(self.services):
            if service not in interfaces():
                hint = "S3 needs no interface: name route_tables." if service == "s3" else ""
                path = join("services", f"[{index}]")
                yield Problem(path, shown(service), f"one of {', '.join(interfaces())}", hint)
        if twice := sorted({one for one in self.services if [*self.services].count(one) > 1}):
            # EC2 else: "private-dns-enabled cannot be set because there is already a conflicting DNS domain".
            yield Problem("services", f"{', '.join(twice)} twice", "each service once")
        if not self.services and not self.route_tables:
            yield Problem("services", "nothing, nor route_tables", "something to reach")

    def _caller_problems(self) -> Iterator[Problem]:
        if self.services and not self.callers and not self.caller_groups:
            hint = "The endpoints' security group lets in nobody else."
            yield Problem("callers", "nothing, nor caller_groups", "networks or security groups", hint)
        for index, caller in enumerate(self.callers):
            yield from _network_problems(caller, join("callers", f"[{index}]"))
        for index, group in enumerate(self.caller_groups):
            yield from _id_problems("sg", group, join("caller_groups", f"[{index}]"))


@dataclass(frozen=True, slots=True)
class _Source:
    """Who may come in: one of a network and a security group."""

    ipv4: str | None = None
    ipv6: str | None = None
    group: pulumi.Input[str] | None = None


class AwsPrivateNetwork(pulumi.ComponentResource):
    """Interface endpoints with private DNS behind a security group of their own, and a way to S3.

    Who is outside of the VPC can still call AWS with credentials that allow it. To refuse that, a caller's
    own policy asks for `aws:SourceVpce`, with an id of `endpoints`.
    """

    endpoints: pulumi.Output[Mapping[str, str]]
    """Service → id of its endpoint, `vpce-…`, as policies name it in `aws:SourceVpce`."""
    security_group: pulumi.Output[str] | None
    """Id of the endpoints' security group; None where there are no interfaces."""

    def __init__(
        self, name: str, args: AwsPrivateNetworkArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("modelberth:index:AwsPrivateNetwork", name, {"services": [*args.services]}, opts)
        with clean_errors():
            if found := [*args.problems()]:
                raise SpecError(*found)
        child = pulumi.ResourceOptions(parent=self)
        made: dict[str, pulumi.Output[str]] = {}
        self.security_group = None
        if args.services:
            group = _security_group(name, args, child)
            self.security_group = group.id
            made = {service: _interface(name, service, group, args, child) for service in args.services}
        if args.route_tables:
            made["s3"] = _gateway(name, args, child)
        self.endpoints = pulumi.Output.all(**made)
        self.register_outputs({"endpoints": self.endpoints, "securityGroup": self.security_group})


def _security_group(
    name: str, args: AwsPrivateNetworkArgs, opts: pulumi.ResourceOptions
) -> ec2.SecurityGroup:
    """Register who may come in. Without rules for the way out there is none: an endpoint begins nothing."""
    group = ec2.SecurityGroup(
        f"{name}-group",
        name=shortened(f"{args.name}-endpoints", _LONGEST_NAME),
        description="Who reaches AWS by the endpoints of this VPC.",
        vpc_id=args.vpc,
        region=args.place.region,
        tags=args.tags,
        opts=opts,
    )
    for role, source in _sources(args).items():
        vpc.SecurityGroupIngressRule(
            f"{name}-from-{role}",
            security_group_id=group.id,
            description="Callers of AWS by HTTPS",
            cidr_ipv4=source.ipv4,
            cidr_ipv6=source.ipv6,
            referenced_security_group_id=source.group,
            ip_protocol="tcp",
            from_port=_HTTPS,
            to_port=_HTTPS,
            region=args.place.region,
            tags=args.tags,
            opts=opts,
        )
    return group


def _sources(args: AwsPrivateNetworkArgs) -> Mapping[str, _Source]:
    """Who may come in, each under a name that stays when others come or go."""
    found: dict[str, _Source] = {}
    for network in args.callers:
        is_ipv6 = isinstance(ip_network(network), IPv6Network)
        found[content_digest(network)] = _Source(ipv6=network) if is_ipv6 else _Source(ipv4=network)
    for index, group in enumerate(args.caller_groups):
        role = content_digest(group) if isinstance(group, str) else f"group-{index}"
        found[role] = _Source(group=group)
    return found


def _interface(
    name: str,
    service: str,
    group: ec2.SecurityGroup,
    args: AwsPrivateNetworkArgs,
    opts: pulumi.ResourceOptions,
) -> pulumi.Output[str]:
    found = interfaces()[service]
    return ec2.VpcEndpoint(
        f"{name}-{found.role}",
        vpc_id=args.vpc,
        vpc_endpoint_type="Interface",
        service_name=found.endpoint_service(args.place),
        subnet_ids=[*args.subnets.values()],
        security_group_ids=[group.id],
        private_dns_enabled=True,
        policy=endpoint_policy(found, args.place, args.accounts),
        region=args.place.region,
        tags={**args.tags, "Name": f"{args.name}-{found.role}"},
        opts=opts,
    ).id


def _gateway(name: str, args: AwsPrivateNetworkArgs, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
    found = s3()
    return ec2.VpcEndpoint(
        f"{name}-{found.role}",
        vpc_id=args.vpc,
        vpc_endpoint_type="Gateway",
        service_name=found.endpoint_service(args.place),
        route_table_ids=[*args.route_tables],
        policy=endpoint_policy(found, args.place, args.accounts),
        region=args.place.region,
        tags={**args.tags, "Name": f"{args.name}-{found.role}"},
        opts=opts,
    ).id


def _network_problems(text: str, path: str) -> Iterator[Problem]:
    try:
        network = ip_network(text)
    except ValueError:
        yield Problem(path, shown(text), "an IP network without host bits, such as 10.0.0.0/16")
        return
    if network.is_global or network.prefixlen == 0:
        hint = "Addresses of the internet are no callers of a private network."
        yield Problem(path, shown(text), "a private network, such as 10.0.0.0/16", hint)


def _id_problems(kind: str, given: pulumi.Input[str], path: str) -> Iterator[Problem]:
    if isinstance(given, str) and re.fullmatch(_IDS[kind], given) is None:
        yield Problem(path, shown(given), f"an id, {kind}-…")
