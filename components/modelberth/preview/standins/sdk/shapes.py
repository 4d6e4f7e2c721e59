"""What a value may look like: the types that an SDK declares, in the names of the wire."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

__all__ = [
    "AnyValue",
    "Asset",
    "Choice",
    "ListOf",
    "MapOf",
    "ObjectOf",
    "OneOf",
    "Property",
    "Scalar",
    "Shape",
]


class Scalar(StrEnum):
    """A plain value; the text is how a message calls it."""

    STRING = "a string"
    INTEGER = "a whole number"
    NUMBER = "a number"
    BOOLEAN = "true or false"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of named values. An open one comes from `Union[str, Enum]`: the SDK takes other strings too."""

    name: str
    values: tuple[str | int | float | bool, ...]
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of one shape."""

    element: Shape


@dataclass(frozen=True, slots=True)
class MapOf:
    """A mapping with keys of the user's choice."""

    element: Shape


@dataclass(frozen=True)
class ObjectOf:
    """A mapping with known keys. They are read when first asked for, because types contain one another."""

    name: str
    read: Callable[[], Mapping[str, Property]] = field(repr=False, compare=False)

    @cached_property
    def properties(self) -> Mapping[str, Property]:
        """The known keys, as they stand on the wire (camelCase)."""
        return self.read()


@dataclass(frozen=True, slots=True)
class OneOf:
    """A value of any of these shapes."""

    options: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Asset:
    """A file (asset), a folder or archive file (archive), or either."""

    may_be_asset: bool = True
    may_be_archive: bool = True


@dataclass(frozen=True, slots=True)
class AnyValue:
    """Whatever JSON can say, assets included."""


Shape = Scalar | Choice | ListOf | MapOf | ObjectOf | OneOf | Asset | AnyValue


@dataclass(frozen=True, slots=True)
class Property:
    """One key of an object. What the SDK fills in by itself is a `Choice` of one value."""

    name: str
    shape: Shape
    is_required: bool
