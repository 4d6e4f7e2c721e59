"""The open-loop client: requests leave when they are due, whether or not the earlier ones were answered.

A latency counts from the moment at which a request was due, so that a server that stalls is charged for
all that would have come meanwhile (Gil Tene's "coordinated omission"). It polls without sleeping, and needs a
core of its own.
"""

import gc
import math
import select
import socket
import statistics
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from timing import BenchmarkError
from wire import Exchange

__all__ = ["Offered", "offer"]

_PATIENCE = 5.0
_SEED = 20261121


@dataclass(frozen=True)
class Offered:
    """What became of a rate of requests. Rates a second, times in seconds."""

    rate: float
    answered: float
    """Answers with 200 that came while requests were due, a second."""
    p50: float
    p99: float
    lost: int
    """Requests without an answer five seconds after the last was due; they count as that late."""

    @classmethod
    def of(cls, rate: float, seconds: float, due: list[float], done: list[float]) -> Self:
        """Sum up: seconds after the begin at which each request was due, and answered (NaN: not)."""
        end = seconds + _PATIENCE
        waited = sorted(
            (end if math.isnan(after) else after) - before for before, after in zip(due, done, strict=True)
        )
        return cls(
            rate=rate,
            answered=sum(moment <= seconds for moment in done) / seconds,
            p50=_percentile(waited, 50),
            p99=_percentile(waited, 99),
            lost=sum(map(math.isnan, done)),
        )

    @classmethod
    def median(cls, seen: Sequence[Self]) -> Self:
        """The median of each figure, over rounds of one rate."""
        return cls(
            rate=seen[0].rate,
            answered=statistics.median(one.answered for one in seen),
            p50=statistics.median(one.p50 for one in seen),
            p99=statistics.median(one.p99 for one in seen),
            lost=statistics.median_high(one.lost for one in seen),
        )


def offer(address: str, exchange: Exchange, *, rate: float, seconds: float, connections: int = 64) -> Offered:
    """Send requests at random moments, `rate` a second on average (a Poisson process from a fixed seed).

    Raises:
        BenchmarkError: an answer is not 200, or a connection was closed.
    """
    count = max(1, round(rate * seconds))
    due = (np.random.default_rng(_SEED).random(count) * seconds).tolist()
    due.sort()
    host, _, port = address.rpartition(":")
    sockets = [socket.create_connection((host, int(port))) for _ in range(connections)]
    gc.disable()
    try:
        done = _drive(sockets, _request(address, exchange), due, seconds + _PATIENCE)
    finally:
        gc.enable()
        for one in sockets:
            one.close()
    return Offered.of(rate, seconds, due, done)


def _drive(sockets: list[socket.socket], request: bytes, due: list[float], end: float) -> list[float]:
    poll = select.epoll()
    by_descriptor = {one.fileno(): one for one in sockets}
    for descriptor, one in by_descriptor.items():
        one.settimeout(0)
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poll.register(descriptor, select.EPOLLIN)
    idle = deque(by_descriptor)
    waiting: dict[int, int] = {}
    parts: dict[int, bytes] = {}
    done = [math.nan] * len(due)
    following = answers = 0
    began = time.perf_counter()
    while answers < len(due):
        now = time.perf_counter() - began
        if now > end:
            break
        while following < len(due) and due[following] <= now and idle:
            descriptor = idle.popleft()
            waiting[descriptor] = following
            following += 1
            if by_descriptor[descriptor].send(request) < len(request):
                raise BenchmarkError(f"{len(request)} bytes do not fit into a socket's buffer")
        for descriptor, _ in poll.poll(0):
            data = parts.pop(descriptor, b"") + by_descriptor[descriptor].recv(65536)
            if not _is_complete(data):
                parts[descriptor] = data
                continue
            done[waiting.pop(descriptor)] = time.perf_counter() - began
            answers += 1
            idle.append(descriptor)
    poll.close()
    return done


def _is_complete(data: bytes) -> bool:
    """Whether a whole response is there.

    Raises:
        BenchmarkError: it is not one of status 200 with a Content-Length.
    """
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator:
        if not data:
            raise BenchmarkError("the server closed a connection")
        return False
    _, _, rest = head.lower().partition(b"content-length:")
    if not head.startswith(b"HTTP/1.1 200") or not rest:
        raise BenchmarkError(f"answered with {data[:200]!r}")
    return len(body) >= int(rest.partition(b"\r\n")[0])


def _request(address: str, exchange: Exchange) -> bytes:
    headers = {"host": address, **exchange.headers, "content-length": str(len(exchange.body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {exchange.path} HTTP/1.1\r\n{lines}\r\n".encode() + exchange.body


def _percentile(ordered: list[float], percent: float) -> float:
    """The smallest value that at least `percent` of 100 do not exceed (nearest rank)."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
