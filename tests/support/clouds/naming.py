"""Shapes that an SDK declares, as a converter needs them: what has keys of its own and what the user's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from modelberth.preview.standins.sdk import types
from modelberth.preview.standins.sdk.shapes import ListOf, MapOf, ObjectOf, OneOf, Property, Shape

__all__ = ["below", "element", "inputs_of", "is_object", "pascal", "snake"]


def inputs_of(token: str) -> Mapping[str, Property]:
    """Inputs of a type by their names on the wire."""
    return types.lookup(token).inputs


def pascal(key: str) -> str:
    """`kmsKeyArn` → `KmsKeyArn`."""
    return key[:1].upper() + key[1:]


@cache
def snake(key: str) -> str:
    """`kmsKeyArn` → `kms_key_arn`, `s3Uri` → `s3_uri`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower()


def is_object(shape: Shape | None) -> bool:
    """Whether the keys are the type's own, not ones of the user's choice."""
    return _option(shape, ObjectOf) is not None


def below(shape: Shape | None, key: str) -> Shape | None:
    """The shape under a key of an object; None where the SDK does not say."""
    found = _option(shape, ObjectOf)
    if isinstance(found, ObjectOf) and key in found.properties:
        return found.properties[key].shape
    mapping = _option(shape, MapOf)
    return mapping.element if isinstance(mapping, MapOf) else None


def element(shape: Shape | None) -> Shape | None:
    """The shape of a list's elements."""
    found = _option(shape, ListOf)
    return found.element if isinstance(found, ListOf) else None


def _option(shape: Shape | None, kind: type[Shape]) -> Shape | None:
    if isinstance(shape, OneOf):
        return next((found for one in shape.options if (found := _option(one, kind))), None)
    return shape if isinstance(shape, kind) else None
