"""Whence requests may come, and by which address.

The default is closed: the networks of the project alone. Google's load balancers are let in as well, or the
internet, each by a field that says so. Whoever comes, IAM asks him who he is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from modelberth.errors import Problem, shown

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec
    from modelberth.spec.cloud_run import CloudRunTarget

__all__ = ["address", "ingress", "is_behind_load_balancer", "problems", "tagged"]

_INTERNAL: Final = "INGRESS_TRAFFIC_INTERNAL_ONLY"
_BALANCED: Final = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
_ALL: Final = "INGRESS_TRAFFIC_ALL"


def is_behind_load_balancer(target: CloudRunTarget) -> bool:
    """Whether callers come by a load balancer, and the service's own address is off."""
    return target.ingress == "load_balancer"


def ingress(spec: EndpointSpec, target: CloudRunTarget) -> str:
    """Return whence requests may come, as a service has it."""
    if spec.security.network.public:
        return _ALL
    return _BALANCED if is_behind_load_balancer(target) else _INTERNAL


def address(spec: EndpointSpec, target: CloudRunTarget) -> str | None:
    """Return the load balancer's address, which tokens of callers may be for as well; None: there is none."""
    domain = spec.security.tls.domain
    return f"https://{domain}" if is_behind_load_balancer(target) and domain is not None else None


def tagged(url: str, tag: str) -> str:
    """Return the address of the revision with a tag, from the service's own."""
    return url.replace("https://", f"https://{tag}---", 1)


def problems(spec: EndpointSpec, target: CloudRunTarget) -> Iterator[Problem]:
    """Yield a load balancer without a name, a name without one, and one beside the internet."""
    domain, is_public = spec.security.tls.domain, spec.security.network.public
    if not is_behind_load_balancer(target):
        if domain is not None:
            hint = "A load balancer has a name and its certificate; a service has its own, of run.app."
            allowed = f"nothing with target.ingress {target.ingress}, or load_balancer"
            yield Problem("security.tls.domain", shown(domain), allowed, hint)
        return
    if domain is None:
        allowed = "the host name by which the load balancer is called, with target.ingress load_balancer"
        yield Problem("security.tls.domain", "nothing", allowed, "Its own address would be off, and known.")
    if is_public:
        allowed = "internal with security.network.public, or load_balancer without it"
        hint = "A public service is called by its own address, past every load balancer."
        yield Problem("target.ingress", target.ingress, allowed, hint)
