"""Fetch a pinned model into a folder: one file, an archive, or a package file by file."""

import fcntl
import hashlib
import os
import re
import shutil
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from modelberth_server.errors import ModelError
from modelberth_server.model.discovery import model_in
from modelberth_server.model.manifest import MANIFEST, MAX_MANIFEST_BYTES, Manifest
from modelberth_server.sources.addresses import PrivateHosts
from modelberth_server.sources.archive import extract, is_archive
from modelberth_server.sources.checksums import digest_of
from modelberth_server.sources.https import open_https
from modelberth_server.sources.object_store import OBJECT_STORES, ObjectStore
from modelberth_server.sources.stream import MAX_BYTES, SourceError, Stream, save
from modelberth_server.sources.uri import Uri

__all__ = ["Fetched", "Fetcher", "is_there", "locked", "require_pin"]

_COMMIT: Final = r"[0-9a-f]{40}"


@dataclass(frozen=True)
class Fetched:
    """A model in the file system: what `Package.read` takes."""

    path: Path
    """An ONNX file or the folder of a package."""
    sha256: str | None
    """Of the file, or of the package's manifest; None where nothing pins it (a `file:` without a pin)."""


@dataclass(frozen=True)
class Fetcher:
    """Fetches models into a folder of the server's own.

    What is there already and has the pinned digest is used as it is; a second process waits for the first.
    """

    folder: Path
    private_hosts: PrivateHosts = field(default_factory=PrivateHosts)
    hub_token: str | None = None
    """Sent to the model hub and to nobody else (`HF_TOKEN`)."""
    tls: ssl.SSLContext | None = None

    def fetch(self, uri: str, sha256: str | None) -> Fetched:
        """Fetch what `uri` names, and check it against `sha256`.

        The pin is the digest of the file at `uri`; of a package that of its `modelberth.json`. An archive
        may have either. Without it the uri has to name a revision that its source never changes.

        Raises:
            ModelError: no such uri, host, file or permission, another digest, a hostile archive.

        """
        try:
            source = Uri.parse(uri)
            require_pin(source, sha256)
            if source.scheme == "file" and not (
                Path(source.path).is_file() and is_archive(Path(source.path))
            ):
                return Fetched(Path(source.path), sha256)
            return self.fetch_source(source, sha256)
        except (SourceError, ValueError) as error:
            raise ModelError(str(error)) from None
        except OSError as error:
            raise ModelError(
                f"{self.folder}: {error.strerror}; MODELBERTH_MODEL_FOLDER is where fetched models go"
            ) from None

    def fetch_source(self, source: Uri, sha256: str | None) -> Fetched:
        """As `fetch`, for an address whose pin was looked at; never used where it lies.

        Raises:
            SourceError, ValueError, ModelError: as for `fetch`.
            OSError: the folder cannot be written to.

        """
        key = hashlib.sha256(f"{source} {sha256}".encode()).hexdigest()[:32]
        target = self.folder / key
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(self.folder / f".{key}.lock"):
            if sha256 is not None and is_there(target, sha256):
                return Fetched(_found(target, source), sha256)
            with tempfile.TemporaryDirectory(dir=self.folder, prefix=f".{key}.") as work:
                new = Path(work) / "new"
                new.mkdir(mode=0o700)
                if source.is_folder:
                    self._package(source, new, sha256)
                else:
                    self._file(source, new, sha256)
                pin = digest_of(_pinned_file(_found(new, source)))
                if target.exists():
                    shutil.rmtree(target)
                new.rename(target)
            return Fetched(_found(target, source), pin)

    def _file(self, source: Uri, new: Path, sha256: str | None) -> None:
        path = new / _plain(source.name)
        digest = self.save(source, path, MAX_BYTES)
        # A PyTorch file is a zip: under the name of a model it is a model in disguise, and not unpacked.
        if source.name.lower().endswith(".onnx") or not is_archive(path):
            _expect(str(source), digest, sha256)
            return
        packed = path.rename(new.with_name("archive"))
        extract(packed, new, str(source))
        packed.unlink()
        if sha256 is None or digest == sha256:
            return
        inner = _pinned_file(_found(new, source))
        found = digest_of(inner)
        if found != sha256:
            raise SourceError(
                f"{source} has sha256 {digest}, and {inner.name} in it {found}; expected {sha256}: check the "
                "pin, or upload the archive again"
            )

    def _package(self, source: Uri, new: Path, sha256: str | None) -> None:
        manifest = source.child(MANIFEST)
        path = new / MANIFEST
        try:
            _expect(str(manifest), self.save(manifest, path, MAX_MANIFEST_BYTES), sha256)
        except SourceError as error:
            raise SourceError(
                f"{error} (a single file's address ends in .onnx, .tar, .tar.gz or .zip)"
            ) from None
        for name, digest in Manifest.parse(path.read_bytes(), str(manifest)).files.items():
            (new / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _expect(str(source.child(name)), self.save(source.child(name), new / name, MAX_BYTES), digest)

    def save(self, source: Uri, path: Path, most: int = MAX_BYTES) -> str:
        """Fetch one file to a new path, whatever it holds; return its sha256.

        Raises:
            SourceError: there is none, it may not be read, or it has more than `most` bytes.

        """
        with self.open(source) as stream:
            return save(stream, path, str(source), most)

    @contextmanager
    def open(self, source: Uri, url: str | None = None) -> Iterator[Stream]:
        """Read one file piece by piece; `url`: from this address of the same host, for the hub's listings."""
        if source.scheme in OBJECT_STORES or source.scheme == "file":
            with ObjectStore().open(source) as stream:
                yield stream
            return
        authorized = source.scheme == "hf" and self.hub_token
        headers = {"Authorization": f"Bearer {self.hub_token}"} if authorized else {}
        address = url or source.url
        with open_https(address, allowed=self.private_hosts, headers=headers, context=self.tls) as stream:
            yield stream


def require_pin(source: Uri, sha256: str | None) -> None:
    """Refuse an address whose content may change unseen.

    Raises:
        SourceError: it has neither a sha256 nor a revision that its source never changes.

    """
    unchanging = source.revision is not None
    if source.scheme == "hf":
        unchanging = re.fullmatch(_COMMIT, source.revision or "") is not None
    if sha256 is None and not unchanging and source.scheme != "file":
        raise SourceError(
            f"{source}: what it holds may change; set MODELBERTH_MODEL_SHA256, or name a revision that its "
            "source never changes"
        )


def _expect(label: str, found: str, expected: str | None) -> None:
    if expected is not None and found != expected:
        raise SourceError(
            f"{label} has sha256 {found}, expected {expected}: check the pin, or upload the file again"
        )


def _found(folder: Path, source: Uri) -> Path:
    path = model_in(folder)
    if path is None:
        raise SourceError(f"{source} holds neither a {MANIFEST} nor an .onnx file")
    return path


def _pinned_file(path: Path) -> Path:
    return path / MANIFEST if path.is_dir() else path


def is_there(target: Path, sha256: str) -> bool:
    """Whether an earlier fetch left all of it, unchanged."""
    try:
        path = model_in(target) if target.is_dir() else None
        if path is None or digest_of(_pinned_file(path)) != sha256:
            return False
        if not path.is_dir():
            return True
        manifest = Manifest.parse((path / MANIFEST).read_bytes(), str(path))
        return all(digest_of(path / name) == digest for name, digest in manifest.files.items())
    except (ModelError, OSError):
        return False


def _plain(name: str) -> str:
    """A file name of the uri's last part, whatever characters that has."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip(".")[-200:]
    return plain if plain.endswith((".onnx", ".tar", ".tar.gz", ".tgz", ".zip")) else f"{plain}.onnx"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock that other processes of this machine, and of some shared file systems, wait for."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
