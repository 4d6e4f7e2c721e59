"""The files of a model hub's repository at a commit, with what the hub says of their contents."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from modelberth_server.sources.stream import CHUNK, SourceError
from modelberth_server.sources.uri import HUB, Uri

__all__ = ["MAX_LISTING_BYTES", "HubFile", "listing", "listing_url"]

MAX_LISTING_BYTES: Final = 64 << 20
MAX_FILES: Final = 10_000


@dataclass(frozen=True)
class HubFile:
    """A file of a repository; a large one has a sha256, every other the id of its git blob."""

    name: str
    sha256: str | None
    blob: str | None

    def check(self, path: Path, label: str, sha256: str) -> None:
        """Compare a fetched file, whose digest is known by now, with the hub's own.

        Raises:
            SourceError: it has another one.

        """
        if self.sha256 is not None and self.sha256 != sha256:
            raise SourceError(f"{label} has sha256 {sha256}, the hub lists {self.sha256}")
        if self.sha256 is None and self.blob is not None and self.blob != (found := _blob(path)):
            raise SourceError(f"{label} is the git blob {found}, the hub lists {self.blob}")


def listing_url(source: Uri) -> str:
    """The address of the listing: https://huggingface.co/docs/hub/api, `blobs` adds digests."""
    return f"{HUB}/api/models/{source.place}/revision/{quote(source.revision or '', safe='')}?blobs=true"


def listing(data: bytes, source: Uri) -> list[HubFile]:
    """Read the files below the folder that `source` names; their names are relative to it.

    Raises:
        SourceError: it is no listing, or lists no file there.

    """
    try:
        document = json.loads(data)
        entries = [_file(entry) for entry in document["siblings"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise SourceError(f"{source}: the hub's answer is not a listing of files") from None
    folder = f"{source.path.rstrip('/')}/" if source.path else ""
    files = [
        HubFile(entry.name.removeprefix(folder), entry.sha256, entry.blob)
        for entry in entries
        if entry.name.startswith(folder)
    ]
    if not 1 <= len(files) <= MAX_FILES:
        raise SourceError(f"{source} has {len(files)} files, allowed are 1 to {MAX_FILES}")
    return files


def _file(entry: Any) -> HubFile:
    name, large = entry["rfilename"], entry.get("lfs") or {}
    if not isinstance(name, str):
        raise TypeError
    return HubFile(name, large.get("sha256"), entry.get("blobId"))


def _blob(path: Path) -> str:
    """The name that git gives to contents: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
