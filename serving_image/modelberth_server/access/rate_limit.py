"""How often one caller may call."""

import functools
import ipaddress
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from modelberth_server.errors import RequestError

__all__ = ["RateLimit", "network"]

MAX_CALLERS: Final = 10_000
MINUTE_NS: Final = 60 * 10**9
SECOND_NS: Final = 10**9

logger = logging.getLogger(__name__)


class RateLimit:
    """A token bucket for each caller, of a minute's worth: N requests at once, then one every 60 / N seconds.

    A bucket is kept as one number, the time at which it will be full again (the generic cell rate algorithm
    of ITU-T I.371), in whole nanoseconds, so that N tokens are exactly N.

    At most `max_callers` buckets are kept; the one that was asked for the longest ago is dropped first. A
    bucket that was not asked for during a minute is full and dropping it changes nothing. To have his own
    dropped earlier, a caller needs as many other callers within that minute. Those have budgets of their own,
    which he could spend instead, so dropping gives him nothing that he does not have already.
    """

    def __init__(
        self,
        limit_per_minute: int,
        *,
        max_callers: int = MAX_CALLERS,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._limit = limit_per_minute
        self._interval = MINUTE_NS // limit_per_minute
        # A bucket that is full later than this has no token left.
        self._horizon = (limit_per_minute - 1) * self._interval
        self._max_callers = max_callers
        self._clock = clock
        self._full_at: OrderedDict[str, int] = OrderedDict()
        self._has_warned = False

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, caller: str) -> None:
        """Take a token from the caller's bucket.

        Raises:
            RequestError: 429, with the whole seconds after which there is one in `Retry-After`.

        """
        now = self._clock()
        full_at = self._full_at.get(caller)
        if full_at is None:
            self._full_at[caller] = now + self._interval
            if len(self._full_at) > self._max_callers:
                self._forget_oldest(now)
            return
        # Also where it is refused: who keeps on asking keeps his bucket.
        self._full_at.move_to_end(caller)
        if full_at < now:
            full_at = now
        wait = full_at - now - self._horizon
        if wait > 0:
            seconds = -(-wait // SECOND_NS)
            raise RequestError(
                429,
                f"rate limit: {self._limit} requests a minute for one caller, try again in {seconds} s",
                (("Retry-After", str(seconds)),),
            )
        self._full_at[caller] = full_at + self._interval

    def _forget_oldest(self, now: int) -> None:
        _, full_at = self._full_at.popitem(last=False)
        if full_at > now and not self._has_warned:
            self._has_warned = True
            logger.warning(
                "rate limit: more than %d callers within a minute, the bucket of the oldest is given up",
                self._max_callers,
            )


@functools.lru_cache(maxsize=4096)
def network(peer: str) -> str:
    """Return whose address it is: an IPv4 address, or the /64 of an IPv6 one, which is given to one customer.

    Anything else, such as the empty address of a Unix socket, is returned as it is.
    """
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return peer
    if isinstance(address, ipaddress.IPv4Address):
        return peer
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
