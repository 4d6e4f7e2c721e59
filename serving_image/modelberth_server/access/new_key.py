"""Make an API key: `python -m modelberth_server.access.new_key NAME >> KEYS_FILE`."""

import hashlib
import secrets
import sys
from collections.abc import Sequence
from typing import Final

from modelberth_server.access.api_keys import NAME

__all__ = ["main", "new_key"]

# Scanners for leaked secrets find keys by such a prefix.
PREFIX: Final = "modelberth_"
BYTES: Final = 32


def new_key(name: str) -> tuple[str, str]:
    """Return a key of 256 random bits and its line in the file of keys.

    Raises:
        ValueError: the name is not one.

    """
    if not NAME.fullmatch(name):
        raise ValueError(f"NAME: {name!r} is not 1 to 128 letters, digits, '.', '_' or '-'")
    key = PREFIX + secrets.token_urlsafe(BYTES)
    return key, f"{name} {hashlib.sha256(key.encode('ascii')).hexdigest()}"


def main(arguments: Sequence[str]) -> int:
    """Print the line to stdout, to be appended to the file, and the key to stderr, to be handed over once."""
    if len(arguments) != 1:
        print("usage: python -m modelberth_server.access.new_key NAME >> KEYS_FILE", file=sys.stderr)
        return 2
    try:
        key, line = new_key(arguments[0])
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    print(line)
    print(f"the key of {arguments[0]}, which is stored nowhere: {key}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
