"""Which Pulumi SDKs are installed, found without importing one."""

from __future__ import annotations

import importlib.metadata
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from modelberth.errors import shown

__all__ = ["Package", "PackageError", "find_packages", "installed"]


class PackageError(ValueError):
    """Raised for an installed SDK whose files cannot be read; the message names the file."""


@dataclass(frozen=True, slots=True)
class Package:
    """An installed Pulumi SDK.

    `name` is the package as tokens write it (`azure-native`), `version` that of the provider it was made for,
    `distribution` what pip calls it, `import_name` its module and `root` the module's folder.
    """

    name: str
    version: str
    distribution: str
    import_name: str
    root: Path


@cache
def installed() -> Mapping[str, Package]:
    """Every Pulumi SDK of the running environment by its package's name; read once.

    Raises:
        PackageError: a `pulumi-plugin.json` cannot be read.
    """
    return find_packages(sys.path)


def find_packages(search_path: Iterable[str]) -> Mapping[str, Package]:
    """Find the SDKs in the folders of an import path; as with imports, the first one of a name counts.

    An SDK is a module with a `pulumi-plugin.json` beside its `__init__.py` that says `resource: true`, the
    file by which Pulumi's own language host finds the plugins that a program needs. A parameterized SDK, as
    `pulumi package add` writes it, goes by the name of its parameterization.

    Raises:
        PackageError: a `pulumi-plugin.json` cannot be read.
    """
    found: dict[str, Package] = {}
    for folder in dict.fromkeys(search_path):
        for file in sorted(Path(folder).glob("*/pulumi-plugin.json")):
            plugin = _plugin(file)
            if plugin.get("resource") is not True:
                continue
            import_name = file.parent.name
            distribution = import_name.replace("_", "-")
            identity = plugin.get("parameterization") or plugin
            name = identity.get("name") or distribution.removeprefix("pulumi-")
            version = identity.get("version") or _version(distribution)
            found.setdefault(name, Package(name, version, distribution, import_name, file.parent))
    return MappingProxyType(found)


def _plugin(file: Path) -> Mapping[str, Any]:
    try:
        plugin = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PackageError(f"{file}: cannot be read: {error}; install the SDK again") from error
    if not isinstance(plugin, dict):
        raise PackageError(f"{file}: given {shown(plugin)}, allowed: a mapping; install the SDK again")
    return plugin


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""
