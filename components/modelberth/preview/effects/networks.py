"""Which addresses and groups of pods may reach something: who is let in now, and who no longer.

What opens to everybody is told as exposure, and is left out here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Final, TypeAlias

from modelberth.preview.plan import Marker, Op, Plan, Step

from .effect import Calls, Effect, Kind, Severity
from .exposure import is_everywhere
from .rule import Rule, Rules, at, entries, found
from .wording import listed, name, value

__all__ = ["ANYBODY", "ANY_NAMESPACE", "NAMESPACE", "RULES", "Peer", "lets_in"]

_Inputs: TypeAlias = Mapping[str, Any]
_WIDE: Final = 8
"""Of IPv4: a prefix this short is a whole private network, and more than one service's callers."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Who may come in, and to what: a range of addresses, or the words for a group of pods."""

    who: str
    to: str = ""
    """Ports, as the resource writes them; empty for all."""

    @property
    def network(self) -> IPv4Network | IPv6Network | None:
        """The range; None for what is no address."""
        try:
            return ip_network(self.who, strict=False)
        except ValueError:
            return None

    def covers(self, other: Peer) -> bool:
        """Whether everybody of the other may come in through this one."""
        if self.to not in ("", other.to):
            return False
        if self.who in (other.who, ANYBODY) or is_everywhere(self.who):
            return True
        if self.who == ANY_NAMESPACE and other.who.startswith(NAMESPACE):
            return True
        mine, theirs = self.network, other.network
        if isinstance(mine, IPv4Network) and isinstance(theirs, IPv4Network):
            return theirs.subnet_of(mine)
        if isinstance(mine, IPv6Network) and isinstance(theirs, IPv6Network):
            return theirs.subnet_of(mine)
        return False

    @property
    def is_wide(self) -> bool:
        """Whether these are addresses of the internet, or a whole private network."""
        network = self.network
        if network is None:
            return False
        return not network.is_private or (network.version == 4 and network.prefixlen <= _WIDE)

    def __str__(self) -> str:
        who = self.who if self.network is None else value(self.who)
        return f"{who} ({self.to})" if self.to else who


ANYBODY: Final = "everybody"
ANY_NAMESPACE: Final = "every namespace"
NAMESPACE: Final = "namespace "
_Reader: TypeAlias = Callable[[_Inputs], Iterable[Peer] | None]
"""Those who may come in; None where nothing limits that, or it is not known."""


def lets_in(read: _Reader, *where: str) -> Rule:
    """Rule for what lists who may come in, by the inputs at `where`, or any."""

    def rule(step: Step, _plan: Plan) -> Iterator[Effect]:
        if step.before is None or step.after is None or step.op not in {Op.UPDATE, Op.REPLACE}:
            return
        if any(difference.after is Marker.UNKNOWN for difference in step.differences):
            return
        before, after = (None if (p := read(side)) is None else list(p) for side in (step.before, step.after))
        changed = step.changed(*where) if where else step.differences
        paths = tuple(difference.path for difference in changed)
        new = [] if before is None or after is None else _beyond(after, before)
        gone = [] if after is None else _beyond(before or [Peer(ANYBODY)], after) if before != after else []
        if new:
            wide = any(peer.is_wide for peer in new)
            yield Effect(
                kind=Kind.PERMISSIONS_WIDENED,
                severity=Severity.DANGER if wide else Severity.CHANGE,
                sentence=f"{name(step)} lets in {_told(new)} as well"
                f"{', which are more than one network of your own' if wide else ''}.",
                urn=step.urn,
                paths=paths,
                calls=Calls.SAFE,
                of_callers=True,
            )
        if gone:
            yield Effect(
                kind=Kind.PERMISSIONS_NARROWED,
                severity=Severity.DANGER,
                sentence=f"{name(step)} no longer lets in {_told(gone)}: calls from there fail from then on.",
                urn=step.urn,
                paths=paths,
                calls=Calls.MAY_FAIL,
                of_callers=True,
            )

    return rule


def _beyond(peers: Iterable[Peer], others: Iterable[Peer]) -> list[Peer]:
    """Those that no other covers, without those who are everybody: that is told as exposure."""
    known = list(others)
    return [
        peer
        for peer in dict.fromkeys(peers)
        if not is_everywhere(peer.who) and not any(other.covers(peer) for other in known)
    ]


def _told(peers: list[Peer]) -> str:
    if any(peer.who == ANYBODY for peer in peers):
        return "whoever is not in its new list"
    return listed([str(peer) for peer in peers])


