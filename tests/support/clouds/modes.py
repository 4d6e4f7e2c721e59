"""Names of modes, and what makes sure that the modes are all there is."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import Final

import pulumi

from support.clouds.graph import Graph

__all__ = ["components", "mode_of", "name_of", "renamed", "together", "tokens"]

_LONGEST: Final = 32
"""Characters that the name of an endpoint has."""


def name_of(mode: str, modes: Iterable[str]) -> str:
    """`m07-lambda-minimal`: begins with a number, so that no name is the beginning of another."""
    number = [*modes].index(mode)
    return f"m{number:02}-{re.sub('[^a-z0-9]+', '-', mode)}"[:_LONGEST].rstrip("-")


def mode_of(name: str, modes: Collection[str]) -> str:
    """The mode that a resource belongs to, by the resource's name in the program."""
    return max((mode for mode in modes if f"{name}-".startswith(f"{name_of(mode, modes)}-")), key=len)


def together(graphs: Iterable[Graph]) -> Graph:
    """Several graphs as if one program had made them."""
    return Graph(tuple(one for graph in graphs for one in graph.resources))


def renamed(graph: Graph, beginning: str) -> Graph:
    """The graph with other names in the program: two programs may have the same."""

    def urns(given: Iterable[str]) -> tuple[str, ...]:
        return tuple(f"{beginning}{urn}" for urn in given)

    return Graph(
        tuple(
            replace(
                one,
                urn=f"{beginning}{one.urn}",
                name=f"{beginning}{one.name}",
                dependencies=urns(one.dependencies),
                origins={key: urns(made_of) for key, made_of in one.origins.items()},
            )
            for one in graph.resources
        )
    )


def components(source: str) -> set[str]:
    """Type tokens of the components that a module registers."""
    return set(re.findall(r'"(modelberth:index:\w+)"', source))


def tokens(source: str, sdks: Collection[str]) -> Iterator[str]:
    """Type tokens of the resources that a module makes, by the classes of the SDKs that it calls."""
    tree = ast.parse(source)
    modules = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in sdks
        for alias in node.names
    }
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=module), attr=name)) if module in modules:
                found = getattr(importlib.import_module(modules[module]), name)
                if isinstance(found, type) and issubclass(found, pulumi.CustomResource):
                    yield str(found.pulumi_type)  # type: ignore[attr-defined] -- the SDK's classes have it
