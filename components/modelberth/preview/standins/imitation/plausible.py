"""Values of the right shape for outputs that no table speaks of, by their names."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from modelberth.preview.standins.sdk.shapes import (
    Choice,
    ListOf,
    MapOf,
    ObjectOf,
    OneOf,
    Scalar,
    Shape,
)

__all__ = ["WHEN", "Seed", "empty", "plausible"]

WHEN: Final = "2020-01-01T00:00:00Z"
"""The one time at which stand-ins do everything."""

_DEEPEST: Final = 4


class Seed:
    """Digits and identifiers that follow from a text, such as a resource's URN."""

    def __init__(self, text: str) -> None:
        self._text = text

    def hex(self, length: int, more: str = "") -> str:
        """That many hexadecimal digits, at most 64."""
        return hashlib.sha256(f"{self._text}{more}".encode()).hexdigest()[:length]

    def digits(self, length: int, more: str = "") -> str:
        """That many decimal digits, at most 60, no zero first."""
        return (
            f"1{int(self.hex(64, more), 16):070d}"[:1] + f"{int(self.hex(64, more), 16):070d}"[-length + 1 :]
        )

    def uuid(self, more: str = "") -> str:
        """A UUID of version 4."""
        h = self.hex(32, more)
        return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-8{h[17:20]}-{h[20:]}"

    def address(self) -> str:
        """An IPv4 address that is reserved for documentation (RFC 5737)."""
        return f"192.0.2.{int(self.hex(4), 16) % 254 + 1}"


# The first expression that is found in an output's name decides; `name` is the resource's physical one.
_BY_NAME: Final[tuple[tuple[re.Pattern[str], Callable[[str, Seed, str], str]], ...]] = (
    (re.compile(r"(?i)(delet|expir|failover|suspend)\w*(time|at)$"), lambda *_: ""),
    (re.compile(r"(?i)errors?$|message$|reason$"), lambda *_: ""),
    (
        re.compile(r"(?i)(time|date|timestamp|created|updated|modified)$|(created|updated|modified)(at|on)$"),
        lambda *_: WHEN,
    ),
    (re.compile(r"(?i)sha256$|digest$"), lambda o, s, _: _digest(o, s)),
    (re.compile(r"(?i)(uid|uuid|guid)$|(principal|client|customer|object)Id$"), lambda o, s, _: s.uuid(o)),
    (re.compile(r"(?i)(etag|fingerprint|hash|checksum)$"), lambda o, s, _: s.hex(16, o)),
    (re.compile(r"(?i)(url|uri|link|endpoint)$"), lambda _, __, name: f"https://{_host(name)}/"),
    (re.compile(r"(?i)(fqdn|domain|domainname|hostname|dns)$"), lambda _, __, name: _host(name)),
    (re.compile(r"(?i)(cidr|cidrblock|cidrrange|prefix)$"), lambda *_: "192.0.2.0/24"),
    (re.compile(r"(?i)(ip|ipaddress|ipaddresses|address|addresses)$"), lambda _, s, __: s.address()),
    (re.compile(r"(?i)provisioningState$"), lambda *_: "Succeeded"),
    (re.compile(r"(?i)(status|state)$"), lambda *_: "ACTIVE"),
    (re.compile(r"(?i)version$"), lambda *_: "1"),
    (re.compile(r"(?i)name$"), lambda _, __, name: name),
    (re.compile(r"Ids?$|^id$"), lambda o, s, _: s.hex(17, o)),
)


def plausible(output: str, shape: Shape, seed: Seed, name: str, depth: int = 0) -> Any:
    """A value that the real provider could have computed for the output of this name and shape."""
    match shape:
        case Choice(values=values):
            return values[0]
        case Scalar.STRING:
            make = next((make for pattern, make in _BY_NAME if pattern.search(output)), None)
            return make(output, seed, name) if make else f"{name}-{seed.hex(7, output)}"
        case ListOf(element=Scalar() as element):
            return [plausible(output, element, seed, name, depth + 1)]
        case ObjectOf() if depth < _DEEPEST:
            return {
                key: plausible(key, inner.shape, seed, name, depth + 1)
                for key, inner in _properties(shape).items()
                if inner.is_required
            }
        case OneOf(options=options):
            return plausible(output, options[0], seed, name, depth)
        case _:
            return empty(shape)


def empty(shape: Shape) -> Any:
    """The value of a shape that says nothing: what a default is taken for that stands in no SDK."""
    match shape:
        case Choice(values=values):
            return values[0]
        case Scalar.STRING:
            return ""
        case Scalar.BOOLEAN:
            return False
        case Scalar():
            return 0
        case ListOf():
            return []
        case OneOf(options=options):
            return empty(options[0])
        case MapOf() | ObjectOf():
            return {}
        case _:
            return None


def _properties(shape: ObjectOf) -> Mapping[str, Any]:
    return shape.properties


def _digest(output: str, seed: Seed) -> str:
    digest = seed.hex(64, output)
    if output.lower().endswith("digest"):
        return f"sha256:{digest}"
    return base64.b64encode(bytes.fromhex(digest)).decode()


def _host(name: str) -> str:
    # RFC 6761 keeps `.invalid` for names that must not resolve.
    label = re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-") or "stand-in"
    return f"{label}.stand-in.invalid"
