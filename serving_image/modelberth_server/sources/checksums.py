"""`SHA256SUMS`: the digests of a folder's files, as `sha256sum` writes them."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from modelberth_server.sources.stream import CHUNK, SourceError

__all__ = ["MAX_SUMS_BYTES", "SUMS", "digest_of", "parse", "verify", "write"]

SUMS: Final = "SHA256SUMS"
MAX_SUMS_BYTES: Final = 16 << 20
MAX_FILES: Final = 10_000
# https://www.gnu.org/software/coreutils/manual/html_node/cksum-output-modes.html: a blank or `*` before the
# name. A line that begins with a backslash has an escaped name, and no model file needs one.
_LINE: Final = re.compile(r"([0-9a-f]{64}) [ *](.+)")
_MAX_PATH: Final = 1024


def parse(data: bytes, label: str) -> dict[str, str]:
    """Read the digest of each file; `label` names the listing in errors.

    Raises:
        SourceError: a line of another form, a path outside of the folder, one path twice, no file at all.

    """
    try:
        lines = data.decode().splitlines()
    except UnicodeDecodeError:
        raise SourceError(f"{label} is not UTF-8") from None
    files: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        if (match := _LINE.fullmatch(line)) is None:
            raise SourceError(f"{label}, line {number}: expected SHA256 and a path, as `sha256sum` writes it")
        digest, text = match.groups()
        name = text.removeprefix("./")
        if not _is_inside(name) or name == SUMS:
            raise SourceError(
                f"{label}, line {number}: {text[:200]!r} is not the path of a file in the folder"
            )
        if name in files:
            raise SourceError(f"{label}, line {number}: {name[:200]!r} is there twice")
        files[name] = digest
    if not 1 <= len(files) <= MAX_FILES:
        raise SourceError(f"{label} lists {len(files)} files, allowed are 1 to {MAX_FILES}")
    return files


def write(folder: Path) -> None:
    """List every file of a folder so that `sha256sum --check` reads it, sorted by path."""
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    lines = [f"{digest_of(folder / name)}  {name}\n" for name in files]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def verify(folder: Path, files: Mapping[str, str]) -> None:
    """Compare the files of a folder with their digests.

    Raises:
        SourceError: one is missing, or another one.
        OSError: one cannot be read.

    """
    for name, expected in files.items():
        path = folder / name
        if not path.is_file():
            raise SourceError(f"{path} does not exist, and is listed in {SUMS}")
        if (found := digest_of(path)) != expected:
            raise SourceError(f"{path} has sha256 {found}, {SUMS} lists {expected}")


def digest_of(path: Path) -> str:
    """Return the sha256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return (
        not path.is_absolute()
        and str(path) == name
        and ".." not in path.parts
        and "\\" not in name
        and re.search(r"[\0-\x1f\x7f]", name) is None
        and len(name) <= _MAX_PATH
    )
