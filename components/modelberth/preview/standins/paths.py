"""Paths into nested values, written as the engine writes them: `a.b[0]["c.d"]`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pulumi.runtime import rpc

__all__ = ["SIGNATURE", "join", "leaves", "steps"]

SIGNATURE: Final = rpc._special_sig_key  # noqa: SLF001 - the protocol's own key, in no public place
"""Key of a mapping that the engine means something else by."""

_ASSETS: Final = (rpc._special_asset_sig, rpc._special_archive_sig)  # noqa: SLF001
_PLAIN_KEY: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*")
_STEP: Final = re.compile(r"""\.?([A-Za-z_$][A-Za-z0-9_$-]*)|\[(\d+)\]|\["([^"]*)"\]""")


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that holds no other, with its path; assets are one, by their hash."""
    match value:
        case str() | int() | float() | None:  # first, because most are: asking for a Mapping is slow
            yield path, value
        case Mapping() if value.get(SIGNATURE) in _ASSETS:
            yield path, value.get("hash")
        case Mapping():
            for key, item in value.items():
                yield from leaves(item, join(path, key))
        case list() | tuple():
            for index, item in enumerate(value):
                yield from leaves(item, join(path, index))
        case _:
            yield path, value


def join(path: str, step: str | int) -> str:
    """The path of what lies below: `a`, `a.b`, `a[0]`, `a["b.c/d"]`."""
    if isinstance(step, int):
        return f"{path}[{step}]"
    if not _PLAIN_KEY.fullmatch(step):
        return f'{path}["{step}"]'
    return f"{path}.{step}" if path else step


def steps(path: str) -> tuple[str | int, ...]:
    """The keys and indexes of a path.

    Raises:
        ValueError: it is not one.
    """
    found = list(_STEP.finditer(path))
    if not found or "".join(match.group() for match in found) != path or path.startswith("."):
        raise ValueError(f"path: given {path!r}, allowed: a path such as a.b[0].c")
    return tuple(_step(match) for match in found)


def _step(match: re.Match[str]) -> str | int:
    key, index, quoted = match.groups()
    if index is not None:
        return int(index)
    return key if key is not None else quoted
