"""The C library's heap: memory that large bodies have freed is kept for the next ones.

By itself glibc gives it back to the kernel and asks for it again, page by page, at sizes that depend on what
the process happened to free before. Where images were computed one by one it was a sixth of what each cost.

Source: mallopt(3), M_MMAP_THRESHOLD and M_TRIM_THRESHOLD.
"""

import ctypes
from collections.abc import Mapping
from typing import Final

__all__ = ["keep_freed"]

# Of malloc.h.
TRIM_THRESHOLD: Final = -1
MMAP_THRESHOLD: Final = -3
# Larger blocks are the kernel's again as soon as they are free; of others no more than twice that is kept.
LARGEST_BYTES: Final = 8 << 20
KEPT_BYTES: Final = 16 << 20
# Whoever sets one of them knows better.
OVERRIDES: Final = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")


def keep_freed(environ: Mapping[str, str]) -> bool:
    """Set it for this process, and tell whether that was possible: other C libraries have no such setting."""
    if any(name in environ for name in OVERRIDES):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return False
    return bool(mallopt(MMAP_THRESHOLD, LARGEST_BYTES)) and bool(mallopt(TRIM_THRESHOLD, KEPT_BYTES))
