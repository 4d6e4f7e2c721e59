"""One finding about this machine, and what a check may look at."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from modelberth.capability_table import load
from modelberth.cli.config import endpoints_of
from modelberth.cli.failure import Failure
from modelberth.cli.stack import Stack
from modelberth.spec import EndpointDeployment

__all__ = ["Check", "Checkup", "Finding", "State"]


class State(StrEnum):
    """What a finding means for the stack."""

    OK = "ok"
    MISSING = "missing"
    """The stack cannot be deployed from here before it is mended."""
    OPTIONAL = "optional"
    """Not as it could be, or not looked at; deploying does not need it."""


@dataclass(frozen=True)
class Finding:
    """What one check found. Never holds a secret."""

    name: str
    state: State
    detail: str
    fix: str = ""
    """The command that mends it, or what to do."""

    @classmethod
    def ok(cls, name: str, detail: str) -> Finding:
        """Everything is as needed."""
        return cls(name, State.OK, detail)

    @classmethod
    def missing(cls, name: str, detail: str, fix: str) -> Finding:
        """Something that the stack needs is not there."""
        return cls(name, State.MISSING, detail, fix)

    @classmethod
    def optional(cls, name: str, detail: str, fix: str = "") -> Finding:
        """Something that the stack can do without."""
        return cls(name, State.OPTIONAL, detail, fix)


@dataclass(frozen=True)
class Checkup:
    """The stack, and the machine as the checks may see it."""

    stack: Stack
    environ: Mapping[str, str]
    home: Path
    """Where the clouds' own tools keep their files."""

    @classmethod
    def of(cls, stack: Stack) -> Checkup:
        """This machine as it is."""
        return cls(stack, os.environ, Path.home())

    @property
    def is_checkout(self) -> bool:
        """Whether the project is a checkout of modelberth's own repository, which has `make setup`."""
        return (self.stack.folder / "tools" / "bootstrap.py").is_file()

    def program(self, name: str) -> str | None:
        """Where an executable is on PATH."""
        return shutil.which(name, path=self.environ.get("PATH", os.defpath))

    @cached_property
    def project(self) -> Mapping[str, Any]:
        """The project's `Pulumi.yaml`."""
        content: Mapping[str, Any] = yaml.safe_load((self.stack.folder / "Pulumi.yaml").read_text())
        return content

    @cached_property
    def environment(self) -> Path:
        """The virtual environment that the program runs in: the project's own, else that of this command."""
        match self.project:
            case {"runtime": {"options": {"virtualenv": str(name)}}}:
                return self.stack.folder / name
        return Path(sys.prefix)

    @cached_property
    def extras(self) -> tuple[str, ...]:
        """The extras of the package that the endpoints' targets need."""
        tables = load()
        return tuple(dict.fromkeys(extra for kind in sorted(self.kinds) for extra in tables[kind].extras))

    def relative(self, path: Path) -> str:
        """How to write a path in a command that runs in the project's folder."""
        inside = path.is_relative_to(self.stack.folder)
        return shlex.quote(str(path.relative_to(self.stack.folder) if inside else path))

    def install(self, what: str) -> str:
        """The command that brings a package into that environment."""
        if self.is_checkout:
            return "make setup"
        return f"{self.relative(self.environment / 'bin' / 'python')} -m pip install {shlex.quote(what)}"

    def activate(self, elsewhere: str) -> str:
        """The command that sets up a checkout and its shell; `elsewhere` for other projects."""
        return 'eval "$(make -s env)"' if self.is_checkout else elsewhere

    @cached_property
    def deployments(self) -> tuple[EndpointDeployment, ...]:
        """The endpoints of the stack; none where the config has none, or is refused."""
        try:
            return endpoints_of(self.stack)
        except (Failure, OSError):
            return ()

    @cached_property
    def kinds(self) -> frozenset[str]:
        """The kinds of target that they name."""
        return frozenset(deployment.target.kind for deployment in self.deployments)


Check = Callable[[Checkup], Iterator[Finding]]
"""Yields one finding or more; none where the stack has nothing to do with it."""
