"""What every source gives: the bytes of one file, piece by piece."""

import hashlib
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["CHUNK", "MAX_BYTES", "SourceError", "Stream", "save"]

MAX_BYTES: Final = 20 << 30
"""Bytes of one fetched file; larger models do not fit into the memory of what serves them either."""
CHUNK: Final = 1 << 20
_QUIET_BYTES: Final = 64 << 20  # a smaller file is logged once, when it is there
_QUIET_SECONDS: Final = 5.0

logger = logging.getLogger(__name__)


class SourceError(Exception):
    """A file cannot be read from or written to its source; the message names it, without secrets."""


@dataclass(frozen=True)
class Stream:
    """One file on its way: its size in bytes, where the source says it, and its bytes."""

    size: int | None
    chunks: Iterator[bytes]


def save(stream: Stream, path: Path, label: str, most: int = MAX_BYTES) -> str:
    """Write a stream to a new file, and return its sha256.

    Raises:
        SourceError: it is longer than `most` bytes, or ends early.
        OSError: it cannot be written.

    """
    if stream.size is not None and stream.size > most:
        raise SourceError(f"{label} has {stream.size} bytes, at most {most} are fetched")
    digest = hashlib.sha256()
    done = 0
    started = logged_at = time.monotonic()
    logged = 0
    with path.open("xb") as file:
        for chunk in stream.chunks:
            done += len(chunk)
            if done > most:
                raise SourceError(f"{label} has more than {most} bytes, at most those are fetched")
            digest.update(chunk)
            file.write(chunk)
            now = time.monotonic()
            tenth = (
                stream.size is not None and stream.size >= _QUIET_BYTES and done - logged >= stream.size // 10
            )
            if tenth or now - logged_at >= _QUIET_SECONDS:
                part = f" of {stream.size >> 20}" if stream.size is not None else ""
                logger.info("%s: %d%s MiB", label, done >> 20, part)
                logged, logged_at = done, now
    if stream.size is not None and done != stream.size:
        raise SourceError(f"{label} ended after {done} of {stream.size} bytes")
    logger.info("%s: fetched %d bytes in %.1f s", label, done, time.monotonic() - started)
    return digest.hexdigest()
