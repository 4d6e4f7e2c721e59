"""How much one client may send, and how long it may take."""

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
            settings.max_connections,
            settings.header_timeout_seconds,
            settings.timeout_seconds,
        )
