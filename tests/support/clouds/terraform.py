"""A graph of an SDK's resources as the JSON of a Terraform plan, which checkov can scan.

pulumi-aws and pulumi-gcp are made from Terraform's providers, so that a type there has the same properties in
snake case, lists in the place of single blocks, and some names in the singular: a table says which.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from modelberth.preview.standins.imitation.defaults import DEFAULTS
from modelberth.preview.standins.sdk.shapes import Shape
from support.clouds.graph import Graph, Resource
from support.clouds.naming import below, element, inputs_of, is_object, snake

__all__ = ["Converter", "Plan", "Row", "UnmappedTypeError"]

_REGISTRY: Final = "registry.terraform.io/hashicorp"


class UnmappedTypeError(ValueError):
    """A type of the SDK has no row."""


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
class Row:
    """A type of Terraform's, and of its properties those that have not the SDK's name in snake case."""

    type: str
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Converter:
    """What converts the resources of some packages.

    Attributes:
        table: types of Terraform's by token, names of properties by token and path, and `absent` tokens
        provider: of Terraform's
        packages: of Pulumi, that are converted
        derived: a type of Terraform's by the token, where the table has none; None: it has to

    """

    table: Path
    provider: str
    packages: tuple[str, ...]
    derived: Callable[[str], str] | None = None

    @cached_property
    def rows(self) -> Mapping[str, Row]:
        """The rows of the table, by token."""
        table = tomllib.loads(self.table.read_text())
        names = table.get("names", {})
        found = {token: Row(type_, names.get(token, {})) for token, type_ in table["types"].items()}
        if self.derived is not None:
            found |= {
                token: Row(self.derived(token), more) for token, more in names.items() if token not in found
            }
        return found

    @cached_property
    def absent(self) -> Mapping[str, str]:
        """What Terraform's provider has no type for, and why, by token."""
        absent: Mapping[str, str] = tomllib.loads(self.table.read_text()).get("absent", {})
        return absent

    def row(self, token: str) -> Row:
        """Return what a type is in Terraform.

        Raises:
            UnmappedTypeError: it has no row, and none is derived.

        """
        if token in self.rows:
            return self.rows[token]
        if self.derived is None:
            raise UnmappedTypeError(f"no row in {self.table.name} for {token}")
        return Row(self.derived(token))

    def plan(self, graph: Graph) -> Plan:
        """Convert everything of the packages.

        Raises:
            UnmappedTypeError: a type has no row.

        """
        ours = graph.of(*self.packages)
        absent = [one for one in ours if one.token in self.absent]
        resources = [one for one in ours if one.token not in self.absent]
        rows = {one.urn: self.row(one.token) for one in resources}
        addresses = {one.urn: _address(one, rows[one.urn]) for one in resources}
        if len(set(addresses.values())) < len(addresses):
            raise ValueError("two resources have one address in the plan")
        provider = f"{_REGISTRY}/{self.provider}"
        planned, configured, changes = [], [], []
        by_urn = {one.urn: one for one in resources}
        for one in resources:
            row, address = rows[one.urn], addresses[one.urn]
            values = _values(one, row)
            called = {"type": row.type, "name": address.partition(".")[2]}
            what = {"address": address, "mode": "managed", **called}
            expressions = _expressions_of(one, row, values, by_urn, addresses)
            planned.append({**what, "provider_name": provider, "schema_version": 0, "values": values})
            configured.append({**what, "provider_config_key": self.provider, "expressions": expressions})
            change = {"actions": ["create"], "before": None, "after": values, "after_unknown": {}}
            changes.append({**what, "provider_name": provider, "change": change})
        document = {
            "format_version": "1.2",
            "terraform_version": "1.9.0",
            "planned_values": {"root_module": {"resources": planned}},
            "resource_changes": changes,
            "configuration": {"root_module": {"resources": configured}},
        }
        return Plan(document, {addresses[one.urn]: one for one in resources}, absent)


def _address(one: Resource, row: Row) -> str:
    return f"{row.type}.{re.sub(r'[^A-Za-z0-9_-]', '_', one.name)}"


def _expressions_of(
    one: Resource,
    row: Row,
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


def _values(one: Resource, row: Row) -> dict[str, Any]:
    declared = inputs_of(one.token)
    return {
        row.names.get(key, snake(key)): _value(row, value, key, declared[key].shape)
        for key, value in one.inputs.items()
        if key != DEFAULTS and value is not None
    }


def _value(row: Row, value: Any, path: str, shape: Shape | None) -> Any:
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


def _block(row: Row, value: Mapping[str, Any], path: str, shape: Shape | None) -> dict[str, Any]:
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
