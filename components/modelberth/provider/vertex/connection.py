"""Which API is asked, and as whom."""

from __future__ import annotations

import functools
import threading
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from modelberth.errors import Problem, shown
from modelberth.provider.resource import Settings
from modelberth.provider.vertex.client import VertexClient, address_of
from modelberth.provider.vertex.credentials import Token, application_default
from modelberth.provider.vertex.transport import Pace, Transport

__all__ = ["REGION", "address_problem", "client_of"]

REGION: Final = "{region}"
"""Stands for a resource's region in the provider's `vertexEndpoint`."""
_ANONYMOUS: Final = "anonymous"
"""What a server on this machine gets in place of a token: whoever listens there need not be trusted."""
_ALLOWED: Final = f"an https:// address, or an http:// one of this machine; {REGION} in it is the region"


def address_problem(address: str) -> Problem | None:
    """Why the API cannot be asked at an address in place of Google's; None where it can."""
    try:
        found = urlsplit(address)
        usable = bool(found.hostname) and found.port != 0
    except ValueError:
        usable = False
    plain = usable and not (found.username or found.query or found.fragment)
    if plain and (found.scheme == "https" or (found.scheme == "http" and _is_here(address))):
        return None
    hint = "Requests carry a token of whoever deploys, which nobody on the way may read."
    return Problem("vertexEndpoint", shown(address), _ALLOWED, hint)


def client_of(settings: Settings, region: str) -> VertexClient:
    """The client of a region's API, with the credentials of whoever runs this.

    Raises:
        ResourceError: there are no credentials.
    """
    address = (settings.vertex_endpoint or address_of(region)).replace(REGION, region)
    return _client(address, settings.cancelled)


# Resources of a stack share connections, and the token that is kept.
@functools.lru_cache(maxsize=64)
def _client(address: str, cancelled: threading.Event) -> VertexClient:
    token = _anonymous if _is_here(address) else _token()
    # After an engine that was killed another one may want something else: two of us would undo each other's
    # steps for good.
    pace = Pace(sleep=cancelled.wait)
    return VertexClient(Transport(address, token, pace=pace, cancelled=cancelled.is_set))


@functools.lru_cache(maxsize=1)
def _token() -> Token:
    return application_default()


def _anonymous() -> str:
    return _ANONYMOUS


def _is_here(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
