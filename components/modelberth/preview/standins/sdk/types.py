"""What an installed Pulumi SDK says about a resource type: its inputs and outputs, nested ones too."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import chain
from types import MappingProxyType
from typing import Final

from modelberth.preview.standins.sdk.annotations import is_optional, properties, shape
from modelberth.preview.standins.sdk.packages import Package, installed
from modelberth.preview.standins.sdk.shapes import Property, Shape
from modelberth.preview.standins.sdk.sources import (
    Definition,
    MissingPackage,
    MissingType,
    UnknownType,
    source,
)

__all__ = [
    "MissingPackage",
    "MissingType",
    "OutputProperty",
    "ResourceType",
    "UnknownType",
    "find",
    "lookup",
]

_PROVIDER: Final = "pulumi:providers:"
_TABLE: Final = re.compile(r'resource_modules="""\n(.*?)"""', re.DOTALL)
_ARGS: Final = re.compile(r"__props__ = (\w+)\.__new__\(")
_REPLACES: Final = re.compile(r'replace_on_changes=\[("[^"]+"(?:, "[^"]+")*)\]')
_RESOURCES: Final = {"pulumi.CustomResource", "pulumi.ComponentResource", "pulumi.ProviderResource"}
_CUSTOM: Final = ("pulumi_kubernetes.apiextensions", "CustomResource")


@dataclass(frozen=True, slots=True)
class OutputProperty:
    """What a resource has after it was made; an optional one may be absent even then."""

    name: str
    shape: Shape
    is_optional: bool


@dataclass(frozen=True)
class ResourceType:
    """A resource type, or with `pulumi:providers:NAME` the configuration of a provider.

    `is_bridged` tells a provider that was made from a Terraform one, which is lenient in other ways than one
    that was not. `is_open` types (custom resources of Kubernetes) take keys that the SDK does not know.
    """

    token: str
    package: Package
    is_bridged: bool
    is_open: bool
    resource: Definition = field(repr=False)
    arguments: Definition = field(repr=False)

    @property
    def is_provider(self) -> bool:
        """Whether this is the configuration of a provider."""
        return self.token.startswith(_PROVIDER)

    @cached_property
    def inputs(self) -> Mapping[str, Property]:
        """What the resource takes, by the name on the wire."""
        return properties(self.arguments)

    @cached_property
    def outputs(self) -> Mapping[str, OutputProperty]:
        """What the resource has, by the name on the wire; `id` and `urn` not among it."""
        where = self.resource.source
        return MappingProxyType(
            {
                wire: OutputProperty(wire, shape(node, where), is_optional(node))
                for wire, node in self.resource.getters.values()
            }
        )

    @property
    def replacing(self) -> tuple[str, ...]:
        """The inputs for whose change the SDK itself has the engine replace, in the SDK's notation."""
        said = _REPLACES.search(self.resource.text)
        return tuple(said[1].strip('"').split('", "')) if said else ()


def find(token: str) -> ResourceType | None:
    """Read a resource type; None where no installed SDK has it (`lookup` says why)."""
    try:
        return lookup(token)
    except UnknownType:
        return None


@cache
def lookup(token: str) -> ResourceType:
    """Read a resource type, such as `aws:ecr/repository:Repository` or `pulumi:providers:aws`; read once.

    Every `kubernetes:GROUP/VERSION:KIND` that the SDK does not know is a custom resource.

    Raises:
        MissingPackage: the SDK of the package is not installed.
        MissingType: the SDK has no such type.
    """
    is_provider = token.startswith(_PROVIDER)
    name = token.removeprefix(_PROVIDER) if is_provider else token.partition(":")[0]
    package = installed().get(name)
    if package is None:
        known = ", ".join(sorted(installed())) or "none"
        raise MissingPackage(f"{token}: the Pulumi SDK of {name!r} is not installed, installed: {known}")
    is_known = is_provider or token in _classes(package)
    if not is_known and (package.name != "kubernetes" or token.count(":") != 2):
        raise MissingType(f"{token}: {package.distribution} {package.version} has no such type")
    resource = _resource(package, token)
    arguments = resource and _ARGS.search(resource.text)
    taken = resource.source.definition(arguments[1]) if resource and arguments else None
    if not resource or not taken:
        raise MissingType(f"{token}: {package.distribution} {package.version} registers it without its class")
    return ResourceType(token, package, _is_bridged(package), not is_known, resource, taken)


@cache
def _classes(package: Package) -> Mapping[str, tuple[str, str]]:
    """The module and class of each token, from the table that the SDK registers with Pulumi's runtime."""
    table = _TABLE.search((package.root / "__init__.py").read_text(encoding="utf-8"))
    modules = json.loads(table[1]) if table else []
    return MappingProxyType(
        {token: (module["fqn"], name) for module in modules for token, name in module["classes"].items()}
    )


@cache
def _is_bridged(package: Package) -> bool:
    """Whether all tokens have the form `package:module/name:Name`, which the Terraform bridge gives them."""
    names = ((token.split(":")[1].rpartition("/"), name) for token, (_, name) in _classes(package).items())
    return all(slash and name[:1].lower() + name[1:] == last for (_, slash, last), name in names)


def _resource(package: Package, token: str) -> Definition | None:
    """Find a resource's class: in `container_app.py`, of Kubernetes in `Deployment.py`, else anywhere."""
    if token.startswith(_PROVIDER):
        module, name = package.import_name, "Provider"
    else:
        module, name = _classes(package).get(token, _CUSTOM)
    folder = package.root.joinpath(*module.split(".")[1:])
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
    likely = (folder / f"{stem}.py" for stem in (snake, f"{snake}_", name))
    files = chain((file for file in likely if file.is_file()), folder.glob("[!_]*.py"))
    found = (source(file).definition(name) for file in files)
    return next((one for one in found if one and _RESOURCES.intersection(one.bases)), None)
