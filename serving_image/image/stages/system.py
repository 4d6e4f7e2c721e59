"""The lowest layer: the interpreter, its standard library, all that is loaded with it, certificates."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from debian import Packages
from libraries import closure, elf_files, loader
from tree import compile_bytecode, left_out, remove

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["STATUS", "interpreter", "lay_out", "release"]

STATUS = Path("var/lib/dpkg/status.d")
USER_ID = 10001  # above 10000: no user of a host has it by accident

_WRITTEN = {
    "etc/passwd": f"""root:x:0:0:root:/root:/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin
modelberth:x:{USER_ID}:{USER_ID}:Modelberth:/tmp:/sbin/nologin
""",
    "etc/group": f"root:x:0:\nnogroup:x:65534:\nmodelberth:x:{USER_ID}:\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
}
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
_COPIED = (_CERTIFICATES, "/etc/os-release", "/etc/ssl/openssl.cnf", "/etc/ld.so.conf")
_COPIED_WHERE_THERE = ("etc/ld.so.conf.d/*.conf", "usr/lib/ssl/cert.pem", "usr/lib/ssl/openssl.cnf")


def interpreter() -> Path:
    """Return the program itself, not the links that lead to it."""
    return Path(sys.executable).resolve()


def release() -> str:
    """Return the release of the base's Debian, `13`."""
    found = re.search(r'^VERSION_ID="?([^"\n]+)', Path("/etc/os-release").read_text(), re.MULTILINE)
    return found[1] if found else "unknown"


def lay_out(root: Path, dependencies: Path) -> None:
    """Fill `root` from the base, with every library that the tree `dependencies` loads.

    Raises ValueError when the base lacks one.
    """
    program = interpreter()
    library = Path(sysconfig.get_path("stdlib"))
    inside = root / library.relative_to("/")
    shutil.copytree(library, inside, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    freed = remove(inside, left_out("standard_library"))
    origins = {Path("/") / path.relative_to(root) for path in inside.rglob("*") if not path.is_dir()}
    programs = [program, *elf_files(root), *elf_files(dependencies)]
    libraries = closure(programs, loader(program), dependencies)
    wanted = {program, *libraries, *map(Path, _COPIED)}
    wanted |= {path for pattern in _COPIED_WHERE_THERE for path in Path("/").glob(pattern)}
    origins |= {copied for path in sorted(wanted) for copied in _copy(path, root)}
    for name in ("python3", "python"):
        (root / program.parent.relative_to("/") / name).symlink_to(program.name)
    for name, text in _WRITTEN.items():
        (root / name).write_text(text)
    (root / "tmp").mkdir()
    _describe_packages(root, origins)
    compile_bytecode(inside, root)
    subprocess.run(["/sbin/ldconfig", "-X", "-r", str(root)], check=True)
    shutil.rmtree(root / "var/cache", ignore_errors=True)  # ldconfig's own, with times in it
    print(f"system: {len(libraries)} shared libraries, left out {freed / 1e6:.1f} MB of the standard library")


def _copy(path: Path, root: Path) -> Iterator[Path]:
    """Copy the file at `path` and the links that lead to it; yield what was copied, by its name in /usr."""
    top = Path("/", path.parts[1])
    if top.is_symlink():  # /lib is a link to /usr/lib: the image has it too
        _link(top, root)
    place = path.parent.resolve() / path.name
    target = root / place.relative_to("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    yield place
    if place.is_symlink():
        _link(place, root)
        yield from _copy(place.parent / place.readlink(), root)
    elif not target.exists():
        shutil.copy2(place, target)


def _link(link: Path, root: Path) -> None:
    target = root / link.relative_to("/")
    if not target.is_symlink():
        target.symlink_to(link.readlink())


def _describe_packages(root: Path, origins: Iterable[Path]) -> None:
    """Say of each package that a file is from what dpkg would, in the form that image scanners read.

    With it comes the package's copyright file, which whoever passes the package on has to pass on.
    """
    packages = Packages()
    # No package owns the one file that a script of this one joins the certificates into.
    owners = {packages.named("ca-certificates")} | {
        owner for path in origins if (owner := packages.owner(path))
    }
    (root / STATUS).mkdir(parents=True)
    for package in sorted(owners):
        (root / STATUS / package.name).write_text(package.stanza + "\n")
        if licence := packages.copyright_file(package):
            target = root / "usr/share/doc" / package.name / "copyright"
            target.parent.mkdir(parents=True)
            shutil.copyfile(licence, target)
