"""Which Debian package a file is of, and what the image has to say about that package."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Package", "Packages", "field"]

_DATABASE = Path("var/lib/dpkg")
# Folders that are links into /usr since Debian 12; older packages list their files under the short name.
_MERGED = re.compile(r"^/(bin|sbin|lib|lib64)/")


@dataclass(frozen=True, order=True)
class Package:
    """An installed package: its stanza in dpkg's status file, and the copyright file it came with."""

    name: str
    version: str
    architecture: str
    stanza: str
    licences: tuple[str, ...]


class Packages:
    """The packages installed in the system at `root`."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        status = (root / _DATABASE / "status").read_text()
        self._stanzas = {
            (field(stanza, "Package"), field(stanza, "Architecture")): stanza
            for stanza in status.strip().split("\n\n")
        }
        self._owners: dict[str, str] = {}
        for file in sorted((root / _DATABASE / "info").glob("*.list")):
            for line in file.read_text().splitlines():
                self._owners.setdefault(_merged(line), file.stem.partition(":")[0])

    def owner(self, path: Path) -> Package | None:
        """Return the package of the file at `path`, or of what it is a link to; None if it has none."""
        for candidate in (_merged(str(path)), os.path.realpath(path)):
            if name := self._owners.get(candidate):
                return self.named(name)
        return None

    def copyright_file(self, package: Package) -> Path | None:
        """Return the file with the package's licences, which whoever passes the package on has to pass on."""
        path = self._root / "usr/share/doc" / package.name / "copyright"
        return path if path.is_file() else None

    def named(self, name: str) -> Package:
        """Return the installed package `name`."""
        (_, architecture), stanza = next(
            (key, stanza) for key, stanza in self._stanzas.items() if key[0] == name
        )
        path = self._root / "usr/share/doc" / name / "copyright"
        text = path.read_text(errors="replace") if path.is_file() else ""
        return Package(name, field(stanza, "Version"), architecture, stanza, _licences(text))


def field(stanza: str, name: str) -> str:
    """Return the one-line field `name` of a stanza in Debian's control format."""
    found = re.search(rf"^{name}: (.*)$", stanza, re.MULTILINE)
    return found[1].strip() if found else ""


def _licences(copyright_file: str) -> tuple[str, ...]:
    """Return the short names in a machine-readable copyright file (DEP 5); none where it is prose."""
    if not copyright_file.startswith("Format:"):
        return ()
    return tuple(sorted(set(re.findall(r"^License: (\S.*?)\s*$", copyright_file, re.MULTILINE))))


def _merged(path: str) -> str:
    return "/usr" + path if _MERGED.match(path) else path
