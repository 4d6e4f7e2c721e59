"""How a person is told that an input is wrong: what was given, what is allowed, what was probably meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final

from pulumi.runtime import rpc

from modelberth.errors import HIDDEN, is_secret, is_secret_assignment, shown
from modelberth.preview.standins.paths import SIGNATURE
from modelberth.preview.standins.sdk.shapes import (
    AnyValue,
    Asset,
    Choice,
    ListOf,
    MapOf,
    ObjectOf,
    OneOf,
    Scalar,
    Shape,
)

__all__ = ["ARCHIVE", "ASSET", "allowed", "meant", "refusal", "unknown"]

ASSET: Final = rpc._special_asset_sig  # noqa: SLF001 - the protocol's own marks, in no public place
ARCHIVE: Final = rpc._special_archive_sig  # noqa: SLF001

_SECRET_NAME: Final = re.compile(r"certificate|^value$", re.IGNORECASE)
"""Beside the names of `errors.is_secret`: `value` is what environment variables have."""

_MOST: Final = 20
"""More values than these are not listed."""


def refusal(names: Iterable[str], shape: Shape, value: Any) -> str:
    """Say what was given and what is allowed; `names` are those of the property and of all that it lies in.

    Of a value only its kind is told where that says enough, and below a name that lets expect a secret.
    """
    given = _kind(value)
    values: tuple[str | int | float | bool, ...] = ()
    if isinstance(shape, Scalar | Choice) and isinstance(value, bool | int | float | str):
        if any(is_secret(name) or _SECRET_NAME.search(name) for name in names) or (
            isinstance(value, str) and is_secret_assignment(value)
        ):
            given = f"{HIDDEN} ({given})"
        else:
            given, values = shown(value), shape.values if isinstance(shape, Choice) else ()
    return f"given {given}, allowed: {allowed(shape)}{_hint(value, values)}"


def unknown(key: str, known: Iterable[str]) -> str:
    """Say that there is no such property, and which one was meant or which there are."""
    names = sorted(known)
    return "unknown property" + (_hint(key, names) or f", known: {', '.join(names) or 'none'}")


def meant(given: str, known: Iterable[str]) -> str | None:
    """The name that a typing error or `snake_case` made the given one of; None where none is near."""
    folded = {name.replace("_", "").lower(): name for name in known}
    near = get_close_matches(given.replace("_", "").lower(), folded, n=1, cutoff=0.7)
    return folded[near[0]] if near else None


def allowed(shape: Shape) -> str:
    """What a shape takes: `a list`, `'Basic', 'Standard'`."""
    match shape:
        case Scalar():
            return shape.value
        case Choice(values=values):
            more = f", … ({len(values)} values)" if len(values) > _MOST else ""
            return ", ".join(shown(value) for value in values[:_MOST]) + more
        case ListOf():
            return "a list"
        case MapOf() | ObjectOf():
            return "a mapping"
        case Asset():
            kinds = {"an asset": shape.may_be_asset, "an archive": shape.may_be_archive}
            return " or ".join(kind for kind, is_allowed in kinds.items() if is_allowed)
        case OneOf(options):
            return " or ".join(dict.fromkeys(allowed(option) for option in options))
        case AnyValue():
            return "any value"


def _hint(given: Any, known: Iterable[Any]) -> str:
    near = meant(str(given), (str(name) for name in known))
    return f", did you mean {near!r}?" if near else ""


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case Mapping() if value.get(SIGNATURE) == ASSET:
            return "an asset"
        case Mapping() if value.get(SIGNATURE) == ARCHIVE:
            return "an archive"
    return shown(value)
