"""How types of pulumi-aws are written in CloudFormation: the rows of `cloudformation.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

__all__ = ["TABLE", "Owner", "Rules", "rows"]

TABLE: Final = Path(__file__).with_name("cloudformation.toml")


@dataclass(frozen=True, slots=True)
class Owner:
    """Another resource of which a Pulumi resource is only a property in CloudFormation.

    Attributes:
        type: token of the other resource
        by: the input that names it
        same: inputs of both that must agree too
        at: property under which everything goes; empty for the properties themselves
        element: the property is a list, and this is one of its elements

    """

    type: str
    by: str
    same: Sequence[str] = ()
    at: str = ""
    element: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """How a type is written. Paths of inputs leave indexes out: `productionVariants.modelName`.

    Attributes:
        type: of CloudFormation; empty with `into`
        into: the resource that it is a property of
        rename: path → name there; dots lead into objects, none is the object around it
        left_out: path → why CloudFormation has no such thing
        documents: JSON as a text → as an object
        numbers: numbers as texts → as numbers
        texts: the other way round
        only: a list of one → its element
        listed: a value → a list of it
        pairs: a mapping → a list of objects with these two keys
        keyed: a list of objects → a mapping of these two of their keys; one name: of that key to the rest
        each: elements of a list → an object with further constants; `""` in it is the element's key
        plain: tags that stay a mapping
        defaults: properties that CloudFormation requires and the provider fills in

    """

    type: str = ""
    into: Owner | None = None
    otherwise: Owner | None = None
    rename: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    documents: Sequence[str] = ()
    numbers: Sequence[str] = ()
    texts: Sequence[str] = ()
    only: Sequence[str] = ()
    listed: Sequence[str] = ()
    pairs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    keyed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    each: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    plain: Sequence[str] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)


@cache
def rows() -> Mapping[str, Rules]:
    """The rules by token."""
    table = tomllib.loads(TABLE.read_text())
    rules: dict[str, Rules] = {}
    for token, row in table["types"].items():
        owners = {key: Owner(**row.pop(key)) for key in ("into", "otherwise") if key in row}
        rules[token] = Rules(**row, **owners)
    return rules
