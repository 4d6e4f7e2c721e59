"""The modes are all there is: no component of AWS and no type of resource that none of them makes."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pulumi
import pytest

from support.aws.graph import Graph
from support.aws.modes import MODES, graph_of, mode_of
from support.project import REPOSITORY

SOURCES = REPOSITORY / "components" / "modelberth" / "aws"
_SDKS = frozenset({"pulumi_aws", "pulumi_aws_native"})


def components(source: str) -> set[str]:
    """Type tokens of the components that a module registers."""
    return set(re.findall(r'"(modelberth:index:\w+)"', source))


def tokens(source: str) -> Iterator[str]:
    """Type tokens of the resources that a module makes, by the classes that it calls."""
    tree = ast.parse(source)
    modules = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in _SDKS
        for alias in node.names
    }
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=module), attr=name)) if module in modules:
                found = getattr(importlib.import_module(modules[module]), name)
                if isinstance(found, type) and issubclass(found, pulumi.CustomResource):
                    yield found.pulumi_type


def sources() -> list[Path]:
    return sorted(SOURCES.rglob("*.py"))


def all_modes() -> Graph:
    return Graph(tuple(one for mode in MODES for one in graph_of(mode).resources))


def test_every_component_is_made_by_a_mode() -> None:
    declared = {token for file in sources() for token in components(file.read_text())}
    made = {token for one in all_modes().resources for token in re.findall(r"modelberth:index:\w+", one.urn)}
    assert len(declared) >= 8
    assert declared - made == set()


def test_every_type_of_resource_is_made_by_a_mode() -> None:
    used = {token for file in sources() for token in tokens(file.read_text())}
    assert len(used) >= 40
    assert used - {one.token for one in all_modes().resources} == set()


def test_a_component_and_a_type_that_no_mode_makes_would_be_noticed() -> None:
    source = 'from pulumi_aws import route53\nregister("modelberth:index:AwsZone")\nroute53.Zone("a")'
    assert components(source) == {"modelberth:index:AwsZone"}
    assert [*tokens(source)] == ["aws:route53/zone:Zone"]


@pytest.mark.parametrize("mode", MODES)
def test_a_resource_tells_its_mode(mode: str) -> None:
    assert {mode_of(one.name) for one in graph_of(mode).resources} == {mode}
