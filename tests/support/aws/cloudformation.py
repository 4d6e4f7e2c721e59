"""A graph of pulumi-aws resources as a CloudFormation template, which AWS's own resource schemas can judge.

`cloudformation.toml` says type by type what has another name or form; every other input keeps its name with a
capital. Nothing is skipped: a type without a row is an error, and a property that AWS does not know is one of
the schemas.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from modelberth.preview.standins.imitation.defaults import DEFAULTS
from modelberth.preview.standins.sdk.shapes import Shape
from support.aws.cloudformation_rules import TABLE, Owner, Rules, rows
from support.aws.graph import in_aws
from support.clouds.graph import Graph, Resource
from support.clouds.naming import below, element, inputs_of, is_object, pascal

__all__ = ["ConversionError", "Template", "template"]

_EVERYWHERE: Final = frozenset({"region", DEFAULTS})
_PAIRS: Final = ("Key", "Value")


class ConversionError(ValueError):
    """The graph holds what the converter was not told how to say."""


@dataclass(frozen=True, slots=True)
class Template:
    """A template and what it was made of.

    Attributes:
        document: the template
        logical: URN → name in the template; the same of several where CloudFormation has one resource

    """

    document: Mapping[str, Any]
    logical: Mapping[str, str]


def template(graph: Graph) -> Template:
    """Convert everything of pulumi-aws; what other packages make is not CloudFormation's.

    Raises:
        ConversionError: a type has no row, regions differ, or a resource lies at another that is not there.

    """
    resources = in_aws(graph)
    if unknown := sorted({one.token for one in resources} - rows().keys()):
        raise ConversionError(f"no row in {TABLE.name} for {', '.join(unknown)}")
    regions = {one.inputs["region"] for one in resources if one.inputs.get("region")}
    if len(regions) > 1:
        raise ConversionError(
            f"one template has one region, these resources lie in {', '.join(sorted(regions))}"
        )
    made: dict[str, Any] = {}
    logical: dict[str, str] = {}
    for one in resources:
        rules = rows()[one.token]
        if rules.into:
            into, owner = _owner(graph, one, rules.into, rules.otherwise)
            logical[one.urn] = logical[owner.urn]
            properties = _properties(one, into)
            _put(made[logical[one.urn]]["Properties"], into.at, _placed(properties, into))
            continue
        properties = _properties(one)
        name = _logical(one.name)
        if name in made:
            raise ConversionError(f"{one.name}: another resource has the logical name {name}")
        logical[one.urn] = name
        before = sorted({logical[urn] for urn in one.dependencies if urn in logical} - {name})
        made[name] = {
            "Type": rules.type,
            **({"DependsOn": before} if before else {}),
            "Properties": {**rules.defaults, **properties},
        }
    return Template({"AWSTemplateFormatVersion": "2010-09-09", "Resources": made}, logical)


def _placed(properties: Mapping[str, Any], into: Owner) -> Any:
    return [properties] if into.element else properties


def _owner(graph: Graph, one: Resource, into: Owner, otherwise: Owner | None) -> tuple[Owner, Resource]:
    """Where a resource is a property, and of which; one that lies outside the graph is not its owner."""
    found = _called(graph, one, into)
    if not found and otherwise:
        return _owner(graph, one, otherwise, None)
    if len(found) != 1:
        known = f"{len(found)} of type {into.type} are called {one.inputs.get(into.by)!r}"
        raise ConversionError(f"{one.name}: {into.by} must name one resource of the graph, but {known}")
    return into, found[0]


def _called(graph: Graph, one: Resource, into: Owner) -> list[Resource]:
    wanted = one.inputs.get(into.by)
    return [
        other
        for other in graph.resources
        if other.token == into.type
        and (wanted in other.identities or wanted == other.inputs.get(into.by))
        and all(one.inputs.get(key) == other.inputs.get(key) for key in into.same)
    ]


def _logical(name: str) -> str:
    return "".join(pascal(part) for part in re.split(r"[^A-Za-z0-9]+", name))


def _properties(one: Resource, into: Owner | None = None) -> dict[str, Any]:
    rules = rows()[one.token]
    declared = inputs_of(one.token)
    left_out = {*rules.left_out, *_EVERYWHERE, *([into.by, *into.same] if into else ())}
    made: dict[str, Any] = {}
    for key, value in one.inputs.items():
        if key in left_out or value is None:
            continue
        if key not in declared:
            raise ConversionError(f"{one.name}: {one.token} has no input {key}")
        try:
            _put(made, rules.rename.get(key, pascal(key)), _value(rules, value, key, declared[key].shape))
        except (ValueError, TypeError) as error:
            raise ConversionError(f"{one.name}.{key}: {error}") from error
    return made


def _value(rules: Rules, value: Any, path: str, shape: Shape | None) -> Any:
    made = _form(rules, value, path, shape)
    if path in rules.only and isinstance(made, list):
        if len(made) != 1:
            raise ConversionError(f"{path}: CloudFormation takes one, given {len(made)}")
        return made[0]
    if path in rules.each:
        constants = rules.each[path]
        key = constants[""]
        items = made if isinstance(made, list) else [made]
        return [{**{k: v for k, v in constants.items() if k}, key: item} for item in items]
    return [made] if path in rules.listed else made


def _form(rules: Rules, value: Any, path: str, shape: Shape | None) -> Any:
    if path in rules.documents:
        return json.loads(value)
    if path in rules.numbers:
        number = float(value)
        return int(number) if number.is_integer() else number
    if path in rules.texts:
        return str(value)
    match value:
        case Mapping() if path in rules.pairs or (path == "tags" and path not in rules.plain):
            key, other = rules.pairs.get(path, _PAIRS)
            return [{key: name, other: item} for name, item in value.items()]
        case Mapping() if is_object(shape):
            return _object(rules, value, path, shape)
        case Mapping():
            return dict(value)
        case list() if path in rules.keyed:
            key, *rest = rules.keyed[path]
            return {
                item[key]: item[rest[0]]
                if rest
                else _object(rules, {k: v for k, v in item.items() if k != key}, path, element(shape))
                for item in value
            }
        case list():
            return [
                _form(rules, item, path, element(shape)) if isinstance(item, Mapping) else item
                for item in value
            ]
    return value


def _object(rules: Rules, value: Mapping[str, Any], path: str, shape: Shape | None) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, item in value.items():
        inside = f"{path}.{key}"
        if item is None or key == DEFAULTS or inside in rules.left_out:
            continue
        _put(made, rules.rename.get(inside, pascal(key)), _value(rules, item, inside, below(shape, key)))
    return made


def _put(properties: dict[str, Any], target: str, value: Any) -> None:
    """Lay a value at a path; lists that meet are joined, objects are merged."""
    if not target:
        for key, item in value.items():
            _put(properties, key, item)
        return
    first, _, rest = target.partition(".")
    if rest:
        _put(properties.setdefault(first, {}), rest, value)
        return
    known = properties.get(first)
    if isinstance(known, dict) and isinstance(value, Mapping):
        for key, item in value.items():
            _put(known, key, item)
    elif isinstance(known, list) and isinstance(value, list):
        known.extend(value)
    elif first in properties:
        raise ConversionError(f"{first} is given twice")
    else:
        properties[first] = value
