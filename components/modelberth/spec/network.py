"""Networks on the internet that may connect to a cluster's API server."""

from ipaddress import ip_network
from typing import Annotated, Final

from pydantic import AfterValidator

from modelberth.errors import Problem, SpecError, shown

__all__ = ["AuthorizedNetwork", "public_network"]

_WIDEST: Final = 8
"""Bits of the shortest prefix: two halves of the internet are the internet."""

# RFC 1918, 6598, 3927, 1122, 4193, 4291: nothing comes from them over the internet.
_PRIVATE: Final = tuple(
    ip_network(one)
    for one in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8"),
        *("fc00::/7", "fe80::/10"),
    )
)


def public_network(value: str) -> str:
    """Return a public IP network in its normal form.

    Raises:
        SpecError: it is none, it is private, or it is (half) the internet.

    """
    allowed = f"a public network such as 198.51.100.0/24, of /{_WIDEST} or narrower"
    try:
        network = ip_network(value)
    except ValueError:
        raise SpecError(Problem("", shown(value), allowed)) from None
    if network.prefixlen < _WIDEST or any(
        network.version == one.version and network.overlaps(one) for one in _PRIVATE
    ):
        hint = "Private networks need no entry: they reach the private endpoint."
        raise SpecError(Problem("", shown(value), allowed, hint))
    return str(network)


AuthorizedNetwork = Annotated[str, AfterValidator(public_network)]
