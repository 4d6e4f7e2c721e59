"""Put a pinned model into a folder from which another process serves it: the work of an init container.

The folder comes into being in one step, when everything in it is verified. So several replicas may deliver to
a volume that they share: what is there and unchanged is used, what is damaged is fetched again.
"""

import errno
import hashlib
import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final

from modelberth_server.errors import ModelError
from modelberth_server.sources import hub
from modelberth_server.sources.archive import extract
from modelberth_server.sources.checksums import MAX_SUMS_BYTES, SUMS, digest_of, parse, verify, write
from modelberth_server.sources.fetch import Fetcher, is_there, locked, require_pin
from modelberth_server.sources.stream import SourceError
from modelberth_server.sources.uri import Uri

__all__ = ["FORMATS", "Delivery"]

FORMATS: Final = ("onnx", "savedmodel", "safetensors", "triton", "custom")
MODEL: Final = "model.onnx"
"""Name of a single ONNX file, as Triton looks for it."""

# Beside safetensors, hubs keep the same weights for other libraries; most of those formats are pickles.
_BESIDE_SAFETENSORS: Final = frozenset(
    (".bin", ".ckpt", ".gguf", ".h5", ".joblib", ".msgpack", ".onnx", ".ot", ".pickle", ".pkl", ".pt", ".pth")
)
# What a folder of a format has at its root; an archive may hold it one level down.
_ROOTS: Final = {"savedmodel": "saved_model.pb", "safetensors": "config.json"}

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Delivery:
    """One model on its way to a server.

    Attributes:
        uri: where it comes from
        sha256: the pin: of the file, of an archive, of a package's `modelberth.json`, or of the `SHA256SUMS`
            that lies in any other folder. None where the uri names a revision that its source never changes.
        model_format: what the server takes; `onnx` is a package or one file, every other a folder of files

    """

    uri: str
    sha256: str | None
    model_format: str

    def to(self, target: Path, fetcher: Fetcher) -> bool:
        """Fill the folder; return whether anything had to be fetched.

        Raises:
            ModelError: as `Fetcher.fetch`, or what was fetched is not of the format.

        """
        with _model_errors(target):
            source = Uri.parse(self.uri)
            require_pin(source, self.sha256)
            target.parent.mkdir(parents=True, exist_ok=True)
            with _alone(target):
                if self._is_intact(source, target):
                    return False
                if target.exists():
                    logger.warning("%s is not what was delivered: fetching it again", target)
                with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as work:
                    new = self._gather(source, Path(work), fetcher)
                    _let_read(new)
                    self._publish(source, new, target, Path(work))
        return True

    def check(self) -> None:
        """Verify a model that lies on this machine, without a copy.

        Raises:
            ModelError: it is not there, or not the pinned one.

        """
        path = Path(Uri.parse(self.uri).path)
        with _model_errors(path):
            if self.sha256 is None:
                raise SourceError(f"{path}: without a sha256 there is nothing to verify it against")
            if path.is_file():
                if (found := digest_of(path)) != self.sha256:
                    raise SourceError(f"{path} has sha256 {found}, expected {self.sha256}")
            elif self.model_format == "onnx":
                if not is_there(path, self.sha256):
                    raise SourceError(f"{path} is not the package or ONNX file with sha256 {self.sha256}")
            else:
                verify(path, self._listed(path / SUMS, self.sha256))
                self._require_format(path)

    def _gather(self, source: Uri, work: Path, fetcher: Fetcher) -> Path:
        if self.model_format == "onnx":
            return self._onnx(source, work, fetcher)
        new = work / "new"
        new.mkdir()
        if not source.is_folder:
            new = self._archive(source, new, fetcher)
        elif self.sha256 is None and source.scheme == "hf":
            self._repository(source, new, fetcher)
        else:
            self._folder(source, new, fetcher)
        self._require_format(new)
        if not (new / SUMS).exists():
            write(new)
        return new

    def _onnx(self, source: Uri, work: Path, fetcher: Fetcher) -> Path:
        fetched = replace(fetcher, folder=work / "fetched").fetch_source(source, self.sha256)
        if self.sha256 is not None and fetched.sha256 != self.sha256:
            raise SourceError(
                f"{self.uri} is an archive with sha256 {self.sha256}; the server verifies what is in it: pin "
                f"{fetched.sha256}"
            )
        if fetched.path.is_dir():
            return fetched.path
        new = work / "new"
        new.mkdir()
        fetched.path.rename(new / MODEL)
        if self.sha256 is None:
            write(new)
        return new

    def _archive(self, source: Uri, new: Path, fetcher: Fetcher) -> Path:
        if source.name.lower().endswith(".onnx"):
            raise SourceError(f"{source} is an ONNX file, and the format is {self.model_format}")
        packed = new.with_name("archive")
        digest = fetcher.save(source, packed)
        if self.sha256 is not None and digest != self.sha256:
            raise SourceError(f"{source} has sha256 {digest}, expected {self.sha256}")
        extract(packed, new, str(source))
        packed.unlink()
        for path in [*new.rglob("*")]:
            if path.is_file() and not self._is_wanted(path.name):
                path.unlink()
        marker = _ROOTS.get(self.model_format)
        if marker is not None and not (new / marker).exists():
            below = [path for path in new.iterdir() if (path / marker).is_file()]
            if len(below) == 1:
                return below[0]
        return new

    def _repository(self, source: Uri, new: Path, fetcher: Fetcher) -> None:
        with fetcher.open(source, hub.listing_url(source)) as stream:
            data = b"".join(_bounded(stream.chunks, hub.MAX_LISTING_BYTES, str(source)))
        for file in hub.listing(data, source):
            if not self._is_wanted(file.name):
                continue
            path = _inside(new, file.name, str(source))
            digest = fetcher.save(source.child(file.name), path)
            file.check(path, str(source.child(file.name)), digest)

    def _folder(self, source: Uri, new: Path, fetcher: Fetcher) -> None:
        if self.sha256 is None:
            raise SourceError(
                f"{source}: a folder is pinned by the sha256 of its {SUMS}, or packed as an archive"
            )
        sums = source.child(SUMS)
        try:
            fetcher.save(sums, new / SUMS, MAX_SUMS_BYTES)
        except SourceError as error:
            raise SourceError(f"{error} (the digests of a folder's files are in its {SUMS})") from None
        for name, expected in self._listed(new / SUMS, self.sha256, str(sums)).items():
            digest = fetcher.save(source.child(name), _inside(new, name, str(sums)))
            if digest != expected:
                raise SourceError(f"{source.child(name)} has sha256 {digest}, {SUMS} lists {expected}")

    def _listed(self, sums: Path, sha256: str | None, label: str = "") -> dict[str, str]:
        """The files of a listing that the server takes."""
        label = label or str(sums)
        if not sums.is_file():
            raise SourceError(f"{label} does not exist: it lists the digests of the folder's files")
        data = sums.read_bytes()
        if sha256 is not None and (found := hashlib.sha256(data).hexdigest()) != sha256:
            raise SourceError(f"{label} has sha256 {found}, expected {sha256}")
        return {name: digest for name, digest in parse(data, label).items() if self._is_wanted(name)}

    def _is_wanted(self, name: str) -> bool:
        suffix = PurePosixPath(name).suffix.lower()
        return self.model_format != "safetensors" or suffix not in _BESIDE_SAFETENSORS

    def _is_intact(self, source: Uri, target: Path) -> bool:
        if not target.is_dir():
            return False
        if self.model_format == "onnx" and self.sha256 is not None:
            return is_there(target, self.sha256)
        try:
            # An archive's own digest cannot be had any more: what was in it was listed as it was unpacked.
            verify(target, self._listed(target / SUMS, self.sha256 if source.is_folder else None))
        except (SourceError, OSError):
            return False
        return True

    def _require_format(self, folder: Path) -> None:
        is_right = {
            "savedmodel": (folder / "saved_model.pb").is_file(),
            "safetensors": (folder / "config.json").is_file() and any(folder.glob("*.safetensors")),
            "triton": any(path.is_dir() for path in folder.glob("*/[0-9]*")),
        }.get(self.model_format, True)
        if not is_right:
            found = ", ".join(sorted(path.name for path in folder.iterdir())[:8]) or "nothing"
            raise SourceError(f"{self.uri} holds no model of format {self.model_format}: found {found}")

    def _publish(self, source: Uri, new: Path, target: Path, work: Path) -> None:
        try:
            new.rename(target)
        except OSError as error:
            if error.errno not in {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR}:
                raise
            # Damaged, or of another machine that was faster where the file system locks nothing between them.
            if not self._is_intact(source, target):
                target.rename(work / "damaged")
                new.rename(target)


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """One at a time where the file system can lock; what earlier ones left when they were killed goes."""
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(target.with_name(f".{target.name}.lock")))
        except OSError as error:
            if error.errno not in {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}:
                raise
        else:
            for left in target.parent.glob(f".{target.name}.*"):
                if left.is_dir():
                    shutil.rmtree(left, ignore_errors=True)
        yield


@contextmanager
def _model_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (SourceError, ValueError) as error:
        raise ModelError(str(error)) from None
    except OSError as error:
        room = "; a cache keeps every model that it was filled with" if error.errno == errno.ENOSPC else ""
        raise ModelError(f"{error.filename or path}: {error.strerror}{room}") from None


def _inside(folder: Path, name: str, label: str) -> Path:
    """A path for a new file, its folders made; a listing from elsewhere decides no path outside."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name or "\\" in name:
        raise SourceError(f"{label} lists {name[:200]!r}, which lies outside of its folder")
    inside = folder / path
    inside.parent.mkdir(parents=True, exist_ok=True)
    return inside


def _bounded(chunks: Iterator[bytes], most: int, label: str) -> Iterator[bytes]:
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > most:
            raise SourceError(f"{label}: its listing has more than {most} bytes")
        yield chunk


def _let_read(folder: Path) -> None:
    """Whoever gets the volume may read it: another endpoint's server may have another user."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
