"""Verification of bearer tokens (JSON Web Tokens, RFC 7519, by the rules of RFC 8725)."""

import binascii
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, Protocol

import jwt
from jwt.exceptions import PyJWTError

from modelberth_server.access.challenge import invalid_token
from modelberth_server.access.key_set import ALGORITHMS, KeySet, strict_object
from modelberth_server.errors import RequestError

__all__ = ["KeySource", "Tokens"]

MAX_CACHED: Final = 4096
MAX_HEADER: Final = 2048
MAX_KID: Final = 256
# At most 255 ASCII characters (OpenID Connect Core, 2).
MAX_SUBJECT: Final = 255
CLAIMS: Final = ("exp", "iss", "aud", "sub")
# Explicit types (RFC 8725, 3.11): a logout token or a DPoP proof of the same issuer opens nothing.
TYPES: Final = frozenset({"jwt", "application/jwt", "at+jwt", "application/at+jwt"})
# Headers and claims are UTF-8 (RFC 7515, 3; RFC 7519, 3). `json.loads` would make a decoder for each of them.
_JSON: Final = json.JSONDecoder(object_pairs_hook=strict_object)


class KeySource(Protocol):
    """Where the issuer's keys come from."""

    @property
    def keys(self) -> KeySet | None:
        """The newest keys, or None as long as there are none."""
        ...

    def ask(self) -> int | None:
        """Ask for newer keys than these; return in how many seconds to try again, or None if never."""
        ...


class _QuickJws(jwt.PyJWS):
    """Decodes what is canonical at once; PyJWT looks at each character, a third of a verification."""

    @staticmethod
    def _decode_base64url_segment(segment: bytes, name: str) -> bytes:
        try:
            decoded = urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))
        except binascii.Error:
            decoded = b""
        # Only of characters of the alphabet, without padding and stray bits, is it the only form.
        if urlsafe_b64encode(decoded).rstrip(b"=") == segment:
            return decoded
        return jwt.PyJWS._decode_base64url_segment(segment, name)  # noqa: SLF001


class _StrictJwt(jwt.PyJWT):
    """Refuses claims that are there twice, of which another reader might take the other one."""

    def __init__(self) -> None:
        super().__init__()
        self._jws = _QuickJws(options=self._get_sig_options())

    def _decode_payload(self, decoded: dict[str, Any]) -> dict[str, Any]:
        try:
            claims = _JSON.decode(decoded["payload"].decode())
        except (ValueError, RecursionError):
            raise jwt.DecodeError("claims: not a JSON object") from None
        if not isinstance(claims, dict):
            raise jwt.DecodeError("claims: not a JSON object")
        return claims


class Tokens:
    """Says whose token it is, and remembers it until the token expires or the issuer's keys change."""

    def __init__(
        self,
        issuer: str,
        audience: str,
        leeway: float,
        source: KeySource,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._issuer = issuer
        self._audience = audience
        self._leeway = leeway
        self._source = source
        self._clock = clock
        self._jwt = _StrictJwt()
        self._known: OrderedDict[bytes, tuple[str, float]] = OrderedDict()
        self._known_by: KeySet | None = None

    def __len__(self) -> int:
        return len(self._known)

    def caller(self, token: bytes, digest: bytes) -> str:
        """Return `jwt:SUBJECT`; `digest` is the sha256 of the token.

        Raises:
            RequestError: 401 where the token is not valid here, 503 where there are no keys yet.

        """
        keys = self._source.keys
        if keys is not self._known_by:
            # A key that the issuer has withdrawn vouches for nobody any more.
            self._known.clear()
            self._known_by = keys
        known = self._known.get(digest)
        if known is not None and known[1] > self._clock():
            self._known.move_to_end(digest)
            return known[0]
        subject, expires = self._verify(token, keys)
        self._known[digest] = subject, expires
        self._known.move_to_end(digest)
        if len(self._known) > MAX_CACHED:
            self._known.popitem(last=False)
        return subject

    def _verify(self, token: bytes, keys: KeySet | None) -> tuple[str, float]:
        """Return the caller and the time at which the token is void."""
        algorithm, kid = _read_header(token)
        if keys is None:
            seconds = self._source.ask() or 1
            raise RequestError(
                503, "the keys of the token's issuer are not known yet", (("Retry-After", str(seconds)),)
            )
        key = keys.find(kid, algorithm)
        if key is None:
            raise self._unknown_key(keys, kid)
        try:
            claims = self._jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=self._audience,
                issuer=self._issuer,
                leeway=self._leeway,
                options={"require": list(CLAIMS)},
            )
        except PyJWTError as error:
            raise invalid_token(_FAULTS.get(type(error), "not a valid token")) from None
        subject, expires = claims["sub"], claims["exp"]
        if not subject or len(subject) > MAX_SUBJECT or not (subject.isascii() and subject.isprintable()):
            raise invalid_token(f"sub: allowed are 1 to {MAX_SUBJECT} printable ASCII characters")
        if isinstance(expires, bool) or not isinstance(expires, int | float):
            raise invalid_token("exp: not a number")
        return f"jwt:{subject}", min(expires, 1 << 53) + self._leeway

    def _unknown_key(self, keys: KeySet, kid: str | None) -> RequestError:
        if kid is None:
            return invalid_token("kid: missing, and the issuer has several keys")
        if keys.knows(kid):
            return invalid_token("alg: the key is for another algorithm")
        # Not 503: whoever invents key ids would decide when a load balancer gives this server up.
        seconds = self._source.ask()
        return invalid_token("kid: not a key of the issuer", retry_after=seconds)


_FAULTS: Final[dict[type[Exception], str]] = {
    jwt.ExpiredSignatureError: "exp: the token has expired",
    jwt.ImmatureSignatureError: "nbf or iat: the token is not valid yet",
    jwt.InvalidAudienceError: "aud: not meant for this server",
    jwt.InvalidIssuerError: "iss: another issuer than the one expected here",
    jwt.InvalidSignatureError: "the signature is not the issuer's",
    jwt.MissingRequiredClaimError: f"a claim is missing, required are {', '.join(CLAIMS)}",
}


def _read_header(token: bytes) -> tuple[str, str | None]:
    """Return the algorithm and the key id of a header that says nothing else of importance.

    `jku`, `x5u`, `jwk` and `x5c` are not looked at: keys come from the configured issuer alone.
    """
    segment = token.partition(b".")[0]
    if len(segment) > MAX_HEADER:
        raise invalid_token(f"header: more than {MAX_HEADER} bytes")
    try:
        header = _JSON.decode(urlsafe_b64decode(segment + b"=" * (-len(segment) % 4)).decode())
    except (ValueError, RecursionError, binascii.Error):
        raise invalid_token("not a JSON Web Token") from None
    if not isinstance(header, dict):
        raise invalid_token("not a JSON Web Token")
    algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise invalid_token(f"alg: allowed are {', '.join(sorted(ALGORITHMS))}")
    if kid is not None and (not isinstance(kid, str) or len(kid) > MAX_KID):
        raise invalid_token(f"kid: allowed is a string of at most {MAX_KID} characters")
    if not isinstance(kind, str) or kind.lower() not in TYPES:
        raise invalid_token("typ: allowed are JWT and at+jwt")
    return algorithm, kid
