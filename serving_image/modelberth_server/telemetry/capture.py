"""A sample of requests and predictions, written as Parquet beside the serving.

`Capture.offer` runs in the event loop: it picks requests by a hash of their identifiers, so all replicas
pick the same ones, and takes copies without the dropped fields and with hashes in place of the hashed ones;
nothing else is ever held. One thread writes files. What does not fit into the bounded queue, or cannot be
stored, is dropped and counted: no request ever waits for a store.
"""

import asyncio
import logging
import queue
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from threading import Lock, Thread
from typing import Final

from modelberth_server.errors import SettingsError
from modelberth_server.http.message import Request
from modelberth_server.model.signature import Signature
from modelberth_server.settings import Settings
from modelberth_server.sources.uri import Uri
from modelberth_server.telemetry import families
from modelberth_server.telemetry.instruments import Samples
from modelberth_server.telemetry.layout import Captured, Layout
from modelberth_server.telemetry.redaction import Redaction
from modelberth_server.telemetry.writer import DROP_REASONS, ObjectStore, Writer
from modelberth_server.tensors import Array

__all__ = ["Capture", "sampled"]

_LOG = logging.getLogger(__name__)

# Held in memory at most: what waits in the queue, and for its file to be full.
MOST_BYTES: Final = 32 << 20
# Of one request: each takes the event loop 1 to 2 µs.
MOST_HASHES: Final = 1000


def sampled(identifier: str, percent: float) -> bool:
    """Decide about a request, alike in every process; the share of unrelated identifiers is `percent`."""
    digest = blake2b(identifier.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") < percent / 100 * 2**64


class Capture:
    """The capture of one server process.

    Args:
        uri: folder for the files
        percent: share of the requests, 0 to 100
        redaction: fields that are dropped or hashed
        open_store: makes the store, in the writing thread
        encode: makes the bytes of a file, there too

    """

    def __init__(
        self,
        uri: str,
        percent: float,
        redaction: Redaction,
        open_store: Callable[[], ObjectStore],
        encode: Callable[[Layout, Sequence[Captured]], bytes],
    ) -> None:
        self._percent = percent
        self._redaction = redaction
        self._layouts: dict[tuple[str, str, str], Layout] = {}
        self._queue: queue.SimpleQueue[tuple[Layout, Captured] | None] = queue.SimpleQueue()
        self._held = 0
        self._lock = Lock()
        self._dropped: Counter[str] = Counter()
        self._writer = Writer(uri, open_store, encode, self._queue, self._released)
        self._thread = Thread(target=self._writer.run, name="capture", daemon=True)

    @classmethod
    def from_settings(cls, settings: Settings) -> "Capture | None":
        """Read the settings; None where nothing is to be captured.

        Raises:
            SettingsError: the settings contradict each other, need a package that is not installed, or name a
                folder of this machine that cannot be written.

        """
        if settings.capture_uri is None:
            return None
        redaction = Redaction.from_settings(settings)
        try:
            # A server that could not write them must not start.
            from modelberth_server.telemetry.parquet import parquet_file  # noqa: PLC0415
        except ImportError as error:
            message = f"MODELBERTH_CAPTURE_URI: needs {error.name}: install modelberth[serving-all]"
            raise SettingsError(message) from None
        _check_folder(settings.capture_uri)
        return cls(settings.capture_uri, settings.capture_percent, redaction, _object_store, parquet_file)

    def check(self, signature: Signature) -> None:
        """See whether the fields to drop or hash are the model's.

        Raises:
            SettingsError: one is not.

        """
        self._layout(signature)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def offer(
        self,
        signature: Signature,
        requests: Sequence[Request],
        inputs: Mapping[str, Array],
        outputs: Mapping[str, Array],
        rows: Sequence[int] | None,
    ) -> None:
        """Take those requests of a batch that are in the sample; never waits, never raises."""
        begin = 0
        layout: Layout | None = None
        for position, request in enumerate(requests):
            end = begin + (rows[position] if rows is not None else 1)
            if sampled(request.identifier, self._percent):
                layout = layout or self._layout(signature)
                self._take(layout, request, inputs, outputs, slice(begin, end), known=rows is not None)
            begin = end

    def samples(self) -> Samples:
        """Return what was written and what was dropped."""
        dropped = self._dropped + self._writer.dropped
        return {
            families.CAPTURED.name: {(): [self._writer.written]},
            families.CAPTURE_FAILURES.name: {(): [self._writer.failures]},
            families.CAPTURE_DROPPED.name: {(reason,): [dropped[reason]] for reason in DROP_REASONS},
        }

    async def close(self, seconds: float) -> None:
        """Write what is held, for at most so long; what is not written by then is lost, and said to be."""
        if not self._thread.is_alive():
            return
        self._writer.closing.set()
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join, seconds)
        if self._thread.is_alive():
            _LOG.warning("capture: %d bytes were not written within %g s", self._held, seconds)

    def _take(
        self,
        layout: Layout,
        request: Request,
        inputs: Mapping[str, Array],
        outputs: Mapping[str, Array],
        rows: slice,
        *,
        known: bool,
    ) -> None:
        if not known and layout.by_rows:
            self._dropped["rows"] += 1
            return
        if self._held > MOST_BYTES:
            self._dropped["queue"] += 1
            return
        if layout.hashes(inputs, rows) > MOST_HASHES:
            self._dropped["hashes"] += 1
            return
        try:
            captured = layout.captured(time.time_ns() // 1000, request.identifier, inputs, outputs, rows)
        except (IndexError, ValueError):
            # ONNX Runtime lets an output differ from its declared shape.
            self._dropped["rows"] += 1
            return
        with self._lock:
            self._held += captured.size
        self._queue.put((layout, captured))

    def _released(self, size: int) -> None:
        with self._lock:
            self._held -= size

    def _layout(self, signature: Signature) -> Layout:
        key = (signature.name, signature.version, signature.sha256)
        if (layout := self._layouts.get(key)) is None:
            layout = self._layouts[key] = Layout(signature, self._redaction)
        return layout


def _check_folder(uri: str) -> None:
    """Write to a folder of this machine, whose faults would otherwise show minutes later.

    A bucket is not asked: a server has to start while its store is away.
    """
    if not uri.startswith("file:"):
        return
    import tempfile  # noqa: PLC0415 -- only for those who capture

    try:
        folder = Path(Uri.parse(uri).path)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".modelberth-") as probe:
            probe.write(b"\0")
            probe.flush()
    except OSError as error:
        raise SettingsError(f"MODELBERTH_CAPTURE_URI: {uri} cannot be written: {error.strerror}") from None
    except ValueError as error:
        raise SettingsError(f"MODELBERTH_CAPTURE_URI: {error}") from None


def _object_store() -> ObjectStore:
    from modelberth_server.sources.object_store import ObjectStore as Store  # noqa: PLC0415 -- heavy

    return Store()
