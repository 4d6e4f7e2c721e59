"""Who may call, and how often: the one object that the server asks."""

import asyncio
import contextlib
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Protocol

from modelberth_server.access.api_keys import parse_keys
from modelberth_server.access.challenge import invalid_token, unauthenticated
from modelberth_server.access.rate_limit import RateLimit, network
from modelberth_server.access.tls import Tls
from modelberth_server.access.watched_file import WatchedFile
from modelberth_server.errors import RequestError, SettingsError
from modelberth_server.http.message import Request
from modelberth_server.settings import Settings

if TYPE_CHECKING:
    from modelberth_server.access.issuer_keys import Fetch, IssuerKeys
    from modelberth_server.access.tokens import Tokens

__all__ = ["Access"]

POLL_SECONDS: Final = 2.0
# Tokens of Entra ID with many groups reach 8 KiB; what is larger than this is not even hashed.
MAX_CREDENTIAL: Final = 16 * 1024


class _Watched(Protocol):
    def refresh(self) -> None: ...


class Access:
    """Decides on each request, in the event loop's thread; only an issuer's keys are fetched in another one.

    API keys and tokens are two ways to say who one is: where both are configured, either is enough. Clients'
    certificates come in addition: without one there is no connection. The rate is limited for each caller,
    which is an address where nobody says who he is.

    Attributes:
        tls: of the listening socket, None for plain HTTP

    """

    def __init__(self) -> None:
        """Let everybody in; see `from_settings`."""
        self.tls: Tls | None = None
        self._keys: WatchedFile[Mapping[bytes, str]] | None = None
        self._key_header = b"x-api-key"
        self._tokens: Tokens | None = None
        self._issuer_keys: IssuerKeys | None = None
        self._rate_limit: RateLimit | None = None
        self._watched: list[_Watched] = []
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    def from_settings(cls, settings: Settings, *, fetch: "Fetch | None" = None) -> "Access":
        """Read and validate the files. An issuer is asked by `start`, by HTTPS unless `fetch` is given.

        Raises:
            SettingsError: a file is missing or bad, or a variable is set without its partner.

        """
        access = cls()
        access._set_keys(settings)
        access._set_tokens(settings, fetch)
        access.tls = Tls.from_settings(settings)
        if access.tls is not None:
            access._watched.append(access.tls)
        if settings.rate_limit_per_minute:
            access._rate_limit = RateLimit(settings.rate_limit_per_minute)
        return access

    @property
    def is_open(self) -> bool:
        """Whether anybody may call: neither keys, tokens nor clients' certificates are configured."""
        return self._keys is None and self._tokens is None and not self._wants_certificate

    @property
    def _wants_certificate(self) -> bool:
        return self.tls is not None and self.tls.wants_certificate

    def check(self, request: Request) -> None:
        """Let the request in and set its `caller`: `key:NAME`, `jwt:SUBJECT`, `cert:NAME` or nothing.

        A caller `iam:…` was let in by the platform already; no header can say that of itself. Where clients
        have certificates, `request.caller` has to be `certificate_caller` of the connection's.

        Raises:
            RequestError: 401 where nobody known asks, 403 for a certificate without a name, 429 above the
                rate, 503 while a token's issuer has not been reached yet.

        """
        if request.caller.startswith("iam:"):
            return
        if self._keys is not None or self._tokens is not None:
            request.caller = self._identify(request.headers)
        elif not self._wants_certificate:
            request.caller = ""
        elif not request.caller:
            raise RequestError(403, "client certificate: it has no URI, common name or DNS name")
        if self._rate_limit is not None:
            self._rate_limit.take(request.caller or network(request.peer))

    async def start(self) -> None:
        """Ask the issuer for its keys once, for a few seconds at most, and follow changes from then on."""
        if self._issuer_keys is not None:
            await self._issuer_keys.refresh()
            self._tasks.append(asyncio.create_task(self._issuer_keys.run()))
        if self._watched:
            self._tasks.append(asyncio.create_task(self._poll()))

    async def close(self) -> None:
        """Stop to follow changes."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks.clear()

    def refresh(self) -> None:
        """Look whether a file of keys or certificates has changed, and read it again."""
        for watched in self._watched:
            watched.refresh()

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            self.refresh()

    def _identify(self, headers: dict[bytes, bytes]) -> str:
        """Return the caller whose key or token the headers carry.

        A key in its own header decides alone: beside it, `Authorization` may hold a token of the platform in
        front (Cloud Run, API Gateway) that is not meant for this server.
        """
        credential = headers.get(self._key_header) if self._keys is not None else None
        header = self._key_header.decode()
        if credential is None:
            header = "authorization"
            scheme, _, credential = headers.get(b"authorization", b"").partition(b" ")
            credential = credential.strip()
            if scheme.lower() != b"bearer" or not credential:
                raise unauthenticated(self._expected())
        if len(credential) > MAX_CREDENTIAL:
            raise invalid_token(f"more than {MAX_CREDENTIAL} bytes", header=header)
        digest = sha256(credential).digest()
        if self._keys is not None:
            caller = self._keys.value.get(digest)
            if caller is not None:
                return caller
        if self._tokens is not None and header == "authorization":
            return self._tokens.caller(credential, digest)
        raise invalid_token("not a known key", header=header)

    def _expected(self) -> str:
        places = ["a token in Authorization: Bearer"] if self._tokens is not None else []
        if self._keys is not None:
            places.insert(0, f"a key in {self._key_header.decode()} or in Authorization: Bearer")
        return f"no credential: expected is {', or '.join(places)}"

    def _set_keys(self, settings: Settings) -> None:
        if settings.api_key_header == "authorization":
            raise SettingsError(
                "MODELBERTH_API_KEY_HEADER: authorization is read in any case, as Bearer KEY; name another"
            )
        if settings.api_keys_file is None:
            return
        self._key_header = settings.api_key_header.encode("ascii")
        self._keys = WatchedFile("MODELBERTH_API_KEYS_FILE", settings.api_keys_file, parse_keys)
        self._watched.append(self._keys)

    def _set_tokens(self, settings: Settings, fetch: "Fetch | None") -> None:
        if settings.jwt_issuer is None and settings.jwt_audience is None and settings.jwt_jwks is None:
            return
        # 15 MiB and 0.1 s that a server without tokens does not spend.
        from modelberth_server.access.issuer import KeysFile, tokens_from_settings  # noqa: PLC0415

        tokens, source = tokens_from_settings(settings, **({"fetch": fetch} if fetch else {}))
        self._tokens = tokens
        if isinstance(source, KeysFile):
            self._watched.append(source)
        else:
            self._issuer_keys = source
