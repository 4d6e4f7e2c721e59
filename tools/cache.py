"""Put things into the cache that all checkouts share: one at a time, and whole or not at all."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from console import say

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["exclusive", "replace_directory", "workspace"]

_WORKSPACE = "unfinished-"


@contextmanager
def exclusive(lock: Path, step: str) -> Iterator[None]:
    """Hold `lock` against every other process; the kernel frees it when this one ends, however it ends."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(step, f"another set-up is at work: waiting for it to free {lock}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def workspace(cache: Path) -> Iterator[Path]:
    """Give an empty folder in `cache`, gone at the end; the caller holds the cache's lock."""
    for left_by_a_kill in cache.glob(f"{_WORKSPACE}*"):
        shutil.rmtree(left_by_a_kill)
    with tempfile.TemporaryDirectory(prefix=_WORKSPACE, dir=cache) as folder:
        yield Path(folder)


def replace_directory(new: Path, target: Path, spare: Path) -> None:
    """Move `new` to `target`; what was there goes into the workspace `spare` and away with it."""
    if target.exists():
        target.rename(spare / "replaced")
    new.rename(target)
