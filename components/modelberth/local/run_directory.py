"""The folder of one endpoint's processes, through which the provider and the supervisor speak.

```
NAME/
    desired.json   written by the provider: what shall run
    status.json    written by the supervisor: what runs
    lock           held by the supervisor as long as it lives; holds its process id
    server.log     what the server and the supervisor say
    models/        the verified model files, each named by its sha256
```
Files instead of a socket or pipe: whoever of the two dies, the other one finds the last word of both.
"""

import fcntl
import json
import os
import shutil
import signal
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

Phase = Literal["serving", "failed"]
T = TypeVar("T", "Desired", "Status")


@dataclass(frozen=True)
class Desired:
    """What shall run. Times in seconds."""

    serial: str
    """New with each start: the supervisor replaces its processes when it changes."""
    revision: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    port: int | None
    """Fixed port, or None for a free one near `preferred_port`, which the endpoint then keeps."""
    preferred_port: int
    replicas: int
    startup_timeout: float
    drain_timeout: float
    inputs: Mapping[str, Any]
    """The inputs of the resource as the engine sent them: what an import or a comparison reads."""
    uid: str = ""
    """Which create of the resource owns the folder: another one may have taken it over since."""


@dataclass(frozen=True)
class Status:
    """What runs: the last word of the supervisor."""

    serial: str
    revision: str
    phase: Phase
    port: int
    restarts: int = 0
    """How often a replica died and was started again since the supervisor began."""
    failure: str = ""
    failed_serial: str = ""
    """The desired state that could not be reached; the phase is still `serving` if an older one runs on."""


@dataclass(frozen=True)
class RunDirectory:
    """One endpoint's folder. Writes are atomic: a reader sees the old file or the new one."""

    path: Path

    @property
    def log_file(self) -> Path:
        """What the server and the supervisor wrote."""
        return self.path / "server.log"

    @property
    def lock_file(self) -> Path:
        """Held by the supervisor while it lives."""
        return self.path / "lock"

    @property
    def models(self) -> Path:
        """Verified model files, by sha256."""
        return self.path / "models"

    def create(self) -> None:
        """Make the folder, for its owner alone: the environment in `desired.json` may hold secrets."""
        self.models.mkdir(parents=True, exist_ok=True)
        self.path.chmod(0o700)

    def open_log(self) -> int:
        """File descriptor of the log, to append to: the supervisor may cut the file while servers write."""
        return os.open(self.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def read_desired(self) -> Desired | None:
        """What shall run, or None where nothing was asked for yet."""
        desired = _read(self.path / "desired.json", Desired)
        return None if desired is None else replace(desired, command=tuple(desired.command))

    def write_desired(self, desired: Desired) -> None:
        """Ask for something to run."""
        _write(self.path / "desired.json", asdict(desired))

    def read_status(self) -> Status | None:
        """What the supervisor said last, or None."""
        return _read(self.path / "status.json", Status)

    def write_status(self, status: Status) -> None:
        """Say what runs."""
        _write(self.path / "status.json", asdict(status))

    def supervisor(self) -> int | None:
        """Process id of the living supervisor, or None.

        The lock decides, not the number: a process id alone may long belong to someone else.
        """
        try:
            with self.lock_file.open("r+") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return int(lock.read() or 0) or None
        except FileNotFoundError:
            pass
        return None

    def signal_supervisor(self, number: signal.Signals) -> bool:
        """Send a signal to the supervisor; False where there is none."""
        pid = self.supervisor()
        if pid is None:
            return False
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return False
        return True

    def wait_until_free(self, timeout: float) -> bool:
        """Wait for the supervisor's end, at most `timeout` seconds; whether it came."""
        deadline = time.monotonic() + timeout
        while self.supervisor() is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def model(self, digest: str, *, package: bool = False) -> Path:
        """Where the verified model with this sha256 lies: a file, or the folder of a package."""
        return self.models / (digest if package else f"{digest}.onnx")

    def keep_only_model(self, digest: str) -> None:
        """Remove all other models, and what is left of copies that were cut off."""
        for path in self.models.iterdir():
            if path.name.removesuffix(".onnx") == digest:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the folder and all in it."""
        shutil.rmtree(self.path, ignore_errors=True)


def _read(path: Path, kind: type[T]) -> T | None:
    """What another process wrote; None where there is nothing that this version can use.

    Another version may have more fields, and fewer that have a default.
    """
    known = {field.name for field in fields(kind)}
    try:
        data = json.loads(path.read_text())
        return kind(**{name: value for name, value in data.items() if name in known})
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return None


def _write(path: Path, data: object) -> None:
    fresh = path.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(data, file, indent=2, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
