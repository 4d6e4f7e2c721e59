"""Which addresses a download may connect to: those of the public Internet, and the private ones named."""

import ipaddress
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["PrivateHosts", "Resolve", "checked"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# `socket.getaddrinfo`, or what a test has instead.
Resolve = Callable[..., Sequence[tuple[Any, Any, Any, Any, Any]]]

# https://www.iana.org/assignments/iana-ipv4-special-registry and -ipv6-special-registry, 2025-10-09, and the
# multicast and reserved blocks. Python's `is_global` changed from 3.11 to 3.13; this does not.
_PRIVATE_V4: Final = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)
# All global unicast addresses lie in one block, which leaves out loopback, link-local and unique local ones,
# IPv4-mapped ones and NAT64. Of that block: protocol assignments with Teredo, documentation, 6to4.
_PUBLIC_V6: Final = ipaddress.IPv6Network("2000::/3")
_PRIVATE_V6: Final = tuple(
    map(ipaddress.IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
)
# Link-local addresses and what clouds answer with credentials or a machine's set-up from: never, not even
# for a host that is allowed by name. 168.63.129.16 is Azure's, 100.100.100.200 Alibaba Cloud's, 192.0.0.192
# Oracle's, fd00:ec2::254 AWS's, fd20:ce::254 Google Cloud's.
_NEVER: Final[tuple[Network, ...]] = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8",
            "169.254.0.0/16",
            "168.63.129.16/32",
            "100.100.100.200/32",
            "192.0.0.192/32",
            "224.0.0.0/4",
            "::/128",
            "fe80::/10",
            "fd00:ec2::/32",
            "fd20:ce::254/128",
            "ff00::/8",
        ),
    )
)


@dataclass(frozen=True)
class PrivateHosts:
    """Hosts of one's own network that models may be fetched from: names, and networks of addresses."""

    names: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[str]) -> "PrivateHosts":
        """Read host names, addresses and networks such as `10.20.0.0/16`.

        Raises:
            ValueError: a network is none, or its address has bits beyond the mask.

        """
        names: set[str] = set()
        networks: list[Network] = []
        for entry in entries:
            if "/" in entry:
                networks.append(ipaddress.ip_network(entry))
                continue
            try:
                networks.append(ipaddress.ip_network(entry.strip("[]")))
            except ValueError:
                names.add(_normal(entry))
        return cls(frozenset(names), tuple(networks))

    def has(self, host: str, address: Address) -> bool:
        """Whether this address of this host was named."""
        return _normal(host) in self.names or any(address in network for network in self.networks)


def checked(host: str, port: int, allowed: PrivateHosts, resolve: Resolve = socket.getaddrinfo) -> list[str]:
    """Resolve a host once, and return its addresses to connect to.

    One bad address among several refuses the host: a name that answers with both is an attack or a mistake.

    Raises:
        ValueError: it does not resolve, or to an address that is not public and was not allowed.

    """
    try:
        found = resolve(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a host name"
        raise ValueError(f"{host} cannot be resolved: {reason}") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for text in addresses:
        address = ipaddress.ip_address(text)
        plain = getattr(address, "ipv4_mapped", None) or address
        if any(one in network for network in _NEVER for one in (address, plain)):
            raise ValueError(f"{host} has the address {text}, which no model is fetched from")
        if not _public(address) and not allowed.has(host, plain):
            raise ValueError(
                f"{host} has the address {text}, which is not a public one; a host of your own network is "
                "allowed by MODELBERTH_ALLOW_PRIVATE_HOSTS"
            )
    if not addresses:
        raise ValueError(f"{host} has no address")
    return addresses


def _public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _PRIVATE_V4)
    return address in _PUBLIC_V6 and not any(address in network for network in _PRIVATE_V6)


def _normal(host: str) -> str:
    return host.lower().rstrip(".")
