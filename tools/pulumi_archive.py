"""The archive that the official installer unpacks, for machines without curl, which the installer needs."""

from __future__ import annotations

import platform
import shutil
import tarfile
import urllib.request
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from console import Progress

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ArchiveError", "archive_url", "unpack"]

_MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}
_TIMEOUT_S = 10.0
_CHUNK_BYTES = 1 << 20


class ArchiveError(Exception):
    """The archive cannot be had, or is not one; the message says why."""


def archive_url(installer: str, version: str) -> str:
    """Return the address of this machine's archive, on the host that serves the installer."""
    machine = _MACHINES.get(platform.machine().lower(), platform.machine())
    name = f"pulumi-v{version}-{platform.system().lower()}-{machine}.tar.gz"
    return urljoin(installer, f"/releases/sdk/{name}")


def unpack(address: str, folder: Path, spare: Path, step: str) -> None:
    """Download the archive and put its programs into the new `folder`; `spare` is a folder for the download.

    Raises ArchiveError.
    """
    archive = spare / "pulumi.tar.gz"
    try:
        _download(address, archive, step)
        folder.mkdir(parents=True)
        with tarfile.open(archive) as opened:
            for member in opened:
                place = PurePosixPath(member.name)
                # Programs lie in `pulumi/`, on one level; nothing else is unpacked, wherever it wants to go.
                if not member.isfile() or place.parent != PurePosixPath("pulumi"):
                    continue
                source = opened.extractfile(member)
                assert source is not None
                with (folder / place.name).open("wb") as program:
                    shutil.copyfileobj(source, program)
                (folder / place.name).chmod(0o755)
    except (OSError, tarfile.TarError, EOFError) as error:
        raise ArchiveError(f"{address}: {error}") from error


def _download(address: str, target: Path, step: str) -> None:
    if urlsplit(address).scheme not in {"http", "https"}:
        raise ArchiveError(f"{address} is not an http or https address")
    progress = Progress(step, "downloading the official archive")
    try:
        # The scheme is checked above.
        with urllib.request.urlopen(address, timeout=_TIMEOUT_S) as response, target.open("wb") as file:  # noqa: S310
            while chunk := response.read(_CHUNK_BYTES):
                file.write(chunk)
                progress.tick(f"{file.tell() / 1e6:.0f} MB")
    finally:
        progress.done()
