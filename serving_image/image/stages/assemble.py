"""Lay out the layers of the image, inside a container of the base: `assemble.py STEP`.

It needs nothing but the base's own Python, dpkg's database, and what the build context holds: no network and
no shell. The first step is no layer: `compiler` installs what compiles the server's request path. Each of the
others is a tree below /layers:

dependencies    /opt/modelberth: a virtual environment with the locked wheels
system          the interpreter, its standard library, every shared library that these two load, certificates
server          the model server, partly compiled, and the bill of materials of all three
"""

from __future__ import annotations

import csv
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from email.parser import HeaderParser
from pathlib import Path
from typing import TYPE_CHECKING

import system
from debian import Packages
from sbom import Component, bill_of_materials, debian_component, python_component
from tree import compile_bytecode, left_out, normalise, remove

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["main"]

CONTEXT = Path("/build")
LAYERS = Path("/layers")
HOME = Path("opt/modelberth")
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
SITE = HOME / "lib" / f"python{PYTHON}" / "site-packages"
COMPILER = CONTEXT / "native"
# A part of it is within what it makes.
RUNTIME = "mypy"
SBOM = Path("usr/share/sbom/modelberth-server.cdx.json")


def main() -> None:
    """Lay out the layer that the one argument names."""
    wanted = (CONTEXT / "python").read_text().strip()
    if wanted != PYTHON:
        sys.exit(f"error: requirements/serving.lock is for Python {wanted}, the base has {PYTHON}")
    layer = sys.argv[1]
    if layer == "compiler":
        _compiler()
        return
    root = LAYERS / layer
    root.mkdir(parents=True)
    {"dependencies": _dependencies, "system": _system, "server": _server}[layer](root)
    normalise(root, int(os.environ["SOURCE_DATE_EPOCH"]))


def _compiler() -> None:
    """Install the compiler, and the one dependency whose types it asks for: the layer has it without them."""
    _install(CONTEXT / "compiler", CONTEXT / "native.lock", COMPILER)
    numpy = next((CONTEXT / "wheels").glob("numpy-*.whl"))
    with zipfile.ZipFile(numpy) as wheel:
        wheel.extractall(COMPILER)


def _install(wheels: Path, lock: Path, site: Path) -> None:
    """Install wheels of the context, each checked against its hash in the lock."""
    installer = next((CONTEXT / "installer").glob("pip-*.whl"))
    command = [sys.executable, f"{installer}/pip", "install", "--quiet", "--no-index", "--no-cache-dir"]
    command += ["--find-links", str(wheels), "--require-hashes", "--no-deps", "--no-compile"]
    command += ["--root-user-action", "ignore", "--disable-pip-version-check"]
    command += ["--target", str(site), "--requirement", str(lock)]
    subprocess.run(command, check=True)


def _dependencies(root: Path) -> None:
    """Install what the server needs, and thin it out."""
    site = root / SITE
    _install(CONTEXT / "wheels", CONTEXT / "serving.lock", site)
    freed = remove(site, left_out("dependencies"))
    for record in site.glob("*.dist-info/RECORD"):
        _record_what_is_left(record, site)
    program = system.interpreter()
    (root / HOME / "bin").mkdir()
    (root / HOME / "bin" / "python3").symlink_to(program)
    settings = {"home": program.parent, "include-system-site-packages": "false"}
    lines = [
        f"{name} = {value}\n" for name, value in {**settings, "version": platform.python_version()}.items()
    ]
    (root / HOME / "pyvenv.cfg").write_text("".join(lines))
    compile_bytecode(site, root)
    print(f"dependencies: left out {freed / 1e6:.1f} MB")


def _system(root: Path) -> None:
    system.lay_out(root, LAYERS / "dependencies")


def _server(root: Path) -> None:
    """Lay out the model server, compile what every request passes through, and write what is in the image."""
    shutil.copytree(CONTEXT / "server", root / SITE)
    native = [sys.executable, str(Path(__file__).with_name("native.py"))]
    subprocess.run(
        [*native, str(CONTEXT / "server"), str(root / SITE)],
        check=True,
        env={**os.environ, "PYTHONPATH": str(COMPILER)},
    )
    beside = os.pathsep.join((str(root / SITE), str(LAYERS / "dependencies" / SITE)))
    subprocess.run([*native, "--check"], check=True, env={**os.environ, "PYTHONPATH": beside})
    licence = root / "usr/share/doc" / RUNTIME / "copyright"
    licence.parent.mkdir(parents=True)
    shutil.copyfile(COMPILER / _metadata_folder(RUNTIME) / "licenses/LICENSE", licence)
    compile_bytecode(root / SITE, root)
    version = (CONTEXT / "version").read_text().strip()
    purl = f"pkg:generic/modelberth-server@{version}"
    subject = Component(purl, "modelberth-server", version, expression="Apache-2.0", kind="container")
    (root / SBOM).parent.mkdir(parents=True)
    (root / SBOM).write_text(bill_of_materials(_components(), subject))


def _components() -> Iterator[Component]:
    packages = Packages()
    for entry in (LAYERS / "system" / system.STATUS).iterdir():
        yield debian_component(packages.named(entry.name), system.release())
    if not packages.owner(system.interpreter()):  # Docker's official image builds its own
        version = platform.python_version()
        purl = f"pkg:generic/python@{version}"
        yield Component(purl, "python", version, expression="PSF-2.0", kind="platform")
    wheels = {
        _canonical(wheel.name.partition("-")[0]): wheel
        for folder in ("wheels", "compiler")
        for wheel in (CONTEXT / folder).glob("*.whl")
    }
    runtime = COMPILER / _metadata_folder(RUNTIME) / "METADATA"
    for metadata in [runtime, *(LAYERS / "dependencies" / SITE).glob("*.dist-info/METADATA")]:
        message = HeaderParser().parsestr(metadata.read_text())
        wheel = wheels[_canonical(str(message["Name"]))]
        yield python_component(message, hashlib.sha256(wheel.read_bytes()).hexdigest())


def _metadata_folder(name: str) -> str:
    return next(COMPILER.glob(f"{name}-*.dist-info")).name


def _canonical(name: str) -> str:
    """Return the one spelling of a distribution's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _record_what_is_left(record: Path, site: Path) -> None:
    with record.open(newline="") as file:
        rows = [row for row in csv.reader(file) if row and (site / row[0]).is_file()]
    with record.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(sorted(rows))


if __name__ == "__main__":
    main()
