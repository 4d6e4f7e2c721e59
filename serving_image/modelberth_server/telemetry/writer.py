"""The thread that writes captured requests into files, and survives whatever the store does."""

import logging
import queue
import random
import secrets
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from threading import Event
from typing import Final, Protocol

from modelberth_server.sources.stream import SourceError
from modelberth_server.telemetry.layout import Captured, Layout

__all__ = ["DROP_REASONS", "ObjectStore", "Writer"]

_LOG = logging.getLogger(__name__)

DROP_REASONS: Final = ("hashes", "queue", "rows", "store")

# A file is written when it has so many rows or bytes, or its first row is so old. Readers of such folders
# suffer from small files; a killed process loses what is not yet written.
ROWS_PER_FILE: Final = 10_000
BYTES_PER_FILE: Final = 8 << 20
SECONDS_PER_FILE: Final = 300.0

# Seconds before each next attempt at a file, at most; then it is dropped.
_RETRY_DELAYS: Final = (0.5, 1.0, 2.0, 4.0)
_QUIET_SECONDS: Final = 60.0


class ObjectStore(Protocol):
    """Where files go."""

    def put(self, uri: str, data: bytes) -> None:
        """Write an object, or replace it whole; raises whatever went wrong."""
        ...


class _File:
    """The requests of one model version that wait to be written."""

    def __init__(self) -> None:
        self.requests: list[Captured] = []
        self.rows = 0
        self.size = 0
        self.due = time.monotonic() + SECONDS_PER_FILE

    def add(self, captured: Captured) -> None:
        self.requests.append(captured)
        self.rows += captured.rows
        self.size += captured.size

    @property
    def full(self) -> bool:
        return self.rows >= ROWS_PER_FILE or self.size >= BYTES_PER_FILE


class Writer:
    """Takes requests from a queue, until it gets None, and puts files into a store.

    Args:
        uri: folder for the files
        open_store: makes the store
        encode: makes the bytes of a file
        requests: what to write
        released: called with the size of requests that are no longer held

    Attributes:
        written: requests that are in the store
        failures: attempts that failed
        dropped: requests that are given up, by reason
        closing: set to have no more waiting between attempts

    """

    def __init__(
        self,
        uri: str,
        open_store: Callable[[], ObjectStore],
        encode: Callable[[Layout, Sequence[Captured]], bytes],
        requests: "queue.SimpleQueue[tuple[Layout, Captured] | None]",
        released: Callable[[int], None],
    ) -> None:
        self._uri = uri.rstrip("/")
        self._open_store = open_store
        self._encode = encode
        self._store: ObjectStore | None = None
        self._requests = requests
        self._released = released
        self._files: dict[Layout, _File] = {}
        self._name = secrets.token_hex(6)
        self._number = 0
        self._said = -_QUIET_SECONDS
        self.written = 0
        self.failures = 0
        self.dropped: Counter[str] = Counter()
        self.closing = Event()

    def run(self) -> None:
        """Write until the queue gives None, and then what is left."""
        while True:
            due = min((file.due for file in self._files.values()), default=None)
            try:
                item = self._requests.get(timeout=None if due is None else max(0.0, due - time.monotonic()))
            except queue.Empty:
                self._write(lambda file: file.due <= time.monotonic())
                continue
            if item is None:
                self._write(lambda _: True)
                return
            layout, captured = item
            self._files.setdefault(layout, _File()).add(captured)
            self._write(lambda file: file.full)

    def _write(self, ready: Callable[[_File], bool]) -> None:
        for layout in [layout for layout, file in self._files.items() if ready(file)]:
            file = self._files.pop(layout)
            if self._stored(layout, file):
                self.written += len(file.requests)
            else:
                self.dropped["store"] += len(file.requests)
            self._released(file.size)

    def _stored(self, layout: Layout, file: _File) -> bool:
        self._number += 1
        uri = f"{self._uri}/{self._path(layout, file)}"
        for delay in (*_RETRY_DELAYS, None):
            try:
                self._store = self._store or self._open_store()
                self._store.put(uri, self._encode(layout, file.requests))
            except Exception as error:  # noqa: BLE001 -- a store may raise anything; this thread goes on
                self.failures += 1
                self._complain(uri, error)
            else:
                return True
            if delay is not None:
                self.closing.wait(delay * random.uniform(0.5, 1))  # noqa: S311 -- no secret
        return False

    def _path(self, layout: Layout, file: _File) -> str:
        """Name a file: unlike any other, by the process and a number, and found by its first day."""
        first = datetime.fromtimestamp(file.requests[0].microseconds / 1e6, UTC)
        model = f"{layout.signature.name}-{layout.signature.version}"
        name = f"{model}-{first:%Y%m%dT%H%M%SZ}-{self._name}-{self._number:06}.parquet"
        return f"date={first:%Y-%m-%d}/{name}"

    def _complain(self, uri: str, error: Exception) -> None:
        if time.monotonic() - self._said >= _QUIET_SECONDS:
            self._said = time.monotonic()
            # Of others only the type: an encoder's error may quote a value.
            _LOG.warning(
                "capture: %s was not written: %s (said once a minute; see modelberth_capture_failures_total)",
                uri,
                error if isinstance(error, (OSError, SourceError)) else type(error).__name__,
            )
