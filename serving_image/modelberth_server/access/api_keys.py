"""The callers' API keys, of which only the sha256 is ever stored."""

import re
from collections.abc import Mapping
from typing import Final

__all__ = ["NAME", "parse_keys"]

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_DIGEST: Final = re.compile(r"[0-9A-Fa-f]{64}")
_ALLOWED: Final = (
    "allowed is NAME SHA256: 1 to 128 letters, digits, '.', '_' or '-', a space, 64 hexadecimal digits"
)


def parse_keys(content: bytes) -> Mapping[bytes, str]:
    """Return the caller's name (`key:NAME`) for each sha256 of a key.

    A name may have several keys, so that one can take over from another. Empty lines and lines that begin
    with `#` are comments.

    A presented key is looked up by its sha256. That gives no more away by its timing than a comparison with
    every entry in constant time: the time to hash depends on what the caller sent alone; the table compares
    the hash's bytes only where 64 bits of a hash with a secret seed agree; and whoever knew a stored hash in
    full would still have to invert sha256.

    Raises:
        ValueError: a line is wrong, a key is there twice, or there is none. The message does not quote the
            line, which may hold a key in clear by mistake.

    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"not UTF-8; {_ALLOWED}") from None
    callers: dict[bytes, str] = {}
    lines: dict[bytes, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 2 or not NAME.fullmatch(words[0]) or not _DIGEST.fullmatch(words[1]):
            raise ValueError(f"line {number}: {_ALLOWED}")
        digest = bytes.fromhex(words[1])
        if digest in callers:
            raise ValueError(f"line {number}: the same key as in line {lines[digest]}")
        callers[digest] = f"key:{words[0]}"
        lines[digest] = number
    if not callers:
        raise ValueError(f"no key in it, so nobody could call; {_ALLOWED}")
    return callers
