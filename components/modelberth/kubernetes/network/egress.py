"""Where the pods of an endpoint may connect to, as egress rules of a NetworkPolicy.

A NetworkPolicy knows addresses and pods, no names. What an endpoint needs is named by hosts, so for each the
least that holds the host is opened: its namespace where the name is a Service's, else its port at public
addresses. Private networks are opened by `security.network.egress` alone, and so is the link-local network
with the clouds' metadata services, from which a pod could take its node's identity.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from modelberth.kubernetes.authentication import checks_callers
from modelberth.spec.kubernetes import Cache, Download
from modelberth.spec.security import JwtAuth

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modelberth.kubernetes.plan import Plan
    from modelberth.spec import KubernetesTarget

__all__ = ["Need", "egress_rules", "is_service", "namespace_of", "needs", "network_of", "private_names"]

Network = IPv4Network | IPv6Network
Rule = dict[str, Any]

_HTTPS: Final = 443
_DNS_PORTS: Final = (53, 5353)
# kube-system: CoreDNS of nearly every distribution; openshift-dns listens on 5353.
_DNS_NAMESPACES: Final = ("kube-system", "openshift-dns")
# NodeLocal DNSCache listens on the node's own link-local address.
_NODE_LOCAL_DNS: Final = "169.254.20.10/32"
_LINK_LOCAL: Final = (ip_network("169.254.0.0/16"), ip_network("fe80::/10"))
# RFC 1918, 6598, 3927, 4193, 4291.
_PRIVATE: Final = (
    *("10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"),
    *("fc00::/7", "fe80::/10"),
)
# Where a pod gets the identity of its service account, by the kind of store that it reads.
#   gs: https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity (network policy)
#   s3: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-considerations.html (EKS Pod Identity agent)
_IDENTITY: Final[Mapping[str, tuple[tuple[str, int], ...]]] = {
    "gs": (("169.254.169.252/32", 988), ("169.254.169.254/32", 80)),
    "s3": (("169.254.170.23/32", 80), ("fd00:ec2::23/128", 80)),
}
_STORES: Final = {"s3", "gs", "azblob", "hf"}
_FETCHED: Final = {"https", *_STORES}
_SERVICE: Final = re.compile(r"([a-z0-9-]+\.)*(?P<namespace>[a-z0-9-]+)\.svc(\.cluster\.local)?")


@dataclass(frozen=True, slots=True, order=True)
class Need:
    """A host or a network that a pod connects to; `host` empty: any public address."""

    host: str
    port: int


def egress_rules(plan: Plan) -> list[Rule]:
    """Return the rules; an empty list lets nothing out.

    Networks of `security.network.egress` are opened on all ports, but without the link-local network in them
    unless it is named itself.
    """
    rules = [rule for need in sorted(set(needs(plan))) for rule in _to_host(need)]
    rules += [_to_identity(address, port) for address, port in _identity(plan)]
    rules += [_to_destination(one) for one in plan.spec.security.network.egress or ()]
    if plan.target.engine == "ray":
        rules.append({"to": [{"podSelector": {"matchLabels": plan.selector()}}]})
    unique = [rule for place, rule in enumerate(rules) if rule not in rules[:place]]
    return [_to_dns(), *unique] if unique else []


def needs(plan: Plan) -> Iterator[Need]:
    """Name what the endpoint connects to by itself: stores, the issuer of tokens, the collector of traces.

    The model's store is needed at the start alone, but a policy holds for a pod as long as it lives.
    """
    spec, target = plan.spec, plan.target
    delivery = plan.target.delivery
    endpoint = delivery.endpoint if isinstance(delivery, Download | Cache) else None
    for scheme, path in _downloads(plan):
        match scheme:
            case "https":
                source = _host_of(f"{scheme}:{path}")
                yield source
                # The host's name may stand for addresses in these.
                yield from (Need(one, source.port) for one in _private_hosts(target) if network_of(one))
            case "s3" if endpoint is not None:
                yield _host_of(endpoint)
            case _:
                yield Need("", _HTTPS)
    if isinstance(spec.security.auth, JwtAuth) and checks_callers(spec):
        yield _host_of(getattr(target.route, "jwks", None) or spec.security.auth.issuer)
    if spec.monitoring.tracing is not None and target.otlp is not None:
        yield _host_of(target.otlp)
    if spec.monitoring.capture is not None and target.capture is not None:
        yield Need("", _HTTPS)


def is_service(host: str) -> bool:
    """Tell whether a host is a Service's full name, `NAME.NAMESPACE.svc`."""
    return _SERVICE.fullmatch(host) is not None


