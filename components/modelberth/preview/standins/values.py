"""Values as a program gave them, with the marks that the engine puts on some.

The wire knows JSON alone; the engine marks a mapping as a secret, an asset or a resource with a key that
nobody would choose. A secret is read as a `Secret` and written as what it was, so that it stays encrypted in
the state. Assets and references to resources pass through as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pulumi.runtime import rpc

from modelberth.preview.standins.paths import SIGNATURE, leaves, steps
from modelberth.provider import translation
from modelberth.provider.resource import UNKNOWN, Properties

__all__ = [
    "HIDDEN_VALUE",
    "Secret",
    "assign",
    "at",
    "has_unknown",
    "hidden",
    "marked",
    "plain",
    "read",
    "scrubbed",
    "secret_texts",
    "write",
]

HIDDEN_VALUE: Final = "[secret]"
"""What stands in the place of a secret wherever a person reads."""

_SECRET: Final = rpc._special_secret_sig  # noqa: SLF001 - the protocol's own keys, in no public place
_RESOURCE: Final = rpc._special_resource_sig  # noqa: SLF001
_SHORTEST: Final = 4
"""Shorter secrets are not looked for inside other texts: they would be found everywhere."""


@dataclass(frozen=True)
class Secret:
    """A value that is written nowhere in the clear."""

    value: Any

    def __repr__(self) -> str:
        return HIDDEN_VALUE


def read(struct: Any) -> dict[str, Any]:
    """The values of a message, secrets marked."""
    return {key: _read(value) for key, value in translation.plain(struct).items()}


def _read(value: Any) -> Any:
    match value:
        case dict() if value.get(SIGNATURE) == _SECRET:
            return Secret(_read(value.get("value")))
        case dict():
            return {key: _read(item) for key, item in value.items()}
        case list():
            return [_read(item) for item in value]
    return value


def write(properties: Properties) -> Any:
    """The message of values, secrets marked in the engine's way."""
    return translation.struct({key: _write(value) for key, value in properties.items()})


def _write(value: Any) -> Any:
    match value:
        case str() | int() | float() | None:  # first, because most are: asking for a Mapping is slow
            return value
        case Secret():
            return {SIGNATURE: _SECRET, "value": _write(value.value)}
        case Mapping():
            return {key: _write(item) for key, item in value.items()}
        case list() | tuple():
            return [_write(item) for item in value]
    return value


def plain(value: Any) -> Any:
    """The value without marks; of a resource that is handed over whole its id. Not for people's eyes."""
    match value:
        case str() | int() | float() | None:
            return value
        case Secret():
            return plain(value.value)
        case Mapping() if value.get(SIGNATURE) == _RESOURCE:
            return value.get("id") or UNKNOWN
        case Mapping():
            return {key: plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
    return value


def hidden(value: Any, marker: str = HIDDEN_VALUE) -> Any:
    """The value with a marker in the place of each secret."""
    match value:
        case str() | int() | float() | None:
            return value
        case Secret():
            return marker
        case Mapping():
            return {key: hidden(item, marker) for key, item in value.items()}
        case list() | tuple():
            return [hidden(item, marker) for item in value]
    return value


def secret_texts(value: Any) -> frozenset[str]:
    """Every text and number in the secrets of a value, as a text."""
    return frozenset(_secret_texts(value))


def _secret_texts(value: Any) -> Iterator[str]:
    match value:
        case str() | int() | float() | None:
            return
        case Secret():
            for _, leaf in leaves(plain(value.value)):
                if leaf not in (None, True, False, "", UNKNOWN):
                    yield str(leaf)
        case Mapping():
            for item in value.values():
                yield from _secret_texts(item)
        case list() | tuple():
            for item in value:
                yield from _secret_texts(item)


def marked(value: Any, like: Any, texts: frozenset[str]) -> Any:
    """The value, secret wherever `like` is, and wherever it is or holds one of the secret texts."""
    match value:
        case Secret():
            return value
        case _ if isinstance(like, Secret):
            return Secret(plain(value))
        case Mapping():
            below = like if isinstance(like, Mapping) else {}
            return {key: marked(item, below.get(key), texts) for key, item in value.items()}
        case list() | tuple():
            beside = list(like) if isinstance(like, list | tuple) else []
            beside += [None] * (len(value) - len(beside))
            return [marked(item, other, texts) for item, other in zip(value, beside, strict=False)]
        case str() if _holds(value, texts):
            return Secret(value)
    return value


def _holds(text: str, secrets: frozenset[str]) -> bool:
    return text in secrets or any(len(secret) >= _SHORTEST and secret in text for secret in secrets)


def scrubbed(text: str, secrets: frozenset[str]) -> str:
    """The text with a marker in the place of each secret, also where it was quoted."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            for form in (secret, repr(secret)[1:-1]):
                text = text.replace(form, HIDDEN_VALUE)
    return text


def has_unknown(value: Any) -> bool:
    """Tell whether a preview does not know the value, or a part of it, yet."""
    return any(leaf == UNKNOWN for _, leaf in leaves(plain(value)))


def at(properties: Any, path: str) -> Any:
    """What lies at a path of keys (`metadata.name`), also inside of a secret; None where nothing does."""
    for key in path.split("."):
        mapping = properties.value if isinstance(properties, Secret) else properties
        properties = mapping.get(key) if isinstance(mapping, Mapping) else None
    return properties


def assign(properties: Properties, path: str, value: Any) -> dict[str, Any]:
    """A copy with another value at the path; None takes the property away.

    Raises:
        ValueError: the path is none, or leads through what is neither a mapping nor a list.
    """
    changed: dict[str, Any] = _assign(dict(properties), steps(path), value, path)
    return changed


def _assign(container: Any, way: tuple[str | int, ...], value: Any, path: str) -> Any:
    if not way:
        return value
    step, rest = way[0], way[1:]
    match container, step:
        case Secret(), _:
            return Secret(_assign(container.value, way, value, path))
        case ((Mapping() | None), str()):
            below = dict(container or {})
            below[step] = _assign(below.get(step), rest, value, path)
            return {key: item for key, item in below.items() if key != step or item is not None}
        case list(), int() if step <= len(container):
            items = [*container, None] if step == len(container) else list(container)
            items[step] = _assign(items[step], rest, value, path)
            return items if items[step] is not None else items[:step] + items[step + 1 :]
    raise ValueError(f"path: given {path!r}, but {step!r} is not to be found there")
