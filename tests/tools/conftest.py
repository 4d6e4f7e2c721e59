"""A pretended machine: its own PATH, home and cache, and web servers on the loopback interface."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from checkout import Checkout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


# Writes a CLI wherever `go build -o` asks for one.
_GO = """
echo "go $*" >> "$LOG"
echo "go environment: cgo=$CGO_ENABLED workspace=$GOWORK os=$GOOS" >> "$LOG"
case "$1 $2" in
    "env GOVERSION") echo {version} ;;
    "env GOTOOLCHAIN") echo {toolchain} ;;
    list*) echo '{source}' ;;
    build*)
        {failure}
        while [ "$1" != -o ]; do shift; done
        printf '#!/bin/sh\\necho v3.250.0\\n' > "$2"
        chmod 755 "$2" ;;
esac
"""


@dataclass
class Machine:
    """What a set-up sees of a machine: nothing but what a test put there."""

    folder: Path
    checkout: Checkout
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        """The file that the programs write their calls to."""
        return self.folder / "calls"

    def calls(self) -> list[str]:
        """Return the calls so far, and forget them."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return lines

    def program(self, name: str, script: str, folder: Path | None = None) -> Path:
        """Put a shell script there, on PATH unless another folder is given; `$LOG` is the log."""
        path = (folder or self.folder / "bin") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\nLOG='{self.log}'\n{script}\n")
        path.chmod(0o755)
        return path

    def system_programs(self, *names: str) -> None:
        """Make programs of the real machine reachable."""
        for name in names:
            real = shutil.which(name)
            assert real, f"this test needs {name}"
            link = self.folder / "bin" / name
            link.unlink(missing_ok=True)
            link.symlink_to(real)

    def pulumi(self, version: str, folder: Path | None = None) -> Path:
        """Put a CLI of this version there, with its language host."""
        self.program("pulumi-language-python", "exit 1", folder)
        return self.program("pulumi", f'echo "pulumi $*" >> "$LOG"\necho {version}', folder)

    def go(self, version: str = "go1.26.8", toolchain: str = "local", failure: str = "") -> None:
        """Put a Go toolchain on PATH; `failure` is a shell command that each build runs first."""
        source = self.folder / "sdk"
        executor = source / "python" / "cmd" / "pulumi-language-python-exec"
        executor.parent.mkdir(parents=True)
        executor.write_text('import the program\nif __name__ == "__main__":\n    run()\n')
        executor.chmod(0o444)  # as in Go's module cache
        self.system_programs("chmod")
        self.program("go", _GO.format(version=version, toolchain=toolchain, source=source, failure=failure))

    def uv(self, version: str = "0.13.9") -> Path:
        """Put a uv on PATH that makes environments which hold nothing but this test's interpreter."""
        self.system_programs("mkdir", "ln")
        return self.program(
            "uv",
            f"""
echo "uv $*" >> "$LOG"
case "$1" in
    --version) echo "uv {version} (a test)" ;;
    venv)
        for folder; do :; done
        mkdir -p "$folder/bin"
        ln -sf '{sys.executable}' "$folder/bin/python"
        echo 'version_info = {sys.version.split()[0]}' > "$folder/pyvenv.cfg" ;;
esac
""",
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Give a machine with an empty PATH and a checkout that holds the files that a set-up reads."""
    root = tmp_path / "checkout"
    (root / "requirements").mkdir(parents=True)
    (root / "requirements" / "all.lock").write_text("one==1 --hash=sha256:0\n")
    (root / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "bin").mkdir()
    environ = {
        "PATH": str(tmp_path / "bin"),
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    return Machine(tmp_path, Checkout.of(root, environ), environ)


@dataclass
class Website:
    """A web server's address and the requests that it got: path and Authorization header."""

    url: str
    requests: list[tuple[str, str | None]]


@pytest.fixture
def serve() -> Iterator[Callable[[Mapping[str, bytes]], Website]]:
    """Give a function that serves pages, and 404 for every other path, until the test ends."""
    with ExitStack() as servers:
        yield lambda pages: servers.enter_context(_serving(pages))


@contextmanager
def _serving(pages: Mapping[str, bytes]) -> Iterator[Website]:
    requests: list[tuple[str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append((self.path, self.headers.get("Authorization")))
            body = pages.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Website(f"http://127.0.0.1:{server.server_port}", requests)
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def repository() -> Path:
    """Give the real checkout."""
    return Path(__file__).parents[2]


@pytest.fixture
def outside_make() -> dict[str, str]:
    """Give the environment without what an outer make leaves to an inner one."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
