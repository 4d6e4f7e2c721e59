"""Run the image with no right but to listen: `python serving_image/image/container.py [IMAGE]`."""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.append(str(Path(__file__).resolve().parent.parent.parent / "tools"))

from console import SetupError, exit_code, say
from engines import ENGINES, Engine, choose

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Container", "running"]

_STEP = "container"
_READY_S = 30.0
_STOP_S = 30  # longer than the server drains
_PORTS = (8080, 9090)
_REPORT = Path(__file__).resolve().parent.parent.parent / "dist" / "image" / "report.json"


@dataclass(frozen=True)
class Container:
    """A running container: its two addresses on this machine, and the seconds until it was ready."""

    engine: Engine
    name: str
    url: str
    admin_url: str
    ready_s: float

    def main_process(self) -> int:
        """Return the id, on this machine, of the server's first process."""
        done = _call(self.engine, "inspect", "--format", "{{.State.Pid}}", self.name)
        return int(done.stdout)

    def logs(self) -> str:
        """Return what it wrote so far."""
        return _log(self.engine, self.name)


@contextlib.contextmanager
def running(
    engine: Engine,
    image: str,
    *,
    variables: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
    arguments: Sequence[str] = (),
) -> Iterator[Container]:
    """Run `image` on free loopback ports until the block ends, then stop it as a platform does, by SIGTERM.

    `variables` go into its environment, `options` to the engine's `run`, `arguments` to the server. Raises
    SetupError with its log when it ends early or is not ready after 30 seconds.
    """
    name = f"modelberth-{uuid.uuid4().hex[:12]}"
    settings = [f"--env={key}={value}" for key, value in (variables or {}).items()]
    publish = [f"--publish=127.0.0.1::{port}" for port in _PORTS]
    command = engine.run_command(image, name, ["--detach", *publish, *settings, *options], *arguments)
    started = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        _call(engine, "rm", "--force", name)  # it may have been made, though it did not start
        raise SetupError(f"`{' '.join(command)}` ended with code {done.returncode}:\n{done.stderr.strip()}")
    try:
        main, admin = (_address(engine, name, port) for port in _PORTS)
        _wait(engine, name, main)
        yield Container(engine, name, f"http://{main}", f"http://{admin}", time.monotonic() - started)
    finally:
        _call(engine, "stop", "--time", str(_STOP_S), name)
        _call(engine, "rm", "--force", name)


def _address(engine: Engine, name: str, port: int) -> str:
    done = _call(engine, "port", name, f"{port}/tcp")
    if done.returncode or not done.stdout.strip():
        raise SetupError(f"the container ended at once:\n{_log(engine, name) or done.stderr.strip()}")
    return done.stdout.split()[0]


def _wait(engine: Engine, name: str, address: str) -> None:
    deadline = time.monotonic() + _READY_S
    while True:
        connection = http.client.HTTPConnection(address, timeout=2)
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
            connection.request("GET", "/health/ready")
            if connection.getresponse().status == http.HTTPStatus.OK:
                return
        state = _call(engine, "inspect", "--format", "{{.State.Running}}", name)
        if state.stdout.strip() != "true":
            raise SetupError(f"the container ended before it was ready:\n{_log(engine, name)}")
        if time.monotonic() > deadline:
            raise SetupError(f"the container is not ready after {_READY_S:.0f} s:\n{_log(engine, name)}")
        time.sleep(0.01)


def _log(engine: Engine, name: str) -> str:
    done = _call(engine, "logs", name)
    return (done.stdout + done.stderr).strip()


def _call(engine: Engine, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(engine.command(*arguments), capture_output=True, text=True, check=False)


def _built_last() -> str:
    try:
        return str(json.loads(_REPORT.read_text())["tag"])
    except FileNotFoundError:
        raise SetupError(f"no image is named, and there is no {_REPORT}: `make image` writes it") from None


def main() -> int:
    """Run the image until a signal; return the exit status."""
    parser = argparse.ArgumentParser(prog="container.py", description=__doc__)
    parser.add_argument("image", nargs="?", help="default: the one that `make image` built last")
    parser.add_argument("--engine", choices=[name for name in ENGINES if name != "buildah"])
    parser.add_argument(
        "--env", action="append", default=[], metavar="NAME=VALUE", help="a setting of the server"
    )
    options = parser.parse_args()
    variables = dict(setting.split("=", 1) for setting in options.env)
    engine = choose(options.engine, os.environ)
    with running(engine, options.image or _built_last(), variables=variables) as container:
        say(
            _STEP,
            f"{container.url} after {container.ready_s:.1f} s; metrics at {container.admin_url}/metrics",
        )
        with contextlib.suppress(KeyboardInterrupt):
            while container.main_process():
                time.sleep(1)
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
