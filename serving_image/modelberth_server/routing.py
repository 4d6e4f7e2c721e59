"""From a path and a method to a handler."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from modelberth_server.errors import RequestError
from modelberth_server.tensors import shown

__all__ = ["Match", "Route", "Router"]

Handler = TypeVar("Handler")


@dataclass(frozen=True)
class Route(Generic[Handler]):
    """A method, a path whose `{segments}` are captured, and what handles it; HEAD goes where GET goes."""

    method: str
    template: str
    handler: Handler


@dataclass(frozen=True)
class Match(Generic[Handler]):
    """The route of a request and the segments that its template captured."""

    route: Route[Handler]
    segments: Mapping[str, str]

    def handler(self, method: str) -> Handler:
        """Return the handler, or raise a RequestError 405 that names the method to use."""
        allowed = ("GET", "HEAD") if self.route.method == "GET" else (self.route.method,)
        if method not in allowed:
            message = f"method: {method} is not possible on {self.route.template}, use {' or '.join(allowed)}"
            raise RequestError(405, message, (("allow", ", ".join(allowed)),))
        return self.route.handler


class Router(Generic[Handler]):
    """A fixed table of routes, one for each path."""

    def __init__(self, routes: Iterable[Route[Handler]]) -> None:
        self._routes = tuple(routes)
        self._patterns = [
            (re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(route.template))), route)
            for route in self._routes
        ]

    def match(self, path: str) -> Match[Handler] | None:
        """Find the route of a path."""
        for pattern, route in self._patterns:
            if found := pattern.fullmatch(path):
                return Match(route, found.groupdict())
        return None

    def not_found(self, path: str) -> RequestError:
        """Make the error for a path without a route: it lists those that there are."""
        routes = ", ".join(f"{route.method} {route.template}" for route in self._routes)
        return RequestError(404, f"path: no route {shown(path)}; routes: {routes}")
