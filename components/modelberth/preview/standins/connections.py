"""The engine's connections: one for each provider instance of each run, which is how they are told apart.

A call about a resource does not say through which provider instance it came, and so not in which region or
project; the connection does. What waits for an answer ends when its engine cancels, dies or is not served any
more.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import grpc

from modelberth.preview.standins.backend import Request
from modelberth.provider.resource import Properties

__all__ = ["Connections"]


@dataclass
class _Connection:
    config: Properties = field(default_factory=dict)
    waiting: set[threading.Event] = field(default_factory=set)


class Connections:
    """What is known of each connection. Calls come from several threads."""

    def __init__(self) -> None:
        self._connections: dict[str, _Connection] = {}
        self._is_closed = False
        self._lock = threading.Lock()

    def configure(self, context: grpc.ServicerContext, config: Properties) -> None:
        """Take over a provider instance's configuration."""
        with self._lock:
            self._connections.setdefault(context.peer(), _Connection()).config = config

    def request(self, context: grpc.ServicerContext) -> Request:
        """A request that is not about a resource yet; it is cancelled when nobody waits for its answer."""
        ended = threading.Event()
        with self._lock:
            connection = self._connections.setdefault(context.peer(), _Connection())
            connection.waiting.add(ended)
            config = connection.config
            if self._is_closed:
                ended.set()

        def end() -> None:
            ended.set()
            with self._lock:
                connection.waiting.discard(ended)

        if not context.add_callback(end):
            end()
        return Request("", "", "", config=config, cancelled=ended)

    def cancel(self, context: grpc.ServicerContext) -> None:
        """End what waits on one connection; the engine does not use it any more."""
        with self._lock:
            connection = self._connections.pop(context.peer(), _Connection())
            for ended in connection.waiting:
                ended.set()

    def close(self) -> None:
        """End what waits on every connection, and whatever comes from now on."""
        with self._lock:
            self._is_closed = True
            for connection in self._connections.values():
                for ended in connection.waiting:
                    ended.set()
