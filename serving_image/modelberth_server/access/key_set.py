"""An issuer's public keys (JSON Web Key Set, RFC 7517), and what each of them may verify."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from jwt import PyJWK
from jwt.exceptions import PyJWTError

__all__ = ["ALGORITHMS", "KeySet", "strict_object"]

# By key type and curve: what a key may verify is decided by what it is, never by the token alone, so a public
# key cannot be taken for the secret of an HMAC (RFC 8725, 3.1).
_BY_KIND: Final[Mapping[tuple[str | None, str | None], tuple[str, ...]]] = {
    ("RSA", None): ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA",),
}
ALGORITHMS: Final = frozenset(name for names in _BY_KIND.values() for name in names)
_SORTED: Final = sorted(ALGORITHMS)
MAX_KEYS: Final = 100

logger = logging.getLogger(__name__)


def strict_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make the object of its members, for json; ValueError where a name is there twice."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name is there twice")
    return members


@dataclass(frozen=True)
class KeySet:
    """The usable keys of an issuer.

    Attributes:
        source: the document that they were read from
        keys: by key id and algorithm
        sole: the id of the only key, where there is one: a token may leave it out then (OpenID Connect Core,
            10.1)

    """

    source: bytes
    keys: Mapping[tuple[str | None, str], PyJWK]
    sole: tuple[str | None] | None

    @classmethod
    def parse(cls, document: bytes) -> "KeySet":
        """Read a key set; keys that are not for verifying signatures, or too weak, are left out.

        Raises:
            ValueError: it is no key set, or none of its keys is usable.

        """
        try:
            value = json.loads(document, object_pairs_hook=strict_object)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"not JSON: {error}") from None
        entries = value.get("keys") if isinstance(value, dict) else None
        if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_KEYS:
            raise ValueError(f'no JSON Web Key Set: allowed is {{"keys": [1 to {MAX_KEYS} keys]}}')
        keys: dict[tuple[str | None, str], PyJWK] = {}
        refused = []
        for place, entry in enumerate(entries):
            try:
                usable = _read_key(entry)
            except ValueError as error:
                refused.append(f"keys[{place}]: {error}")
                continue
            if usable.keys().isdisjoint(keys):
                keys |= usable
            else:
                refused.append(f"keys[{place}]: an earlier one has the same kid")
        if not keys:
            raise ValueError(f"no usable key: {'; '.join(refused)}")
        if refused:
            logger.debug("keys that are not used: %s", "; ".join(refused))
        ids = {kid for kid, _ in keys}
        return cls(document, keys, (ids.pop(),) if len(ids) == 1 else None)

    def find(self, kid: str | None, algorithm: str) -> PyJWK | None:
        """Return the key that a token names, bound to the algorithm, or None."""
        if kid is None and self.sole is not None:
            kid = self.sole[0]
        return self.keys.get((kid, algorithm))

    def knows(self, kid: str | None) -> bool:
        """Tell whether there is such a key, whatever it verifies."""
        return any(known == kid for known, _ in self.keys)


def _read_key(entry: Any) -> dict[tuple[str | None, str], PyJWK]:
    """Return the key for each algorithm that it may verify; ValueError says why there is none."""
    if not isinstance(entry, dict):
        raise ValueError("not an object")  # noqa: TRY004 -- every fault of the document is a ValueError
    for name in ("kid", "kty", "crv", "alg", "use"):
        if not isinstance(entry.get(name), str | None):
            raise ValueError(f"{name}: not a string")  # noqa: TRY004
    kid, kind, algorithm = entry.get("kid"), entry.get("kty"), entry.get("alg")
    allowed = _BY_KIND.get((kind, None if kind == "RSA" else entry.get("crv")), ())
    if algorithm is not None:
        allowed = tuple(name for name in allowed if name == algorithm)
    if not allowed:
        raise ValueError(f"kty {kind!r}, alg {algorithm!r}: allowed is what verifies {', '.join(_SORTED)}")
    operations = entry.get("key_ops", ["verify"])
    if entry.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        raise ValueError("use, key_ops: not for verifying signatures")
    if "d" in entry:
        raise ValueError("d: it is a private key")
    keys = {}
    for name in allowed:
        try:
            key = PyJWK(entry, name)
        except PyJWTError as error:
            raise ValueError(str(error)) from None
        weakness = key.Algorithm.check_key_length(key.key)
        if weakness is not None:
            raise ValueError(weakness)
        keys[kid, name] = key
    return keys
