"""The server as the image has it, without an image: `python serving_image/image/compiled.py` prints a folder.

In PYTHONPATH, that folder comes before the checkout: its modules are those that `stages/native.py` compiles.
For benchmarks and tests; both measure and try what the image runs.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

# The set-up's own console and cache, as every script of this checkout has them.
sys.path.append(str(Path(__file__).resolve().parent.parent.parent / "tools"))

import uv_cli
from cache import exclusive, replace_directory, workspace
from checkout import Checkout
from console import exit_code, run
from context import COMPILER_LOCK, HERE

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["compiled_server", "installed_compiler"]

_STEP = "native"
_PACKAGE = "modelberth_server"
_STAGES = HERE / "stages"
# In the cache of all checkouts; the lock is held by whoever writes there.
_BUILT = "native"
_LOCK = "native.lock"
# Each weighs 5 MB: those of the branches that somebody works on.
_KEPT = 8


def compiled_server(checkout: Checkout, environ: Mapping[str, str]) -> Path:
    """Return a folder with this checkout's package, compiled for this interpreter; at once where it is there.

    Raises SetupError: the compiler cannot be had, or it refuses the sources.
    """
    source = checkout.root / "serving_image"
    files = [path for path in sorted((source / _PACKAGE).rglob("*")) if path.suffix in {".py", ".pyi"}]
    inputs = [COMPILER_LOCK, _STAGES / "native.py", _STAGES / "native.json", *files]
    found = hashlib.sha256(f"{sys.executable} {sysconfig.get_config_var('EXT_SUFFIX')}".encode())
    for path in inputs:
        found.update(f"\n{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}".encode())
    built = checkout.cache / _BUILT
    folder = built / found.hexdigest()[:16]
    if folder.is_dir():
        os.utime(folder)
        return folder
    compiler = installed_compiler(checkout, environ)
    with exclusive(checkout.cache / _LOCK, _STEP):
        if not folder.is_dir():  # another process may have compiled it while this one waited
            with workspace(built) as spare:
                new = spare / "new"
                shutil.copytree(
                    source / _PACKAGE, new / _PACKAGE, ignore=shutil.ignore_patterns("__pycache__")
                )
                command: list[str | Path] = [sys.executable, _STAGES / "native.py", source, new]
                with_compiler = {**environ, "PYTHONPATH": str(compiler)}
                run(command, step=_STEP, doing="compiling the server's request path", environ=with_compiler)
                replace_directory(new, folder, spare)
            _forget(built)
    return folder


def installed_compiler(checkout: Checkout, environ: Mapping[str, str]) -> Path:
    """Return a folder with the packages of `native.lock`, for PYTHONPATH.

    Raises SetupError: they cannot be had.
    """
    locked = hashlib.sha256(COMPILER_LOCK.read_bytes()).hexdigest()[:16]
    folder = checkout.cache / f"native-compiler-{sys.implementation.cache_tag}-{locked}"
    if folder.is_dir():
        return folder
    uv = uv_cli.find_or_install(checkout, environ)
    built = checkout.cache / _BUILT
    built.mkdir(parents=True, exist_ok=True)
    with exclusive(checkout.cache / _LOCK, _STEP):
        if not folder.is_dir():
            with workspace(built) as spare:
                command: list[str | Path] = [uv, "pip", "install", "--quiet", "--python", sys.executable]
                command += ["--target", spare / "new", "--require-hashes", "--no-deps"]
                command += ["--requirements", COMPILER_LOCK]
                run(command, step=_STEP, doing="installing the compiler", environ=environ)
                replace_directory(spare / "new", folder, spare)
    return folder


def _forget(built: Path) -> None:
    """Remove what was not asked for since `_KEPT` others were."""
    folders = sorted(built.iterdir(), key=lambda folder: folder.stat().st_mtime, reverse=True)
    for folder in folders[_KEPT:]:
        shutil.rmtree(folder)


def main() -> int:
    """Print the folder; the set-up's own words go to standard error."""
    printed, sys.stdout = sys.stdout, sys.stderr
    print(compiled_server(Checkout.here(), os.environ), file=printed)
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
