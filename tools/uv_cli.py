"""The command-line program `uv`: found, or taken from the package index at the version that `uv.in` pins.

As a script, `python3 tools/uv_cli.py ARGUMENTS…` runs it.
"""

from __future__ import annotations

import importlib.util
import io
import os
import re
import shutil
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from cache import exclusive, replace_directory, workspace
from checkout import Checkout
from console import SetupError, exit_code, run, say
from package_index import PackageIndex, Platform, index_url
from versions import Version, printed_version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["find_or_install"]

MINIMUM = Version(0, 8, 0)  # the first that has `uv venv --clear`
_STEP = "uv"
_PINS = Path(__file__).parent / "uv.txt"


def find_or_install(checkout: Checkout, environ: Mapping[str, str]) -> Path:
    """Return the program: on PATH and new enough, else from the cache, else from the package index.

    Raises SetupError when no way led to one; the message says what to install by hand.
    """
    if found := _on_path(environ):
        return found
    pinned = _PINS.read_text()
    version = str(Version.parse(pinned.partition("uv==")[2]))
    folder = checkout.cache / f"uv-{version}"
    program = folder / "bin" / "uv"
    if program.exists():
        say(_STEP, f"{version} from the cache, {program}")
        return program
    with exclusive(checkout.cache / "lock", _STEP):
        if not program.exists():  # another checkout may have filled the cache while this one waited
            with workspace(checkout.cache) as spare:
                pins = frozenset(re.findall(r"sha256:(\w{64})", pinned))
                _install(spare / "uv", version, pins, environ, Platform.here())
                replace_directory(spare / "uv", folder, spare)
    return program


def _on_path(environ: Mapping[str, str]) -> Path | None:
    found = shutil.which("uv", path=environ.get("PATH", ""))
    if not found:
        return None
    try:
        version = printed_version([found, "--version"], environ)
    except ValueError as reason:
        say(_STEP, f"skipped {found}: {reason}")
        return None
    if version < MINIMUM:
        say(_STEP, f"skipped {found}: it is {version}, {MINIMUM} or newer is needed")
        return None
    say(_STEP, f"{version} from PATH, {found}")
    return Path(found)


def _install(
    folder: Path, version: str, pins: frozenset[str], environ: Mapping[str, str], target: Platform
) -> None:
    failures = []
    # pip first: it knows the person's own index, proxy and certificates. Debian's python3 comes without it.
    ways: dict[str, Callable[[], None]] = {
        "pip": lambda: _by_pip(folder, environ),
        "download": lambda: _by_download(folder, version, pins, environ, target),
    }
    for way, install in ways.items():
        try:
            install()
        except SetupError as reason:
            failures.append(f"  - {way}: {reason}")
            say(_STEP, f"{way}: {reason}")
        else:
            say(_STEP, f"{version} by {way}, with a pinned hash")
            return
    raise SetupError(
        "\n".join([f"uv {version} cannot be installed:", *failures])
        + "\nInstall uv by hand (https://docs.astral.sh/uv/getting-started/installation/), put it on PATH and"
        " run the same command again."
    )


def _by_pip(folder: Path, environ: Mapping[str, str]) -> None:
    if not importlib.util.find_spec("pip"):
        raise SetupError(f"{sys.executable} has none")
    command: list[str | Path] = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--no-deps"]
    command += ["--disable-pip-version-check", "--only-binary=:all:", "--require-hashes"]
    command += ["--requirement", _PINS, "--target", folder]
    run(command, step=_STEP, doing="installing uv", environ=environ)


def _by_download(
    folder: Path, version: str, pins: frozenset[str], environ: Mapping[str, str], target: Platform
) -> None:
    wheel = PackageIndex(index_url(environ)).wheel("uv", version, pins, target, _STEP)
    program = folder / "bin" / "uv"
    program.parent.mkdir(parents=True, exist_ok=True)  # pip may have got that far
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        program.write_bytes(archive.read(f"uv-{version}.data/scripts/uv"))
    program.chmod(0o755)


def main() -> int:
    """Become uv with the arguments of this script."""
    os.execv(find_or_install(Checkout.here(), os.environ), ["uv", *sys.argv[1:]])  # noqa: S606


if __name__ == "__main__":
    sys.exit(exit_code(main))
