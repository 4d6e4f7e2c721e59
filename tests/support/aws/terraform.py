"""A graph of pulumi-aws resources as the JSON of a Terraform plan, which checkov can scan.

pulumi-aws is made from Terraform's provider, so that a type there has the same properties in snake case,
lists in the place of single blocks, and some names in the singular: `terraform.toml` says which.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from modelberth.preview.standins.imitation.defaults import DEFAULTS
from modelberth.preview.standins.sdk.shapes import Shape
from support.aws.graph import Graph, Resource
from support.aws.naming import below, element, inputs_of, is_object, snake

__all__ = ["Plan", "UnmappedTypeError", "plan"]

_TABLE: Final = Path(__file__).with_suffix(".toml")
_PROVIDER: Final = "registry.terraform.io/hashicorp/aws"


class UnmappedTypeError(ValueError):
    """A type of pulumi-aws has no row."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan that creates everything, and what it was made of.

    Attributes:
        document: as `terraform show -json` prints one
        addresses: address in the plan → resource of the graph
        absent: resources that Terraform has no type for

    """

    document: Mapping[str, Any]
    addresses: Mapping[str, Resource]
    absent: Sequence[Resource] = ()


@dataclass(frozen=True, slots=True)
class _Row:
    type: str
    names: Mapping[str, str]


@cache
def _rows() -> Mapping[str, _Row]:
    table = tomllib.loads(_TABLE.read_text())
    names = table["names"]
    return {token: _Row(type_, names.get(token, {})) for token, type_ in table["types"].items()}


@cache
def _absent() -> Mapping[str, str]:
    absent: Mapping[str, str] = tomllib.loads(_TABLE.read_text())["absent"]
    return absent


def plan(graph: Graph) -> Plan:
    """Convert everything of pulumi-aws.

    Raises:
        UnmappedTypeError: a type has no row.

    """
    absent = [one for one in graph.in_aws if one.token in _absent()]
    resources = [one for one in graph.in_aws if one.token not in _absent()]
    if unknown := sorted({one.token for one in resources} - _rows().keys()):
        raise UnmappedTypeError(f"no row in {_TABLE.name} for {', '.join(unknown)}")
    addresses = {one.urn: _address(one) for one in resources}
    if len(set(addresses.values())) < len(addresses):
        raise ValueError("two resources have one address in the plan")
    planned, configured, changes = [], [], []
    for one in resources:
        row, address = _rows()[one.token], addresses[one.urn]
        values = _values(one, row)
        what = {"address": address, "mode": "managed", "type": row.type, "name": address.partition(".")[2]}
        expressions = _expressions_of(one, row, values, {other.urn: other for other in resources}, addresses)
        planned.append({**what, "provider_name": _PROVIDER, "schema_version": 0, "values": values})
        configured.append({**what, "provider_config_key": "aws", "expressions": expressions})
        change = {"actions": ["create"], "before": None, "after": values, "after_unknown": {}}
        changes.append({**what, "provider_name": _PROVIDER, "change": change})
    document = {
        "format_version": "1.2",
        "terraform_version": "1.9.0",
        "planned_values": {"root_module": {"resources": planned}},
        "resource_changes": changes,
        "configuration": {"root_module": {"resources": configured}},
    }
    return Plan(document, {addresses[one.urn]: one for one in resources}, absent)


def _address(one: Resource) -> str:
    return f"{_rows()[one.token].type}.{re.sub(r'[^A-Za-z0-9_-]', '_', one.name)}"


def _expressions_of(
    one: Resource,
    row: _Row,
    values: Mapping[str, Any],
    resources: Mapping[str, Resource],
    addresses: Mapping[str, str],
) -> dict[str, Any]:
    """Which properties are made of other resources, and of which: checks across resources follow these."""
    made: dict[str, Any] = {}
    for key, urns in one.origins.items():
        name = row.names.get(key, snake(key))
        known = [urn for urn in urns if urn in resources]
        called = {text: addresses[urn] for urn in known for text in resources[urn].identities}
        if name in values and (found := _expressions(values[name], called)):
            made[name] = found
    return made


def _values(one: Resource, row: _Row) -> dict[str, Any]:
    declared = inputs_of(one.token)
    return {
        row.names.get(key, snake(key)): _value(row, value, key, declared[key].shape)
        for key, value in one.inputs.items()
        if key != DEFAULTS and value is not None
    }


def _value(row: _Row, value: Any, path: str, shape: Shape | None) -> Any:
    match value:
        case Mapping() if is_object(shape):
            return [_block(row, value, path, shape)]
        case Mapping():
            return dict(value)
        case list():
            inside = element(shape)
            return [
                _block(row, item, path, inside) if isinstance(item, Mapping) and is_object(inside) else item
                for item in value
            ]
    return value


def _block(row: _Row, value: Mapping[str, Any], path: str, shape: Shape | None) -> dict[str, Any]:
    return {
        row.names.get(f"{path}.{key}", snake(key)): _value(row, item, f"{path}.{key}", below(shape, key))
        for key, item in value.items()
        if key != DEFAULTS and item is not None
    }


def _expressions(value: Any, called: Mapping[str, str]) -> Any:
    """Which of the values are made of other resources: the form that a plan's configuration says it in."""
    match value:
        case str():
            found = [called[value]] if value in called else _within(value, called)
            return _references(one for address in found for one in (f"{address}.id", address))
        case Mapping():
            inside = {key: _expressions(item, called) for key, item in value.items()}
            return {key: one for key, one in inside.items() if one} or None
        case list() if value and all(isinstance(item, Mapping) for item in value):
            blocks = [_expressions(item, called) or {} for item in value]
            return blocks if any(blocks) else None
        case list():
            told = [one for item in value if (one := _expressions(item, called))]
            return _references(name for one in told for name in one["references"])
    return None


def _references(names: Iterable[str]) -> dict[str, list[str]] | None:
    found = list(names)
    return {"references": found} if found else None


def _within(text: str, called: Mapping[str, str]) -> list[str]:
    """Addresses of what a text names; the longest name first, because it may begin with another."""
    found = []
    for name in sorted(called, key=len, reverse=True):
        if name in text:
            found.append(called[name])
            text = text.replace(name, "")
    return list(dict.fromkeys(found))