def private_names(target: KubernetesTarget) -> Iterator[str]:
    """Name the hosts with private addresses whose addresses nothing here tells."""
    for host in _private_hosts(target):
        if network_of(host) is None and not is_service(host) and "." in host:
            yield host


def network_of(text: str) -> Network | None:
    """Return the network or address that a text is; None for a name."""
    try:
        return ip_network(text)
    except ValueError:
        return None


def namespace_of(*names: str) -> dict[str, Any]:
    """Return the peer that selects every pod of these namespaces; without a name, of all."""
    if not names:
        return {"namespaceSelector": {}}
    label = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": [*names]}
    return {"namespaceSelector": {"matchExpressions": [label]}}


def _downloads(plan: Plan) -> Iterator[tuple[str, str]]:
    delivery = plan.target.delivery
    if delivery is None or isinstance(delivery, Download | Cache):
        for revision in plan.revisions:
            if revision.model.scheme in _FETCHED:
                yield revision.model.scheme, revision.model.path


def _identity(plan: Plan) -> Iterator[tuple[str, int]]:
    delivery = plan.target.delivery
    has_own = isinstance(delivery, Download | Cache) and (delivery.credentials or delivery.endpoint)
    schemes = set() if has_own else {scheme for scheme, _ in _downloads(plan)}
    if plan.spec.monitoring.capture is not None and plan.target.capture is not None:
        schemes.add(plan.target.capture.uri.partition(":")[0])
    for scheme in sorted(schemes):
        yield from _IDENTITY.get(scheme, ())


def _host_of(url: str) -> Need:
    parts = urlsplit(url)
    return Need(parts.hostname or "", parts.port or (80 if parts.scheme == "http" else _HTTPS))


def _to_host(need: Need) -> Iterator[Rule]:
    """Open a host. The port of a Service is not its pods', which policies hold for: a namespace has all."""
    if (network := network_of(need.host)) is not None:
        yield {"to": [_block(network)], "ports": _tcp(need.port)}
        return
    if service := _SERVICE.fullmatch(need.host):
        yield {"to": [namespace_of(service["namespace"])]}
        return
    labels = need.host.split(".") if need.host else []
    match labels:
        case [_]:
            yield {"to": [{"podSelector": {}}]}
            return
        case [_, namespace]:
            # Within a cluster `collector.monitoring` is a Service; elsewhere `example.com` is a host.
            yield {"to": [namespace_of(namespace)]}
    yield {"to": _public(), "ports": _tcp(need.port)}


def _to_destination(destination: str) -> Rule:
    if service := _SERVICE.fullmatch(destination):
        return {"to": [namespace_of(service["namespace"])]}
    network = network_of(destination)
    if network is None:
        raise ValueError(f"{destination}: a NetworkPolicy knows no names, and `problems` refuses them")
    return {"to": [_block(network)]}


def _to_identity(address: str, port: int) -> Rule:
    return {"to": [{"ipBlock": {"cidr": address}}], "ports": _tcp(port)}


def _to_dns() -> Rule:
    ports = [{"protocol": protocol, "port": port} for port in _DNS_PORTS for protocol in ("UDP", "TCP")]
    return {"to": [namespace_of(*_DNS_NAMESPACES), {"ipBlock": {"cidr": _NODE_LOCAL_DNS}}], "ports": ports}


def _public() -> list[dict[str, Any]]:
    return [
        {"ipBlock": {"cidr": "0.0.0.0/0", "except": [one for one in _PRIVATE if ":" not in one]}},
        {"ipBlock": {"cidr": "::/0", "except": [one for one in _PRIVATE if ":" in one]}},
    ]


def _private_hosts(target: KubernetesTarget) -> tuple[str, ...]:
    return target.delivery.private_hosts if isinstance(target.delivery, Download | Cache) else ()


def _block(network: Network) -> dict[str, Any]:
    inside = [str(one) for one in _LINK_LOCAL if _is_within(one, network)]
    block: dict[str, Any] = {"cidr": str(network)}
    return {"ipBlock": block | {"except": inside} if inside else block}


def _is_within(part: Network, whole: Network) -> bool:
    return part.version == whole.version and part != whole and part.subnet_of(whole)  # type: ignore[arg-type]


def _tcp(*ports: int) -> Iterable[dict[str, Any]]:
    return [{"protocol": "TCP", "port": port} for port in ports]
