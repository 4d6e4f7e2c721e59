"""The shared libraries that programs and extension modules need, by the loader that will load them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["closure", "elf_files", "loader"]

_MAGIC = b"\x7fELF"


def elf_files(folder: Path) -> Iterator[Path]:
    """Yield the ELF files below `folder`, sorted."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                if file.read(4) == _MAGIC:
                    yield path


def loader(program: Path) -> Path:
    """Return the dynamic loader that `program` names.

    Raises ValueError when it names none: a static program has no libraries to find.
    """
    found = re.search(rb"(/lib[\w./-]*/ld-[\w.-]+)\0", program.read_bytes())
    if not found:
        raise ValueError(f"{program} names no dynamic loader")
    return Path(found[1].decode())


def closure(files: Iterable[Path], with_loader: Path, within: Path) -> set[Path]:
    """Return the libraries that `files` load and that are not `within` a tree that the image has anyway.

    Raises ValueError for a file of which a library is missing; the message names it.
    """
    needed = {with_loader}
    for file in files:
        listed = subprocess.run([with_loader, "--list", file], capture_output=True, text=True, check=False)
        if listed.returncode:
            raise ValueError(f"{file} cannot be loaded in the base: {listed.stderr.strip()}")
        found = {Path(path) for path in re.findall(r"=> (/\S+) \(0x", listed.stdout)}
        needed |= {path for path in found if not path.resolve().is_relative_to(within)}
    return needed
