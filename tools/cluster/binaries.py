"""Kubernetes itself, built from its Go module into the cache that all checkouts share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cache import exclusive, replace_directory, workspace
from console import SetupError, say
from go_toolchain import MODULES, GoToolchain, NoToolchainError, required_go

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from checkout import Checkout

__all__ = ["Binaries", "build", "find"]

_STEP = "cluster"
_TOOL = re.compile(r"^(?:tool )?\t?([a-z][\w.-]*/\S*/cmd/\S+)$", re.MULTILINE)
_VERSION = "k8s.io/component-base/version"
# The module of each folder of `go/` whose commands are built.
_MODULES = {"kubernetes": "k8s.io/kubernetes", "metrics-server": "sigs.k8s.io/metrics-server"}


@dataclass(frozen=True)
class Binaries:
    """The folder with the commands of Kubernetes, of metrics-server, and `pause`."""

    folder: Path

    def __getitem__(self, name: str) -> Path:
        return self.folder / name


def version(module: str) -> str:
    """Return the version, `v1.36.3`, at which the `go.mod` of a folder of `go/` pins its module."""
    pinned = re.search(
        rf"^(?:require )?\s*{re.escape(_MODULES[module])} (v\S+)", _go_mod(module), re.MULTILINE
    )
    if not pinned:
        raise SetupError(f"{MODULES / module / 'go.mod'} does not pin {_MODULES[module]}")
    return pinned[1]


def find(checkout: Checkout) -> Binaries | None:
    """Return the binaries of the pinned versions, or None where they are not built."""
    folder = _folder(checkout)
    return Binaries(folder) if all((folder / name).exists() for name in _names()) else None


def build(checkout: Checkout, environ: Mapping[str, str]) -> Binaries:
    """Build what is not built yet. Raises SetupError without a Go toolchain, and where a build fails."""
    with exclusive(checkout.cache / "cluster.lock", _STEP), workspace(_home(checkout)) as spare:
        if found := find(checkout):
            say(_STEP, f"Kubernetes {version('kubernetes')} is in {found.folder}")
            return found
        folder = spare / "new"
        folder.mkdir()
        for module in (*_MODULES, "pause"):
            _build(module, folder, environ)
        replace_directory(folder, _folder(checkout), spare)
    say(_STEP, f"Kubernetes {version('kubernetes')} is in {_folder(checkout)}")
    return Binaries(_folder(checkout))


def _build(module: str, folder: Path, environ: Mapping[str, str]) -> None:
    try:
        toolchain = GoToolchain.find(module, environ)
    except NoToolchainError as reason:
        raise SetupError(
            f"{module} cannot be built: {reason}. Install Go {required_go(module)} or newer:"
            " https://go.dev/doc/install"
        ) from reason
    if module == "pause":
        toolchain.build(module, "modelberth.dev/tools/pause", folder, step=_STEP)
        return
    pinned = version(module)
    major, minor = pinned.removeprefix("v").split(".")[:2]
    stamp = f"-X {_VERSION}.gitVersion={pinned} -X {_VERSION}.gitMajor={major} -X {_VERSION}.gitMinor={minor}"
    takes = "once for all checkouts, 5 to 15 minutes on 2 cores"
    say(_STEP, f"building {module} {pinned} with Go {toolchain.version}: {takes}")
    for command in _commands(module):
        seconds = toolchain.build(module, command, folder, step=_STEP, stamp=stamp)
        say(_STEP, f"built {command.rpartition('/')[2]} in {seconds:.0f} s")


def _names() -> list[str]:
    return [command.rpartition("/")[2] for module in _MODULES for command in _commands(module)] + ["pause"]


def _commands(module: str) -> list[str]:
    """Return the packages that the `tool` lines of a `go.mod` name."""
    return _TOOL.findall(_go_mod(module))


def _go_mod(module: str) -> str:
    return (MODULES / module / "go.mod").read_text()


def _home(checkout: Checkout) -> Path:
    home = checkout.cache / "cluster"
    home.mkdir(parents=True, exist_ok=True)
    return home


def _folder(checkout: Checkout) -> Path:
    return _home(checkout) / f"kubernetes-{version('kubernetes')}-metrics-server-{version('metrics-server')}"
