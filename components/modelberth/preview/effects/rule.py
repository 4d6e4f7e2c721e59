"""What a rule is, and how it reads a resource's inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, TypeAlias, TypeVar

from modelberth.preview.plan import Marker, Plan, Step
from modelberth.preview.standins.imitation.replacements import unversioned

from .effect import Effect

__all__ = ["Rule", "Rules", "at", "entries", "found", "known", "matching", "texts"]

_T = TypeVar("_T")

Rule: TypeAlias = Callable[[Step, Plan], Iterable[Effect]]
"""Gives the effects of one step; the plan is there for rules that need another resource."""

Rules: TypeAlias = Mapping[str, tuple[Rule, ...]]
"""Rules by type token. `*` in a token stands for any characters, as in `gcp:*IamMember`."""


def matching(table: Mapping[str, _T], token: str) -> _T | None:
    """The row of a type, whatever API version its token names; the first pattern that fits, else."""
    token = unversioned(token)
    if token in table:
        return table[token]
    return next(
        (row for pattern, row in table.items() if "*" in pattern and fnmatchcase(token, pattern)), None
    )


def found(inputs: Mapping[str, Any] | None, path: str) -> Iterator[tuple[str, Any]]:
    """Every value at a path such as `encryptionConfigurations[].kmsKey`, with the place where it stands."""
    yield from _walk(inputs, path.split("."), "")


def _walk(value: Any, parts: Sequence[str], place: str) -> Iterator[tuple[str, Any]]:
    if not parts:
        yield place, value
        return
    if not isinstance(value, Mapping):
        return
    key, each = parts[0].removesuffix("[]"), parts[0].endswith("[]")
    below = f"{place}.{key}" if place else key
    if key not in value or value[key] is None:
        return
    if each:
        for index, item in enumerate(entries(value[key])):
            yield from _walk(item, parts[1:], f"{below}[{index}]")
    else:
        yield from _walk(value[key], parts[1:], below)


def at(inputs: Mapping[str, Any] | None, path: str, default: Any = None) -> Any:
    """The first value at a path, else the default."""
    return next((value for _, value in found(inputs, path)), default)


def entries(value: Any) -> Sequence[Any]:
    """A list as it is; anything else as an empty one, since nothing can be said of what is not known."""
    return value if isinstance(value, Sequence) and not isinstance(value, str | bytes) else ()


def texts(value: Any) -> list[str]:
    """The strings of a list."""
    return [item for item in entries(value) if isinstance(item, str)]


def known(value: Any) -> bool:
    """Whether there is a value that can be compared and shown."""
    return value is not None and not isinstance(value, Marker)
