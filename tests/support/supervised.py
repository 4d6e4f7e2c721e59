"""A supervisor on a fake server, in a folder of its own."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from modelberth.local.run_directory import Desired, RunDirectory, Status

FAKE_SERVER = Path(__file__).with_name("fake_server.py")


@dataclass
class Supervised:
    """One run directory and the supervisor in it."""

    directory: RunDirectory
    process: "subprocess.Popen[bytes] | None" = None
    started: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    def desire(
        self,
        revision: str = "one",
        *,
        port: int | None = None,
        replicas: int = 1,
        command: tuple[str, ...] = (sys.executable, str(FAKE_SERVER)),
        **env: str,
    ) -> Desired:
        desired = Desired(
            uid="uid",
            serial=uuid.uuid4().hex,
            revision=revision,
            command=command,
            environment={"PATH": os.environ["PATH"], "MODELBERTH_REVISION": revision, **env},
            port=port,
            preferred_port=21000,
            replicas=replicas,
            startup_timeout=float(env.get("STARTUP_TIMEOUT", "10")),
            drain_timeout=1.0,
            inputs={},
        )
        self.directory.create()
        self.directory.write_desired(desired)
        return desired

    def start(self) -> "subprocess.Popen[bytes]":
        log = self.directory.open_log()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "modelberth.local.supervisor", str(self.directory.path)],
            stdout=log,
            stderr=log,
        )
        os.close(log)
        self.started.append(self.process)
        return self.process

    def change(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)

    def wait(self, reached: Callable[[Status], bool]) -> Status:
        for _ in range(1500):
            status = self.directory.read_status()
            if status is not None and reached(status):
                return status
            time.sleep(0.01)
        raise AssertionError(f"not reached: {self.directory.read_status()}\n{self.log}")

    def serving(self, desired: Desired) -> Status:
        return self.wait(lambda status: status.serial == desired.serial)

    @property
    def log(self) -> str:
        return self.directory.log_file.read_text()

    def children(self) -> list[int]:
        assert self.process is not None
        return [child.pid for child in psutil.Process(self.process.pid).children()]


def get(port: int, path: str = "/") -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(f"http://127.0.0.1:{port}{path}", trust_env=False).json()
    return answer


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Supervised]:
    supervised = Supervised(RunDirectory(tmp_path / "endpoint"))
    yield supervised
    for process in supervised.started:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
