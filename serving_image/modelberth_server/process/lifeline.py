"""The tie to a supervisor: an inherited socket or pipe whose other end closes when the supervisor dies."""

import contextlib
import logging
import os
import stat
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from modelberth_server.errors import SettingsError

if TYPE_CHECKING:
    # The parent of the workers holds lifelines, and has no use for the rest of it.
    import asyncio

__all__ = ["Lifeline"]

CHUNK: Final = 4096

logger = logging.getLogger(__name__)


class Lifeline:
    """Hears the end of a supervisor, and tells it news where the tie is a socket (a pipe has one direction).

    However the supervisor ends, even by SIGKILL, the kernel closes its end: no server is left that nobody
    watches.
    """

    def __init__(self, descriptor: int | None) -> None:
        """Take over an inherited descriptor, or none.

        Raises:
            SettingsError: it is neither a pipe nor a socket.

        """
        self._descriptor = descriptor
        self._is_socket = False
        if descriptor is None:
            return
        try:
            mode = os.fstat(descriptor).st_mode
        except OSError as error:
            raise SettingsError(f"MODELBERTH_LIFELINE_FD: {descriptor}: {error.strerror}") from None
        self._is_socket = stat.S_ISSOCK(mode)
        if not self._is_socket and not stat.S_ISFIFO(mode):
            raise SettingsError(f"MODELBERTH_LIFELINE_FD: {descriptor} is neither a pipe nor a socket")
        os.set_blocking(descriptor, False)

    def watch(self, loop: "asyncio.AbstractEventLoop", on_end: Callable[[], None]) -> None:
        """Call `on_end` in the event loop when the supervisor is gone."""
        if self._descriptor is not None:
            loop.add_reader(self._descriptor, self._read, self._descriptor, loop, on_end)

    def tell(self, news: str) -> None:
        """Write a line to the supervisor; a dead one is noticed by `watch`."""
        if self._descriptor is not None and self._is_socket:
            with contextlib.suppress(OSError):
                os.write(self._descriptor, f"{news}\n".encode())

    def _read(self, descriptor: int, loop: "asyncio.AbstractEventLoop", on_end: Callable[[], None]) -> None:
        try:
            if os.read(descriptor, CHUNK):
                return
        except BlockingIOError:
            return
        except ConnectionError:
            pass
        loop.remove_reader(descriptor)
        logger.warning("the supervisor is gone (end of MODELBERTH_LIFELINE_FD)")
        on_end()
