"""The build context: all that enters the image, each pinned by a hash, so that the build needs no network."""

from __future__ import annotations

import hashlib
import platform
import re
import shutil
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console import SetupError, run, say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from model_files import ModelFiles

__all__ = ["COMPILER_LOCK", "EPOCH", "HERE", "ROOT", "bases", "gather", "machine", "pinned"]

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LOCK = ROOT / "requirements" / "serving.lock"
COMPILER_LOCK = ROOT / "requirements" / "native.lock"
# Every time in the image: what changes a layer is its files, never the day of the build. 1980-01-01 is the
# earliest that a zip file can hold.
EPOCH = 315532800

_STEP = "image"
_MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}
_OLDEST_GLIBC, _NEWEST_GLIBC = (
    17,
    36,
)  # of manylinux wheels (PEP 600); Debian 12 has glibc 2.36, Debian 13 2.41


def bases() -> dict[str, Any]:
    """Return the table of bases."""
    return tomllib.loads((HERE / "bases.toml").read_text())


def machine(wanted: str | None) -> str:
    """Return the machine, as wheels name it, of the platform `wanted` (`linux/arm64`; None: this machine's).

    Raises SetupError for one that the server's dependencies are not looked up for.
    """
    name = wanted.rpartition("/")[2] if wanted else platform.machine().lower()
    if name not in _MACHINES:
        raise SetupError(f"--platform {wanted or name}: allowed are linux/amd64 and linux/arm64")
    return _MACHINES[name]


def pinned(lock: str, project: str) -> str:
    """Return the entry of `project` in a lock file, hashes included. Raises KeyError when there is none."""
    found = re.search(rf"^{re.escape(project)}==(?:.*\\\n)*.*\n", lock, re.MULTILINE)
    if not found:
        raise KeyError(project)
    return found[0]


def gather(
    folder: Path,
    cache: Path,
    model: ModelFiles | None,
    version: str,
    machine: str,
    environ: Mapping[str, str],
) -> None:
    """Fill the empty `folder` with the build context; wheels are kept in `cache`.

    Raises SetupError when a wheel cannot be had.
    """
    lock, compiler = LOCK.read_text(), COMPILER_LOCK.read_text()
    installer = pinned((ROOT / "requirements" / "all.lock").read_text(), "pip")
    shutil.copytree(_wheels(cache, lock, machine, environ), folder / "wheels")
    shutil.copytree(_wheels(cache, compiler, machine, environ), folder / "compiler")
    shutil.copytree(_wheels(cache, installer, machine, environ), folder / "installer")
    (folder / "serving.lock").write_text(lock)
    (folder / "native.lock").write_text(compiler)
    (folder / "python").write_text(bases()["python"] + "\n")
    (folder / "version").write_text(version + "\n")
    skipped = shutil.ignore_patterns("__pycache__")
    shutil.copytree(HERE / "stages", folder / "stages", ignore=skipped)
    shutil.copytree(
        HERE.parent / "modelberth_server", folder / "server" / "modelberth_server", ignore=skipped
    )
    (folder / "model").mkdir()
    if model:
        model.copy_to(folder / "model")
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _wheels(cache: Path, lock: str, machine: str, environ: Mapping[str, str]) -> Path:
    """Return a folder of exactly the wheels that `lock` pins, downloaded where it is not in the cache."""
    wanted = hashlib.sha256(f"{machine} {bases()['python']}\n{lock}".encode()).hexdigest()
    folder = cache / wanted[:16]
    if folder.is_dir():
        return folder
    spare = cache / f"{wanted[:16]}.new"
    shutil.rmtree(spare, ignore_errors=True)
    spare.mkdir(parents=True)
    requirements = cache / f"{wanted[:16]}.txt"
    requirements.write_text(lock)
    python = bases()["python"]
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--require-hashes",
        "--no-input",
    ]
    command += ["--only-binary=:all:", "--python-version", python, "--implementation", "cp"]
    for abi in (f"cp{python.replace('.', '')}", "abi3", "none"):
        command += ["--abi", abi]
    for release in range(_OLDEST_GLIBC, _NEWEST_GLIBC + 1):
        command += ["--platform", f"manylinux_2_{release}_{machine}"]
    command += ["--platform", f"manylinux2014_{machine}", "--platform", "any"]
    command += ["--requirement", requirements, "--dest", spare]
    seconds = run(command, step=_STEP, doing="downloading the locked wheels", environ=environ)
    count = len(list(spare.iterdir()))
    say(_STEP, f"{count} wheels for Python {python} on {machine}, hashes checked, {seconds:.0f} s")
    requirements.unlink()
    return spare.rename(folder)
