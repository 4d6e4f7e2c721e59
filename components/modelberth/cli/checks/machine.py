"""The programs that every stack needs: Python, the engine, its language host, our provider, git."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from modelberth.cli.engine import Engine
from modelberth.cli.failure import Failure

from .finding import Check, Checkup, Finding

__all__ = ["MACHINE"]

_OLDEST_PYTHON: Final = (3, 11)
_ENGINE: Final = "curl -fsSL https://get.pulumi.com | sh"
_PLUGIN: Final = "pulumi-resource-modelberth"
_NEEDS_PLUGIN: Final = "local"


def python(checkup: Checkup) -> Iterator[Finding]:
    """The virtual environment that the program will run in, and its interpreter."""
    environment, name = checkup.environment, "virtual environment"
    if not (environment / "bin" / "python").exists():
        make = f"python3 -m venv {checkup.relative(environment)} && {checkup.install('modelberth')}"
        yield Finding.missing(
            name,
            f"no {environment}, in which the program runs",
            "make setup" if checkup.is_checkout else make,
        )
        return
    if environment.resolve() == Path(sys.prefix).resolve():
        yield Finding.ok(name, str(environment))
    else:
        yield Finding.optional(
            name,
            f"this command runs in {sys.prefix}, the program in {environment}",
            checkup.activate(f"source {checkup.relative(environment)}/bin/activate"),
        )
    version = _python_version(environment)
    if version < _OLDEST_PYTHON:
        oldest = _dotted(_OLDEST_PYTHON)
        anew = (
            f"rm -r {checkup.relative(environment)} && python{oldest} -m venv {checkup.relative(environment)}"
        )
        yield Finding.missing("python", f"{_dotted(version)}, needed: {oldest} or newer", anew)
    else:
        yield Finding.ok("python", _dotted(version))


def engine(checkup: Checkup) -> Iterator[Finding]:
    """The Pulumi CLI and the language host beside it, without which it cannot run Python."""
    fix = checkup.activate(_ENGINE)
    found = checkup.program("pulumi")
    if found is None:
        yield Finding.missing("pulumi", "not on PATH", fix)
        return
    try:
        Engine(checkup.stack.folder, checkup.environ)
    except Failure as failure:
        yield Finding.missing("pulumi", str(failure).partition(". ")[0], fix)
    else:
        yield Finding.ok("pulumi", found)
    host = "pulumi-language-python"
    beside = Path(found).resolve().with_name(host)
    where = checkup.program(host) or (str(beside) if os.access(beside, os.X_OK) else None)
    if where is None:
        yield Finding.missing("language host", f"no {host} on PATH or beside {found}", fix)
    else:
        yield Finding.ok("language host", where)


def plugin(checkup: Checkup) -> Iterator[Finding]:
    """Our own provider, which makes what runs on this machine."""
    if _NEEDS_PLUGIN not in checkup.kinds:
        yield Finding.optional("modelberth plugin", "not needed: no endpoint on target `local`")
        return
    named = [checkup.stack.folder / path / _PLUGIN for path in _plugin_folders(checkup)]
    found = next((path for path in named if os.access(path, os.X_OK)), None)
    if not named:
        on_path = checkup.program(_PLUGIN)
        found = Path(on_path) if on_path else None
    if found is None:
        where = " or ".join(map(str, named)) or f"{_PLUGIN} on PATH"
        yield Finding.missing("modelberth plugin", f"no {where}", checkup.install("modelberth"))
    else:
        yield Finding.ok("modelberth plugin", str(found))


def git(checkup: Checkup) -> Iterator[Finding]:
    """For `modelberth diff` alone."""
    found = checkup.program("git")
    inside = any(
        (folder / ".git").exists() for folder in (checkup.stack.folder, *checkup.stack.folder.parents)
    )
    if found is None:
        install = "brew install git" if sys.platform == "darwin" else "sudo apt-get install git"
        yield Finding.optional("git", "not on PATH: `modelberth diff` needs it", install)
    elif not inside:
        yield Finding.optional("git", "no repository here: `modelberth diff` needs one", "git init")
    else:
        yield Finding.ok("git", found)


def _python_version(environment: Path) -> tuple[int, ...]:
    """The version that an environment was made with; that of this command where it does not say."""
    file = environment / "pyvenv.cfg"
    said = re.search(
        r"^version(?:_info)?\s*=\s*([0-9.]+[0-9])", file.read_text() if file.is_file() else "", re.M
    )
    return tuple(map(int, said[1].split("."))) if said else sys.version_info[:3]


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _plugin_folders(checkup: Checkup) -> list[str]:
    match checkup.project:
        case {"plugins": {"providers": [*providers]}}:
            return [
                str(provider["path"])
                for provider in providers
                if isinstance(provider, dict) and provider.get("name") == "modelberth" and "path" in provider
            ]
    return []


MACHINE: Final[tuple[Check, ...]] = (python, engine, plugin, git)
