"""Objects in S3, Google Cloud Storage, Azure Blob and folders, by uri.

Credentials and endpoints come from the environment as the clouds' own tools read them: the identity of the
machine, function or pod first (instance metadata, container credentials, web identity, workload identity),
then `AWS_*`, `GOOGLE_*` and `AZURE_*`. None is ever part of a uri.
"""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from modelberth_server.sources.stream import CHUNK, SourceError, Stream
from modelberth_server.sources.uri import Uri

if TYPE_CHECKING:
    import obstore.store

__all__ = ["OBJECT_STORES", "ObjectStore"]

OBJECT_STORES: Final = frozenset({"s3", "gs", "azblob"})
MAX_LISTED: Final = 10_000
MAX_OBJECT_BYTES: Final = 256 << 20
"""Bytes of an object that is read into memory as one piece."""
# A read that stalls is given up; a long download that goes on is not. The total would be 30 s by default.
_CLIENT: Final[dict[str, Any]] = {
    "connect_timeout": timedelta(seconds=10),
    "read_timeout": timedelta(seconds=30),
    "timeout": timedelta(hours=1),
    "user_agent": "modelberth",
}
_RETRY: Final[dict[str, Any]] = {"max_retries": 3, "retry_timeout": timedelta(seconds=30)}
_ALLOW_HTTP: Final = {"s3": "AWS_ALLOW_HTTP", "gs": "GOOGLE_ALLOW_HTTP", "azblob": "AZURE_ALLOW_HTTP"}


class ObjectStore:
    """Reads and writes whole objects; may be used from several threads.

    A client for each bucket is made at its first use and kept: it holds connections and credentials.
    """

    def __init__(self) -> None:
        self._stores: dict[tuple[str, str], obstore.store.ObjectStore] = {}

    def get(self, uri: str, most: int = MAX_OBJECT_BYTES) -> bytes:
        """Return an object's bytes.

        Raises:
            SourceError: there is none, it may not be read, or it has more than `most` bytes.

        """
        with self.open(_parsed(uri)) as stream:
            if stream.size is not None and stream.size > most:
                raise SourceError(f"{uri} has {stream.size} bytes, at most {most} are read")
            return b"".join(stream.chunks)

    def put(self, uri: str, data: bytes) -> None:
        """Write an object, or replace it whole.

        Raises:
            SourceError: it may not be written.

        """
        target = _current(uri)
        if target.scheme == "file":
            with _file_errors(target):
                _replace(Path(target.path), data)
            return
        with _errors(target) as obs:
            obs.put(self._store(target), target.path, data, use_multipart=False)

    def list(self, uri: str) -> list[str]:
        """Return the uris of the objects below a folder, sorted.

        Raises:
            SourceError: it may not be listed, or has more than 10,000 objects.

        """
        folder = _current(uri)
        if folder.scheme == "file":
            with _file_errors(folder):
                root = Path(folder.path)
                names = [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]
            return sorted(str(folder.child(name)) for name in names)
        prefix = folder.path.rstrip("/")
        found: list[str] = []
        with _errors(folder) as obs:
            for batch in obs.list(self._store(folder), prefix or None):
                found += [str(Uri(folder.scheme, folder.place, entry["path"])) for entry in batch]
                if len(found) > MAX_LISTED:
                    raise SourceError(f"{folder} holds more than {MAX_LISTED} objects")
        return sorted(found)

    @contextmanager
    def open(self, uri: Uri) -> Iterator[Stream]:
        """Read an object piece by piece, at the revision that the uri names.

        Raises:
            SourceError: there is none, or it may not be read.

        """
        if uri.scheme == "file":
            with _file_errors(uri):
                file = Path(uri.path).open("rb")  # noqa: SIM115 -- what its user does is no fault of the file
            with file:
                yield Stream(os.fstat(file.fileno()).st_size, _read(uri, file))
            return
        with _errors(uri) as obs:
            options: Any = {"version": uri.revision} if uri.revision else None
            result = obs.get(self._store(uri), uri.path, options=options)
            size, pieces = result.meta["size"], result.stream(CHUNK)
        yield Stream(size, _pieces(uri, pieces))

    def _store(self, uri: Uri) -> "obstore.store.ObjectStore":
        key = (uri.scheme, uri.place)
        if key not in self._stores:
            self._stores[key] = _connect(uri)
        return self._stores[key]


def _connect(uri: Uri) -> "obstore.store.ObjectStore":
    from obstore import store  # noqa: PLC0415 -- 12 MiB and 60 ms that most servers do without

    # Options given here hide the environment's: an endpoint of one's own without TLS is still its to allow.
    allow_http = os.environ.get(_ALLOW_HTTP.get(uri.scheme, ""), "").lower() in {"true", "1"}
    common: dict[str, Any] = {
        "client_options": _CLIENT | {"allow_http": allow_http},
        "retry_config": _RETRY,
    }
    match uri.scheme:
        case "s3":
            return store.S3Store(uri.place, **common)
        case "gs":
            return store.GCSStore(uri.place, **common)
        case "azblob":
            account, _, container = uri.place.partition("/")
            return store.AzureStore(container, account_name=account, **common)
        case other:
            raise SourceError(f"{uri}: {other} is no object store")


@contextmanager
def _errors(uri: Uri) -> Iterator[Any]:
    """Give `obstore`, and turn what it raises into one line."""
    try:
        import obstore  # noqa: PLC0415
        from obstore.exceptions import BaseError  # noqa: PLC0415
    except ImportError:
        raise SourceError(
            f"{uri}: reading it needs the package obstore (pip install 'modelberth[serving-all]')"
        ) from None
    try:
        yield obstore
    except FileNotFoundError:
        raise SourceError(f"{uri} does not exist") from None
    except (BaseError, OSError, ValueError) as error:
        raise SourceError(f"{uri}: {_reason(error)}") from None


def _pieces(uri: Uri, pieces: Iterator[Any]) -> Iterator[bytes]:
    with _errors(uri):
        for piece in pieces:
            yield bytes(piece)


def _read(uri: Uri, file: IO[bytes]) -> Iterator[bytes]:
    with _file_errors(uri):
        while chunk := file.read(CHUNK):
            yield chunk


@contextmanager
def _file_errors(uri: Uri) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SourceError(f"{uri}: {error.strerror}") from None


def _parsed(uri: str) -> Uri:
    try:
        return Uri.parse(uri)
    except ValueError as error:
        raise SourceError(str(error)) from None


def _current(uri: str) -> Uri:
    parsed = _parsed(uri)
    if parsed.revision is not None:
        raise SourceError(f"{parsed} names a revision, which is only for reading")
    return parsed


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside its target: a rename is atomic only within one file system.
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _reason(error: Exception) -> str:
    """The first line of an error without addresses' queries, which may hold a signature."""
    text = " ".join(str(error).split("Debug source:")[0].split())
    return re.sub(r"\?\S+", "?...", text)[:300]
