"""The Pulumi CLI: on PATH and new enough, else from the cache, the official installer or its Go module."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import go_build
from cache import exclusive, replace_directory, workspace
from console import CommandError, SetupError, run, say
from pulumi_archive import ArchiveError, archive_url, unpack
from versions import Version, printed_version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from checkout import Checkout

__all__ = ["PulumiCli", "find_or_install", "is_built_from_source", "on_path"]

MINIMUM = Version(3, 250, 0)
INSTALLED = "3.250.0"  # by the official installer, or from source; `go/cli/go.mod` pins the same
INSTALLER = "https://get.pulumi.com/install.sh"

_STEP = "pulumi"
_LANGUAGE_HOST = "pulumi-language-python"


class _UnusableError(Exception):
    """A way to a CLI is closed; the message says why."""


@dataclass(frozen=True)
class PulumiCli:
    """A CLI that was started once and is new enough."""

    path: Path
    version: Version


def is_built_from_source(cli: Path) -> bool:
    """Tell whether the CLI at this path is our own build, for which no plugin can be downloaded."""
    return cli.resolve().with_name(go_build.BUILT_FROM_SOURCE).is_file()


def on_path(checkout: Checkout, environ: Mapping[str, str]) -> Path | None:
    """Find the person's own CLI: the first on PATH that does not lie in our cache."""
    path = environ.get("PATH", "").split(os.pathsep)
    found = shutil.which(
        "pulumi", path=os.pathsep.join(item for item in path if Path(item) != checkout.cached_bin)
    )
    return Path(found) if found else None


def find_or_install(checkout: Checkout, environ: Mapping[str, str], installer: str = INSTALLER) -> PulumiCli:
    """Return the first CLI that the ways lead to, and say for each way before it why it was not taken.

    Raises SetupError when no way led to one; the message says what to install by hand.
    """
    # Even `pulumi version` writes logs and looks for a newer release: keep both off the person's own home.
    own = {**environ, "PULUMI_HOME": str(checkout.pulumi_home), "PULUMI_SKIP_UPDATE_CHECK": "true"}
    closed: list[str] = []

    def attempt(name: str, way: Callable[[], PulumiCli]) -> PulumiCli | None:
        try:
            cli = way()
        except (_UnusableError, CommandError, go_build.NoToolchainError) as reason:
            line = f"{name}: {reason}"
            if line not in closed:
                closed.append(line)
                say(_STEP, line)
            return None
        say(_STEP, f"{cli.version} from {name}, {cli.path}")
        return cli

    found = attempt("PATH", lambda: _from_path(checkout, own))
    found = found or attempt("cache", lambda: _from_cache(checkout, own))
    if found:
        return found
    with exclusive(checkout.cache / "lock", _STEP), workspace(checkout.cache) as spare:
        # Another checkout may have filled the cache while this one waited for the lock.
        found = (
            attempt("cache", lambda: _from_cache(checkout, own))
            or attempt("official installer", lambda: _from_installer(checkout, own, spare, installer))
            or attempt("Go module", lambda: _from_source(checkout, own, spare))
        )
    if found:
        return found
    reasons = "\n".join(f"  - {reason}" for reason in closed)
    raise SetupError(
        f"There is no Pulumi CLI {MINIMUM} or newer, and no way to one:\n{reasons}\n"
        "Install one of these by hand, put it on PATH and run the same command again:\n"
        "  - the Pulumi CLI: https://www.pulumi.com/docs/iac/download-install/\n"
        f"  - Go {go_build.required_go()} or newer, to build the CLI: https://go.dev/doc/install"
    )


def _from_path(checkout: Checkout, environ: Mapping[str, str]) -> PulumiCli:
    found = on_path(checkout, environ)
    if not found:
        raise _UnusableError("there is no pulumi")
    return _checked(found, environ)


def _from_cache(checkout: Checkout, environ: Mapping[str, str]) -> PulumiCli:
    cli = checkout.cached_bin / "pulumi"
    if not cli.exists():
        raise _UnusableError(f"there is no {cli}")
    return _checked(cli, environ)


def _from_installer(checkout: Checkout, environ: Mapping[str, str], spare: Path, installer: str) -> PulumiCli:
    curl = shutil.which("curl", path=environ.get("PATH", ""))
    script, root = spare / "install.sh", spare / "pulumi"
    if not curl:
        try:
            unpack(archive_url(installer, INSTALLED), root / "bin", spare, _STEP)
        except ArchiveError as error:
            raise _UnusableError(f"it needs curl, which is not on PATH; without it: {error}") from error
        return _published(root / "bin", checkout, environ, spare)
    download: list[str | Path] = [
        curl,
        "--fail",
        "--silent",
        "--show-error",
        "--location",
        "--output",
        script,
    ]
    download += ["--connect-timeout", "10", "--max-time", "60", "--proto", f"={urlsplit(installer).scheme}"]
    try:
        run([*download, installer], step=_STEP, doing="downloading the official installer", environ=environ)
    except CommandError as error:
        raise _UnusableError(f"{installer}: {str(error).splitlines()[-1]}") from error
    run(
        ["sh", script, "--version", INSTALLED, "--install-root", root, "--no-edit-path"],
        step=_STEP,
        doing=f"the official installer fetches {INSTALLED}",
        environ=environ,
        cwd=spare,  # it unpacks in the working directory
        timeout_s=900,
    )
    return _published(root / "bin", checkout, environ, spare)


def _from_source(checkout: Checkout, environ: Mapping[str, str], spare: Path) -> PulumiCli:
    go_build.build(INSTALLED, spare / "bin", environ)
    return _published(spare / "bin", checkout, environ, spare)


def _published(folder: Path, checkout: Checkout, environ: Mapping[str, str], spare: Path) -> PulumiCli:
    _checked(folder / "pulumi", environ)
    replace_directory(folder, checkout.cached_bin, spare)
    return _checked(checkout.cached_bin / "pulumi", environ)


def _checked(cli: Path, environ: Mapping[str, str]) -> PulumiCli:
    try:
        version = printed_version([cli, "version"], environ)
    except ValueError as error:
        raise _UnusableError(str(error)) from error
    if version < MINIMUM:
        raise _UnusableError(f"{cli} is {version}, {MINIMUM} or newer is needed")
    beside = cli.resolve().with_name(_LANGUAGE_HOST)
    if not beside.exists() and not shutil.which(_LANGUAGE_HOST, path=environ.get("PATH", "")):
        raise _UnusableError(f"{cli} has no {_LANGUAGE_HOST} beside it or on PATH")
    return PulumiCli(cli, version)
