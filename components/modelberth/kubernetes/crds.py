"""Kinds that a plain cluster does not have: `crds.toml`, read."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

__all__ = ["TABLE", "CustomKind", "Project", "api_version", "kinds"]

TABLE: Final = Path(__file__).with_name("crds.toml")


@dataclass(frozen=True, slots=True)
class Project:
    """What defines kinds; `files` are their definitions in the Go module."""

    name: str
    title: str
    module: str
    release: str
    files: str
    install: str


@dataclass(frozen=True, slots=True)
class CustomKind:
    """A kind with the version that the manifests are written for."""

    kind: str
    api_version: str
    project: Project


@cache
def kinds() -> Mapping[str, CustomKind]:
    """Return every kind by its name."""
    data = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    projects = {name: Project(name, **entry) for name, entry in data["projects"].items()}
    return {
        kind: CustomKind(kind, entry["api"], projects[entry["project"]])
        for kind, entry in data["kinds"].items()
    }


def api_version(kind: str) -> str:
    """Return `apiVersion` for a manifest of this kind.

    Raises:
        KeyError: the table does not know the kind.

    """
    return kinds()[kind].api_version
