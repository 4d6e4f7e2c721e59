"""An issuer's keys over HTTPS: fetched, kept, and fetched again."""

import asyncio
import contextlib
import json
import logging
import math
import time
from collections.abc import Callable
from typing import Final

from modelberth_server.access.fetch import FetchError, check_url, fetch
from modelberth_server.access.key_set import KeySet, strict_object

__all__ = ["Fetch", "IssuerKeys"]

REFRESH_SECONDS: Final = 300.0
# Between two fetches that unknown key ids ask for: whoever invents ids cannot make more of them.
ASKED_SECONDS: Final = 10.0
FIRST_RETRY_SECONDS: Final = 1.0
LAST_RETRY_SECONDS: Final = 60.0
DISCOVERY: Final = "/.well-known/openid-configuration"

Fetch = Callable[[str], bytes]

logger = logging.getLogger(__name__)


class IssuerKeys:
    """The keys of an issuer, refreshed every five minutes; when it does not answer, the last ones stay.

    Attributes:
        keys: the newest ones, None until the issuer has answered for the first time

    """

    def __init__(
        self,
        issuer: str,
        jwks: str | None,
        *,
        fetch: Fetch = fetch,
        refresh_seconds: float = REFRESH_SECONDS,
        asked_seconds: float = ASKED_SECONDS,
        retry_seconds: float = FIRST_RETRY_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the address of the keys (`jwks`), or None to find it by OpenID Connect discovery."""
        self._issuer = issuer
        self._jwks = jwks
        self._fetch = fetch
        self._refresh_seconds = refresh_seconds
        self._asked_seconds = asked_seconds
        self._retry_seconds = retry_seconds
        self._clock = clock
        self._asked = asyncio.Event()
        self._attempted = -math.inf
        self._failures = 0
        self.keys: KeySet | None = None

    def ask(self) -> int:
        """Ask for newer keys, at most once in ten seconds; return in how many seconds to look again."""
        due = self._attempted + self._asked_seconds - self._clock()
        if due <= 0:
            self._asked.set()
            return 1
        return math.ceil(due)

    async def refresh(self) -> None:
        """Fetch the keys in a thread; a failure is logged and the last keys stay."""
        self._attempted = self._clock()
        self._asked.clear()
        try:
            keys = await asyncio.to_thread(self._load)
        except FetchError as error:
            self._failures += 1
            logger.warning("keys of the issuer %s: %s; %s", self._issuer, error, self._consequence())
        except Exception:
            self._failures += 1
            logger.exception("keys of the issuer %s: unexpected error; %s", self._issuer, self._consequence())
        else:
            self._failures = 0
            if self.keys is None or keys.source != self.keys.source:
                self.keys = keys
                logger.info(
                    "keys of the issuer %s: %s",
                    self._issuer,
                    ", ".join(sorted({str(kid) for kid, _ in keys.keys})),
                )

    async def run(self) -> None:
        """Refresh for ever: in time, sooner after a failure, and when an unknown key was asked for."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause()):
                    await self._asked.wait()
            await self.refresh()

    def _pause(self) -> float:
        if self._failures == 0:
            return self._refresh_seconds
        # The exponent is bounded: a float is not, after a week without an answer.
        return min(self._retry_seconds * 2.0 ** min(self._failures - 1, 10), LAST_RETRY_SECONDS)

    def _consequence(self) -> str:
        return "the last ones stay" if self.keys else "tokens are answered with 503 until there are some"

    def _load(self) -> KeySet:
        address = self._jwks or self._discover()
        try:
            return KeySet.parse(self._fetch(address))
        except ValueError as error:
            raise FetchError(f"{address}: {error}") from None

    def _discover(self) -> str:
        """Return the address of the keys by OpenID Connect Discovery 1.0, 4."""
        address = self._issuer.rstrip("/") + DISCOVERY
        try:
            document = json.loads(self._fetch(address), object_pairs_hook=strict_object)
        except (ValueError, RecursionError) as error:
            raise FetchError(f"{address}: not JSON: {error}") from None
        if not isinstance(document, dict) or document.get("issuer") != self._issuer:
            raise FetchError(f"{address}: its issuer is not {self._issuer}")
        jwks = document.get("jwks_uri")
        try:
            return check_url(jwks)
        except ValueError as error:
            raise FetchError(f"{address}: jwks_uri: {error}") from None
