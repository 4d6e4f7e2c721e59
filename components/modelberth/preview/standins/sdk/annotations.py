"""Turns the annotations in an SDK's classes into shapes."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import partial
from itertools import chain
from types import MappingProxyType
from typing import Final

from modelberth.preview.standins.sdk.shapes import (
    AnyValue,
    Asset,
    Choice,
    ListOf,
    MapOf,
    ObjectOf,
    OneOf,
    Property,
    Scalar,
    Shape,
)
from modelberth.preview.standins.sdk.sources import Definition, MissingType, Source, parsed

__all__ = ["is_optional", "properties", "shape"]

_SCALARS: Final = {
    "str": Scalar.STRING,
    "int": Scalar.INTEGER,
    "float": Scalar.NUMBER,
    "bool": Scalar.BOOLEAN,
}
_WRAPPERS: Final = ("Input", "InputType", "Optional", "Output")


def properties(definition: Definition) -> Mapping[str, Property]:
    """The keyword parameters of an input or output type's constructor, by their names on the wire."""
    wire = {python: name for python, (name, _) in definition.getters.items()}
    constants = definition.constants
    found: dict[str, Property] = {}
    for python, annotation, is_required in definition.parameters:
        name = wire.get(python, python)
        if python in constants:
            found[name] = Property(name, Choice("", (constants[python],)), is_required)
        else:
            found[name] = Property(name, shape(annotation, definition.source), is_required)
    return MappingProxyType(found)


def is_optional(node: ast.expr) -> bool:
    """Whether an annotation allows None: `Output[Optional[str]]`."""
    return _is(node, "Optional") or (_is(node, "Output") and is_optional(_argument(node)))


def shape(node: ast.expr, where: Source) -> Shape:
    """What values an annotation allows; names in it mean what they mean in the file `where`."""
    match node:
        case ast.Constant(str(text)):
            (line,) = parsed(text).body
            assert isinstance(line, ast.Expr)
            written = line.value
            is_name = isinstance(written, ast.Name | ast.Attribute)
            return _named(text, where) if is_name else shape(written, where)
        case ast.Subscript() if any(_is(node, name) for name in _WRAPPERS):
            return shape(_argument(node), where)
        case ast.Subscript() if _is(node, "Sequence"):
            return ListOf(shape(_argument(node), where))
        case ast.Subscript(slice=ast.Tuple(elts=[_, element])) if _is(node, "Mapping"):
            return MapOf(shape(element, where))
        case ast.Subscript(slice=ast.Tuple(elts=options)) if _is(node, "Union"):
            return _either([shape(option, where) for option in options])
        case ast.Subscript() if _is(node, "Literal"):
            value = ast.literal_eval(node.slice)
            return Choice("", value if isinstance(value, tuple) else (value,))
        case ast.Name(name) | ast.Attribute(attr=name):
            if name in _SCALARS:
                return _SCALARS[name]
            if name in ("Asset", "Archive"):
                return Asset(may_be_asset=name == "Asset", may_be_archive=name == "Archive")
    return AnyValue()


def _named(name: str, where: Source) -> Shape:
    short = name.rpartition(".")[2]
    if short.endswith("Args") or ".outputs." in f".{name}":
        return ObjectOf(short.removesuffix("Args"), partial(_read, name, where))
    definition = where.resolve(name)
    if definition and any(base.endswith("Enum") for base in definition.bases):
        return Choice(short, definition.values)
    return AnyValue()


def _read(name: str, where: Source) -> Mapping[str, Property]:
    definition = where.resolve(name)
    if definition is None:
        raise MissingType(f"{where.path}: the class {name} is not to be found")
    return properties(definition)


def _either(options: list[Shape]) -> Shape:
    """A union, with what only the annotation's form asks for taken out."""
    if len(options) == 2 and Scalar.STRING in options:
        other = next((option for option in options if isinstance(option, Choice)), None)
        if other:
            return Choice(other.name, other.values, is_open=True)
    if all(isinstance(option, Asset) for option in options):
        return Asset()
    flat = (option.options if isinstance(option, OneOf) else (option,) for option in options)
    distinct = tuple(dict.fromkeys(chain.from_iterable(flat)))
    return distinct[0] if len(distinct) == 1 else OneOf(distinct)


def _is(node: ast.expr, name: str) -> bool:
    match node:
        case ast.Subscript(value=ast.Name(found) | ast.Attribute(attr=found)):
            return found == name
    return False


def _argument(node: ast.expr) -> ast.expr:
    assert isinstance(node, ast.Subscript)
    return node.slice
