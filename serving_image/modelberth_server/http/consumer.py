"""Who takes the requests that are read from one client."""

from typing import Protocol

from modelberth_server.http.message import Request, Sink

__all__ = ["Consumer"]


class Consumer(Sink, Protocol):
    """What the requests are for, and the sink of each.

    Attributes:
        full: it takes no more requests for now; what is read meanwhile is kept unparsed

    """

    full: bool

    def take(self, request: Request, *, keep_alive: bool) -> None:
        """Take a complete request; without `keep_alive` its client wants no other on this connection."""
        ...

    def proceed(self) -> None:
        """Tell the client, which waits for it, that it may send the body."""
        ...
