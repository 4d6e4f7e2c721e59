"""A line for each request that is answered, without anything of what it carried."""

import logging
from collections.abc import Iterable
from typing import Final

from modelberth_server.http.message import Request
from modelberth_server.telemetry.metrics import OTHER_ROUTE

__all__ = ["AccessLog"]

_LOG: Final = logging.getLogger("modelberth.access")

# From which status on responses are logged; none is as high as that of `off`.
_LEAST_STATUS: Final = {"all": 0, "errors": 500, "off": 1000}


class AccessLog:
    """The requests that are logged.

    Args:
        which: `all`, `errors` (5xx) or `off`

    """

    def __init__(self, which: str) -> None:
        self.least_status: Final = _LEAST_STATUS[which]
        self.every: Final = which == "all"
        self._versions: dict[Request, str] = {}

    def begin(self, request: Request) -> None:
        """Remember a request, where every one is logged."""
        self._versions[request] = ""

    def computed(self, requests: Iterable[Request], version: str) -> None:
        """Remember which version of the model computed requests, as far as they are not answered yet."""
        for request in requests:
            if request in self._versions:
                self._versions[request] = version

    def write(self, request: Request, status: int, seconds: float) -> None:
        """Log an answer; the route is its template, for a path may hold what its caller put there."""
        fields = {
            "request_id": request.identifier,
            "method": request.method,
            "route": request.route or OTHER_ROUTE,
            "status": status,
            "ms": round(seconds * 1000, 3),
            "caller": request.caller,
            "version": self._versions.pop(request, ""),
        }
        _LOG.log(
            logging.WARNING if status >= _LEAST_STATUS["errors"] else logging.INFO, "answered", extra=fields
        )
