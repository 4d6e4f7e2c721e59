"""The shape of a spec, for those who walk it: error messages, capabilities and the reference."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

__all__ = ["Leaf", "Setting", "item_of", "leaves", "models_in", "settings", "tag_of"]


def models_in(annotation: Any) -> tuple[type[BaseModel], ...]:
    """Models that a field of this type can hold itself: one, the members of a union, or none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return (annotation,)
    origin = get_origin(annotation)
    if origin is Annotated:
        return models_in(get_args(annotation)[0])
    if origin in {Union, types.UnionType}:
        return tuple(model for member in get_args(annotation) for model in models_in(member))
    return ()


def item_of(annotation: Any) -> Any | None:
    """Type of the items of a sequence, or of the values of a mapping; None for what is neither."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return item_of(args[0])
    if origin in {Union, types.UnionType}:
        return next((item for member in args if (item := item_of(member)) is not None), None)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return args[1]
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return args[0]
    return None


def tag_of(model: type[BaseModel]) -> tuple[str, str] | None:
    """Return the field and value that tell a model from the others of its union: a first, literal field."""
    name, field = next(iter(model.model_fields.items()), ("", None))
    values = (
        get_args(field.annotation) if field is not None and get_origin(field.annotation) is Literal else ()
    )
    return (name, values[0]) if len(values) == 1 else None


@dataclass(frozen=True, slots=True)
class Leaf:
    """A field that a person can set. In `path`, `*` stands for a person's own name (`variants.*.weight`)."""

    path: str
    field: FieldInfo
    owner: type[BaseModel]


@dataclass(frozen=True, slots=True)
class Setting:
    """The value of a leaf in one spec.

    `leaf` is the path with `*` for a person's own names. `covers` is the prefix of the paths that mean
    nothing without this one: those below a part that is left out by default, or below a choice.
    """

    path: str
    leaf: str
    value: object
    default: object
    is_default: bool
    covers: str = ""


def leaves(model: type[BaseModel], prefix: str = "") -> Iterator[Leaf]:
    """Walk the leaves of a model in the order of its fields; what members of a union share comes once."""
    seen: set[str] = set()
    for leaf in _leaves(model, prefix):
        if leaf.path not in seen:
            seen.add(leaf.path)
            yield leaf


def _leaves(model: type[BaseModel], prefix: str) -> Iterator[Leaf]:
    for name, field in model.model_fields.items():
        path = f"{prefix}{name}"
        members = models_in(field.annotation)
        values = models_in(item_of(field.annotation)) if _is_mapping(field.annotation) else ()
        if not members or (not field.is_required() and field.default is None):
            yield Leaf(path, field, model)
        for member in members:
            yield from _leaves(member, f"{path}.")
        for member in values:
            yield from _leaves(member, f"{path}.*.")


def _is_mapping(annotation: Any) -> bool:
    if get_origin(annotation) is Annotated:
        return _is_mapping(get_args(annotation)[0])
    origin = get_origin(annotation)
    return isinstance(origin, type) and issubclass(origin, Mapping)


def settings(spec: BaseModel) -> Iterator[Setting]:
    """Every setting of a spec, with whether it is the default."""
    return _settings(spec, None, "", "")


def _settings(part: BaseModel, usual: BaseModel | None, path: str, leaf: str) -> Iterator[Setting]:
    for name, field in type(part).model_fields.items():
        value = getattr(part, name)
        default = getattr(usual, name) if usual is not None else field.get_default(call_default_factory=True)
        here, pattern = f"{path}{name}", f"{leaf}{name}"
        if isinstance(value, BaseModel):
            same = default if type(default) is type(value) else None
            if default is None:
                yield Setting(here, pattern, value, default, is_default=False, covers=f"{here}.")
            below = _settings(value, same, f"{here}.", f"{pattern}.")
            tag = tag_of(type(value)) if field.discriminator is not None else None
            if tag is not None:
                yield replace(next(below), is_default=same is not None, covers=f"{here}.")
            yield from below
        elif isinstance(value, Mapping) and any(isinstance(entry, BaseModel) for entry in value.values()):
            yield Setting(here, pattern, value, default, is_default=False, covers=f"{here}.")
            for key, entry in value.items():
                yield from _settings(entry, None, f"{here}.{key}.", f"{pattern}.*.")
        else:
            yield Setting(here, pattern, value, default, is_default=value == default)
