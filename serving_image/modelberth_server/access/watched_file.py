"""A file of settings that is read again when it changes."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, TypeVar

from modelberth_server.errors import SettingsError

__all__ = ["Stamp", "WatchedFile", "stamp"]

MAX_BYTES: Final = 1 << 20

T = TypeVar("T")
Stamp = tuple[int, int, int, int]

logger = logging.getLogger(__name__)


def stamp(path: Path) -> Stamp | None:
    """Return what tells one state of a file from another, or None where there is no file.

    Links are followed: a Kubernetes Secret is replaced by pointing a link elsewhere, which shows as another
    inode, whatever the times are.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 -- called every few seconds: half the time of Path.stat
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size


class WatchedFile(Generic[T]):
    """What a file says; a change for the worse is logged, and what it said before stays in force."""

    def __init__(self, variable: str, path: Path, parse: Callable[[bytes], T]) -> None:
        """Read the file; `parse` raises ValueError with what is wrong, and never quotes a secret.

        Raises:
            SettingsError: it cannot be read, or `parse` refuses it.

        """
        self._variable = variable
        self._path = path
        self._parse = parse
        self._stamp = stamp(path)
        self.value: T = self._read()

    def refresh(self) -> None:
        """Read the file again if it is another one than at the last look."""
        now = stamp(self._path)
        if now == self._stamp:
            return
        # Taken before the file is read: what is written meanwhile is another change.
        self._stamp = now
        try:
            self.value = self._read()
        except SettingsError as error:
            logger.error("%s; what was read before stays in force", error)  # noqa: TRY400 -- the message says it
        else:
            logger.info("%s: %s was read again", self._variable, self._path)

    def _read(self) -> T:
        try:
            with self._path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise SettingsError(f"{self._variable}: {self._path}: {error.strerror}") from None
        if len(content) > MAX_BYTES:
            raise SettingsError(f"{self._variable}: {self._path}: larger than {MAX_BYTES} bytes")
        try:
            return self._parse(content)
        except ValueError as error:
            raise SettingsError(f"{self._variable}: {self._path}: {error}") from None