def _ranges(*paths: str, unless: str = "") -> _Reader:
    """Ranges at any of the paths; where there are none, everybody may come in unless `unless` is `nobody`."""

    def read(inputs: _Inputs) -> list[Peer] | None:
        peers = [
            Peer(one)
            for path in paths
            for _, given in found(inputs, path)
            for one in ([given] if isinstance(given, str) else entries(given))
            if isinstance(one, str)
        ]
        return peers if peers or unless == "nobody" else None

    return read


def _ports(rule: Any) -> str:
    low, high = at(rule, "fromPort"), at(rule, "toPort")
    if at(rule, "protocol", at(rule, "ipProtocol")) in ("-1", None) or low is None:
        return ""
    return f"port {low:g}" if low == high and isinstance(low, int | float) else f"ports {low} to {high}"


def _security_group(inputs: _Inputs) -> list[Peer]:
    return [
        Peer(one, _ports(rule))
        for _, rule in found(inputs, "ingress[]")
        for key in ("cidrBlocks", "ipv6CidrBlocks", "securityGroups")
        for one in entries(at(rule, key))
        if isinstance(one, str)
    ]


def _rule(inputs: _Inputs) -> list[Peer]:
    keys = ("cidrBlocks", "ipv6CidrBlocks")
    if inputs.get("type", "ingress") != "ingress":
        return []
    return [
        Peer(one, _ports(inputs)) for key in keys for one in entries(inputs.get(key)) if isinstance(one, str)
    ]


def _ingress_rule(inputs: _Inputs) -> list[Peer]:
    keys = ("cidrIpv4", "cidrIpv6", "referencedSecurityGroupId")
    return [Peer(one, _ports(inputs)) for key in keys if isinstance(one := inputs.get(key), str)]


def _firewall(inputs: _Inputs) -> list[Peer]:
    if inputs.get("direction", "INGRESS") != "INGRESS" or inputs.get("disabled") is True:
        return []
    allowed = json.dumps(inputs.get("allows") or [], sort_keys=True, default=str)
    if allowed == "[]":
        return []
    ports = ", ".join(
        f"{at(allow, 'protocol')} {', '.join(map(str, entries(at(allow, 'ports'))))}".strip()
        for allow in entries(inputs.get("allows"))
    )
    return [Peer(one, ports) for one in entries(inputs.get("sourceRanges")) if isinstance(one, str)]


def _nsg_rule(inputs: _Inputs) -> list[Peer]:
    if inputs.get("access") != "Allow" or inputs.get("direction") != "Inbound":
        return []
    sources = [inputs.get("sourceAddressPrefix"), *entries(inputs.get("sourceAddressPrefixes"))]
    port = inputs.get("destinationPortRange", "*")
    to = "" if port == "*" else f"port {port}"
    return [Peer(one, to) for one in sources if isinstance(one, str)]


def _nsg(inputs: _Inputs) -> list[Peer]:
    rules = (rule for _, rule in found(inputs, "securityRules[]") if isinstance(rule, Mapping))
    return [peer for rule in rules for peer in _nsg_rule(rule)]


def _container_app(inputs: _Inputs) -> list[Peer] | None:
    allowed = [
        Peer(one)
        for _, rule in found(inputs, "configuration.ingress.ipSecurityRestrictions[]")
        if at(rule, "action") == "Allow" and isinstance(one := at(rule, "ipAddressRange"), str)
    ]
    return allowed or None


_READERS: Final[Mapping[str, _Reader]] = {
    "aws:ec2/securityGroup:SecurityGroup": _security_group,
    "aws:ec2/securityGroupRule:SecurityGroupRule": _rule,
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _ingress_rule,
    "aws:eks/cluster:Cluster": _ranges("vpcConfig.publicAccessCidrs"),
    "gcp:compute/firewall:Firewall": _firewall,
    "gcp:sql/databaseInstance:DatabaseInstance": _ranges(
        "settings.ipConfiguration.authorizedNetworks[].value", unless="nobody"
    ),
    "gcp:container/cluster:Cluster": _ranges("masterAuthorizedNetworksConfig.cidrBlocks[].cidrBlock"),
    "azure-native:network:NetworkSecurityGroup": _nsg,
    "azure-native:network:SecurityRule": _nsg_rule,
    "azure-native:app:ContainerApp": _container_app,
    "azure-native:containerservice:ManagedCluster": _ranges("apiServerAccessProfile.authorizedIPRanges"),
    "azure-native:storage:StorageAccount": _ranges("networkRuleSet.ipRules[].iPAddressOrRange"),
    "kubernetes:core/v1:Service": _ranges("spec.loadBalancerSourceRanges"),
}

RULES: Rules = {token: (lets_in(reader),) for token, reader in _READERS.items()}
