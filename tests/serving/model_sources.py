"""Model packages on disk, and servers on loopback that models are fetched from."""

import contextlib
import hashlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from serving.models import IRIS

DIGEST = "0" * 64


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def manifest(files: Mapping[str, bytes], **more: Any) -> dict[str, Any]:
    digests = {name: sha256(data) for name, data in files.items()}
    return {"format": 1, "name": "iris", "version": "3", "model": "model.onnx", "files": digests, **more}


def write_package(folder: Path, files: Mapping[str, bytes] | None = None, **more: Any) -> str:
    """Write a package of the iris model and other files; return its pin."""
    files = {"model.onnx": IRIS.read_bytes(), **(files or {})}
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    text = json.dumps(manifest(files, **more)).encode()
    (folder / "modelberth.json").write_bytes(text)
    return sha256(text)


@dataclass
class Answer:
    """What a stand-in answers; `length` is announced where it is not the truth."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    chunked: bool = False


@dataclass
class StandIn:
    """A web server on loopback: the answer to each path, and the requests that it got."""

    port: int = 0
    scheme: str = "https"
    host: str = "127.0.0.1"
    answers: dict[str, Answer] = field(default_factory=dict)
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"


@contextlib.contextmanager
def serving(handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve on a free port of loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign] -- clients that hang up are tests
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def web(tls: ssl.SSLContext | None) -> Iterator[StandIn]:
    """Serve `answers`, by path with query."""
    site = StandIn(scheme="https" if tls else "http")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            site.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            answer = site.answers.get(self.path, Answer(404))
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.chunked:
                self.send_header("transfer-encoding", "chunked")
                self.end_headers()
                for at in range(0, len(answer.body), 1000):
                    piece = answer.body[at : at + 1000]
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.write(b"0\r\n\r\n")
                return
            self.send_header(
                "content-length", str(len(answer.body) if answer.length is None else answer.length)
            )
            self.end_headers()
            self.wfile.write(answer.body)
            if answer.length is not None:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler, tls) as site.port:
        yield site


@dataclass
class Buckets:
    """Objects of a stand-in for S3, Google Cloud Storage and Azure Blob, by `BUCKET/KEY`."""

    url: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    versions: dict[tuple[str, str], bytes] = field(default_factory=dict)
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    fails: Callable[[str], int | None] = lambda _: None


@contextlib.contextmanager
def buckets() -> Iterator[Buckets]:
    """GET, PUT and list as `obstore` asks for them. It is not the real thing: it checks no signature."""
    store = Buckets()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            path = unquote(parts.path).strip("/")
            self._note(path)
            if (status := store.fails(path)) is not None:
                return self._answer(status, b"<Error><Code>AccessDenied</Code></Error>")
            if "list-type" in query or query.get("comp") == "list":
                return self._answer(200, _listing(store, path, query))
            version = query.get("versionId") or query.get("generation") or query.get("versionid")
            data = store.versions.get((path, version)) if version else store.objects.get(path)
            return self._answer(404, b"") if data is None else self._answer(200, data)

        def do_PUT(self) -> None:
            path = unquote(urlsplit(self.path).path).strip("/")
            self._note(path)
            data = self.rfile.read(int(self.headers["content-length"]))
            if (status := store.fails(path)) is not None:
                return self._answer(status, b"")
            store.objects[path] = data
            return self._answer(201 if "x-ms-version" in self.headers else 200, b"")

        def _note(self, path: str) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            store.seen.append((self.command, path, headers))

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.send_header("etag", '"1"')
            self.send_header("last-modified", "Sat, 21 Nov 2026 00:00:00 GMT")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler) as port:
        store.url = f"http://127.0.0.1:{port}"
        yield store


def _listing(store: Buckets, bucket: str, query: dict[str, str]) -> bytes:
    prefix = f"{bucket}/{query.get('prefix', '')}"
    found = {key: data for key, data in store.objects.items() if key.startswith(prefix)}
    time = "2026-11-21T00:00:00.000Z"
    if query.get("comp") == "list":
        blobs = "".join(
            f"<Blob><Name>{key.removeprefix(bucket + '/')}</Name><Properties>"
            f"<Last-Modified>Sat, 21 Nov 2026 00:00:00 GMT</Last-Modified><Etag>1</Etag>"
            f"<Content-Length>{len(data)}</Content-Length><Content-Type>x</Content-Type>"
            "</Properties></Blob>"
            for key, data in found.items()
        )
        return f"<EnumerationResults><Blobs>{blobs}</Blobs><NextMarker/></EnumerationResults>".encode()
    contents = "".join(
        f"<Contents><Key>{key.removeprefix(bucket + '/')}</Key><Size>{len(data)}</Size>"
        f"<LastModified>{time}</LastModified><ETag>1</ETag></Contents>"
        for key, data in found.items()
    )
    return f"<ListBucketResult><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>".encode()
