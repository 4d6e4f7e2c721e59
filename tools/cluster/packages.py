"""The programs that come from the distribution: which are missing, and how they get there."""

from __future__ import annotations

import os
import shutil
import tomllib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from console import SetupError, run, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["PROGRAMS", "Program", "install", "missing"]

_STEP = "packages"
_TABLE = Path(__file__).with_name("programs.toml")
# Where these packages put programs; the PATH of a person often lacks the second half.
_FOLDERS = ("/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin")
_POLICY = Path("/usr/sbin/policy-rc.d")


@dataclass(frozen=True)
class Program:
    """A program, or several of which one will do, and the package that holds the one to install."""

    names: tuple[str, ...]
    package: str
    why: str
    folder: str | None = None

    def find(self, environ: Mapping[str, str]) -> Path | None:
        """Return where it lies, or None where it is missing."""
        places = self.folder or search_path(environ)
        found = (shutil.which(name, path=places) for name in self.names)
        return next((Path(path) for path in found if path), None)


def _table() -> tuple[Program, ...]:
    entries = tomllib.loads(_TABLE.read_text())["program"]
    return tuple(
        Program(tuple(entry["any"]), entry["package"], entry["why"], entry.get("folder")) for entry in entries
    )


PROGRAMS = _table()


def search_path(environ: Mapping[str, str]) -> str:
    """Return PATH and, after it, where the system's programs for root lie."""
    path = environ.get("PATH", "").split(os.pathsep)
    return os.pathsep.join([*path, *(folder for folder in _FOLDERS if folder not in path)])


def missing(environ: Mapping[str, str], programs: Sequence[Program] = PROGRAMS) -> list[Program]:
    """Return the programs that are not there."""
    return [program for program in programs if not program.find(environ)]


def install(environ: Mapping[str, str], programs: Sequence[Program] = PROGRAMS) -> None:
    """Install the packages of the programs that are missing, and start none of their services.

    Raises SetupError where that takes rights or a package manager that are not there: it says what to run.
    """
    lacking = missing(environ, programs)
    if not lacking:
        say(_STEP, "every program is there")
        return
    packages = sorted({program.package for program in lacking})
    for program in lacking:
        say(_STEP, f"{' or '.join(program.names)} is missing: it {program.why}")
    apt = shutil.which("apt-get", path=search_path(environ))
    if not apt:
        raise SetupError(f"there is no apt-get here: install what is called {', '.join(packages)} in Debian")
    command = ["install", "--yes", "--no-install-recommends", *packages]
    if os.geteuid():
        raise SetupError(
            f"installing needs root: run `sudo apt-get {' '.join(command)}`, then the same command again"
        )
    quiet = {**environ, "DEBIAN_FRONTEND": "noninteractive"}
    run([apt, "update"], step=_STEP, doing="reading the package lists", environ=quiet)
    with _no_service_starts():
        seconds = run([apt, *command], step=_STEP, doing=f"installing {', '.join(packages)}", environ=quiet)
    say(_STEP, f"installed {', '.join(packages)} in {seconds:.0f} s")
    still = missing(environ, programs)
    if still:
        names = ", ".join(f"{program.names[0]} (package {program.package})" for program in still)
        raise SetupError(f"installed, but not found on PATH or in {', '.join(_FOLDERS)}: {names}")


@contextmanager
def _no_service_starts() -> Iterator[None]:
    """Keep packages from starting their services, by Debian's policy layer; a policy of the machine stays."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    try:
        _POLICY.chmod(0o755)
        yield
    finally:
        _POLICY.unlink()
