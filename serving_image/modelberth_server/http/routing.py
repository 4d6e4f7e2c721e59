"""From a path and a method to a handler."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from modelberth_server.errors import RequestError
from modelberth_server.http.message import Request, Response
from modelberth_server.tensors import shown

__all__ = ["Handler", "Match", "Route", "Router"]

# Paths whose match is remembered; a stranger can ask for any number of versions.
REMEMBERED: Final = 256

# None: the response follows, through the request's sink.
Handler = Callable[[Request, Mapping[str, str]], Response | None]


@dataclass(frozen=True, slots=True)
class Route:
    """A method, a path whose `{segments}` are captured, and what handles it; HEAD goes where GET goes.

    An `open` route is for everyone, whoever may call the others.
    """

    method: str
    template: str
    handler: Handler = field(repr=False)
    open: bool = False

    def check(self, method: str) -> None:
        """Raise a RequestError 405 that names the method to use, where `method` is another."""
        if method == self.method or (method == "HEAD" and self.method == "GET"):
            return
        allowed = ("GET", "HEAD") if self.method == "GET" else (self.method,)
        message = f"method: {method} is not possible on {self.template}, use {' or '.join(allowed)}"
        raise RequestError(405, message, (("allow", ", ".join(allowed)),))


@dataclass(frozen=True, slots=True)
class Match:
    """The route of a request and the segments that its template captured."""

    route: Route
    segments: Mapping[str, str]


class Router:
    """A fixed table of routes, one for each path."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = tuple(routes)
        self._patterns = [
            (re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/:]+)", re.escape(route.template))), route)
            for route in self._routes
        ]
        self._remembered: dict[str, Match] = {}

    def match(self, path: str) -> Match | None:
        """Find the route of a path."""
        match = self._remembered.get(path)
        if match is not None:
            return match
        for pattern, route in self._patterns:
            if found := pattern.fullmatch(path):
                match = Match(route, found.groupdict())
                if len(self._remembered) < REMEMBERED:
                    self._remembered[path] = match
                return match
        return None

    def not_found(self, path: str) -> RequestError:
        """Make the error for a path without a route: it lists those that there are."""
        routes = ", ".join(f"{route.method} {route.template}" for route in self._routes)
        return RequestError(404, f"path: no route {shown(path)}; routes: {routes}")
