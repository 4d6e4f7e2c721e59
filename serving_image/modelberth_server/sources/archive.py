"""Unpack archives of packages: regular files inside the folder, and nothing else."""

import errno
import gzip
import io
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Final

from modelberth_server.sources.stream import CHUNK, MAX_BYTES, SourceError

__all__ = ["extract", "is_archive"]

MAX_FILES: Final = 10_000
# Deflate cannot do better than 1032:1 (https://zlib.net/zlib_tech.html), weights do not reach 10:1.
MAX_RATIO: Final = 100
_RATIO_FROM_BYTES: Final = 64 << 20
_MAX_PATH: Final = 1024
_MAX_NAME: Final = 255
_DEFLATED: Final = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_BROKEN: Final = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    ValueError,
    OverflowError,
    NotImplementedError,
    RuntimeError,
)


def is_archive(path: Path) -> bool:
    """Tell a tar, gzip or zip file by its first bytes."""
    with path.open("rb") as file:
        head = file.read(512)
    return head.startswith((b"\x1f\x8b", b"PK\x03\x04", b"PK\x05\x06")) or head[257:262] == b"ustar"


def extract(archive: Path, into: Path, label: str) -> None:
    """Unpack a `.tar`, `.tar.gz` or `.zip` into an empty folder.

    Each file is written as a new one under its checked name; owners, modes and times are not taken over.

    Raises:
        SourceError: a member is a link, a device or lies outside, two have one name, the archive is broken,
            or it unpacks to too much: more than 10,000 members, 20 GiB, or 100 times its own size.

    """
    room = _Room(into, label, archive.stat().st_size)
    try:
        with ExitStack() as stack:
            if zipfile.is_zipfile(archive) and not _is_tar(archive):
                members = _zip_members(stack.enter_context(zipfile.ZipFile(archive)), room)
            else:
                raw: IO[bytes] = stack.enter_context(archive.open("rb"))
                packed = raw.read(2) == b"\x1f\x8b"
                raw.seek(0)
                plain = stack.enter_context(gzip.GzipFile(fileobj=raw)) if packed else raw
                reader = _Bounded(plain, label)
                members = _tar_members(stack.enter_context(tarfile.open(fileobj=reader, mode="r:")), room)
            for name, size, open_member in members:
                with open_member() as source:
                    room.write(name, size, source)
    except SourceError:
        raise
    except OSError as error:
        # A bad offset in an archive is a bad argument to seek; what else the system refuses is not its fault.
        if error.errno not in {None, errno.EINVAL}:
            raise
        raise SourceError(f"{label} is not an archive that can be unpacked: {error}") from None
    except _BROKEN as error:
        text = " ".join(str(error).split()) or type(error).__name__
        raise SourceError(f"{label} is not an archive that can be unpacked: {text[:200]}") from None


_Member = tuple[str, int, Callable[[], IO[bytes]]]


@dataclass
class _Room:
    """The folder that is filled, and what may still go into it."""

    into: Path
    label: str
    packed_bytes: int
    names: set[str] = field(default_factory=set)
    members: int = 0
    total: int = 0

    def admit(self, name: str, size: int) -> str:
        """Check a member before anything of it is read; return its plain name, "" for the folder itself."""
        self.members += 1
        self.total += size
        if self.members > MAX_FILES:
            raise self.refusal(name, f"there are more than {MAX_FILES} members")
        if size < 0 or self.total > MAX_BYTES:
            raise self.refusal(name, f"it unpacks to more than {MAX_BYTES} bytes")
        if self.total > max(MAX_RATIO * self.packed_bytes, _RATIO_FROM_BYTES):
            raise self.refusal(name, f"it unpacks to more than {MAX_RATIO} times its own size")
        path = PurePosixPath(name)
        parts = [part for part in path.parts if part != "."]
        if path.is_absolute() or ".." in parts or "\\" in name or re.match(r"[A-Za-z]:", name):
            raise self.refusal(name, "it lies outside of the archive's own folder")
        if (
            re.search(r"[\0-\x1f\x7f]", name)
            or len(name) > _MAX_PATH
            or any(len(part) > _MAX_NAME for part in parts)
        ):
            raise self.refusal(name, "its name is too long or has control characters")
        return "/".join(parts)

    def write(self, name: str, size: int, source: IO[bytes]) -> None:
        """Write one file; its folders come into being with it."""
        if name in self.names:
            raise self.refusal(name, "it is there twice")
        self.names.add(name)
        path = self.into / name
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except (FileExistsError, NotADirectoryError):
            raise self.refusal(name, "it is a file and a folder") from None
        left = size
        with os.fdopen(descriptor, "wb") as file:
            while left > 0 and (chunk := source.read(min(CHUNK, left))):
                left -= len(chunk)
                file.write(chunk)
        if left or source.read(1):
            raise self.refusal(name, f"it does not have the {size} bytes that it announces")

    def refusal(self, name: str, reason: str) -> SourceError:
        return SourceError(f"{self.label}: member {name[:200]!r} is refused: {reason}")


def _tar_members(archive: tarfile.TarFile, room: _Room) -> Iterator[_Member]:
    for member in archive:
        name = room.admit(member.name, member.size if member.isreg() else 0)
        if member.isdir():
            continue
        if not member.isreg() or member.issparse():
            kind = (
                "a link"
                if member.issym() or member.islnk()
                else "a device, a sparse file or of a kind of its own"
            )
            raise room.refusal(member.name, f"it is {kind}, only files and folders are unpacked")
        try:
            tarfile.data_filter(member, str(room.into))
        except tarfile.FilterError as error:
            raise room.refusal(member.name, str(error)) from None

        def open_member(member: tarfile.TarInfo = member) -> IO[bytes]:
            source = archive.extractfile(member)
            assert source is not None
            return source

        yield name, member.size, open_member


def _zip_members(archive: zipfile.ZipFile, room: _Room) -> Iterator[_Member]:
    for member in archive.infolist():
        name = room.admit(member.orig_filename, member.file_size)
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
            reason = "a link" if kind == stat.S_IFLNK else "a device"
            raise room.refusal(member.filename, f"it is {reason}, only files and folders are unpacked")
        if member.is_dir():
            continue
        if member.flag_bits & 1 or member.compress_type not in _DEFLATED:
            raise room.refusal(member.filename, "it is encrypted, or neither stored nor deflated")

        def open_member(member: zipfile.ZipInfo = member) -> IO[bytes]:
            return archive.open(member)

        yield name, member.file_size, open_member


class _Bounded(io.RawIOBase):
    """Unpacked bytes of a tar file, of which headers cannot ask for gigabytes in one read."""

    def __init__(self, source: IO[bytes] | gzip.GzipFile, label: str) -> None:
        self._source = source
        self._label = label

    def read(self, size: int = -1, /) -> bytes:
        if not 0 <= size <= CHUNK:
            raise SourceError(f"{self._label}: a header of {size} bytes is refused, at most {CHUNK} are read")
        return self._source.read(size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        if offset > 2 * MAX_BYTES:
            raise SourceError(f"{self._label} unpacks to more than {MAX_BYTES} bytes")
        return self._source.seek(offset, whence)

    def tell(self) -> int:
        return self._source.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True


def _is_tar(archive: Path) -> bool:
    """A tar that holds a zip is a tar, though a zip is found from its end."""
    with archive.open("rb") as file:
        head = file.read(512)
    return head[257:262] == b"ustar" or head.startswith(b"\x1f\x8b")
