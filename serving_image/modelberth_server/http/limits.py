"""How much one client may send, and how long it may take."""

import logging
import resource
from dataclasses import dataclass
from typing import Final

from modelberth_server.settings import Settings

__all__ = [
    "KEEP_ALIVE_SECONDS",
    "MAX_HEADERS",
    "MAX_HEADER_BYTES",
    "MAX_PIPELINED",
    "MAX_URL_BYTES",
    "Limits",
]

# As much as the load balancers of Google and AWS pass on: https://cloud.google.com/load-balancing/docs/quotas,
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html.
MAX_HEADER_BYTES: Final = 64 * 1024
MAX_HEADERS: Final = 128
MAX_URL_BYTES: Final = 8 * 1024
# Requests that a client sent ahead of their answers; more wait in its socket.
MAX_PIPELINED: Final = 16
# Longer than the idle time of the load balancers in front (60 s on AWS by default), so that it is they who
# close an idle connection, and none of their requests meets a closing one.
KEEP_ALIVE_SECONDS: Final = 75.0
# Files and sockets that a process needs beside its connections.
OTHER_FILES: Final = 64

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """The limits that settings decide; times in seconds."""

    max_body_bytes: int
    max_connections: int
    header_seconds: float
    """For the headers of a request, and for a reader of a response to make progress."""
    request_seconds: float
    """For the body of a request to arrive."""

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """Take the limits from the settings."""
        return cls(
            settings.max_body_bytes,
            _possible(settings.max_connections),
            settings.header_timeout_seconds,
            settings.timeout_seconds,
        )


def _possible(connections: int) -> int:
    """Return how many of the connections the process may have, after asking for all of them.

    Many systems allow a process 1,024 open files until it asks for more. Beyond what is allowed a new client
    would be turned away, where the one that is idle for longest can go.
    """
    wanted = connections + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return connections
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    except (OSError, ValueError):
        allowed = soft
    if allowed == wanted:
        return connections
    possible = max(allowed - OTHER_FILES, 1)
    logger.warning(
        "MODELBERTH_MAX_CONNECTIONS: %d, but the system allows %d open files: no more than %d are kept",
        *(connections, allowed, possible),
    )
    return possible
