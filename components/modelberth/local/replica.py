"""One server process, and the socket pair that ties it to its supervisor.

The server writes `ready` on its end once the model is warm, and `draining` once it has stopped taking
connections. When the supervisor dies, by whatever means, its end closes and the server drains and ends:
no process is left that nobody watches.
"""

import asyncio
import contextlib
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

from modelberth.local.run_directory import Desired

_RETIRE_TIMEOUT = 5.0
_KILL_MARGIN = 5.0
_LAST_LINES = 20
_MARK = "error: "


class StartError(Exception):
    """A replica did not get ready; the message is the server's own last error."""


class Replica:
    """A server process that listens on a socket which the supervisor owns."""

    def __init__(self, desired: Desired, listener: socket.socket, log: Path) -> None:
        self._desired = desired
        self._listener = listener
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._news: asyncio.StreamReader | None = None
        self._lifeline: asyncio.StreamWriter | None = None

    async def start(self) -> None:
        """Start the process and wait until it is ready.

        Raises:
            StartError: it ended, or was not ready within the startup timeout; it is not running then.
        """
        logged = self._log.stat().st_size if self._log.exists() else 0
        ours, theirs = socket.socketpair()
        with theirs:
            environment = {
                **self._desired.environment,
                "MODELBERTH_LISTEN_FD": str(self._listener.fileno()),
                "MODELBERTH_LIFELINE_FD": str(theirs.fileno()),
            }
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *self._desired.command,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    pass_fds=(self._listener.fileno(), theirs.fileno()),
                )
            except OSError as error:
                ours.close()
                raise StartError(f"{self._desired.command[0]} cannot be started: {error.strerror}") from None
        self._news, self._lifeline = await asyncio.open_connection(sock=ours)
        try:
            async with asyncio.timeout(self._desired.startup_timeout):
                ready = await self._hears("ready")
        except TimeoutError:
            await self.kill()
            seconds = f"{self._desired.startup_timeout:g}"
            said = self._words_since(logged) or "nothing"
            raise StartError(
                f"not ready within limits.startup_timeout = {seconds} s; it said: {said}"
            ) from None
        except asyncio.CancelledError:
            await self.kill()
            raise
        if not ready:
            code = await self.ended()
            raise StartError(self._words_since(logged) or f"ended with exit status {code} without a word")

    async def ended(self) -> int:
        """Wait for the end of the process; its exit status, negative for a signal."""
        assert self._process is not None
        code = await self._process.wait()
        if self._lifeline is not None:
            self._lifeline.close()
        return code

    async def retire(self) -> None:
        """Tell the process to drain; returns when it takes no new connection any more."""
        if self._process is None or self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_RETIRE_TIMEOUT):
                await self._hears("draining")

    async def gone(self) -> None:
        """Wait for the end of the drain, and kill what is left when its time is over."""
        if self._process is None:
            return
        try:
            async with asyncio.timeout(self._desired.drain_timeout + _KILL_MARGIN):
                await self.ended()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End the process at once."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self.ended()

    async def _hears(self, word: str) -> bool:
        """Wait for a word of the process; False when it ended without saying it."""
        assert self._news is not None
        while line := await self._news.readline():
            if line.decode(errors="replace").strip() == word:
                return True
        return False

    def _words_since(self, offset: int) -> str:
        """The last error that the process logged, or its last lines where none is marked as one.

        In full, not as a pointer to the log: where nothing is left running, the log goes too.
        """
        with self._log.open("rb") as log:
            log.seek(offset)
            lines = log.read().decode(errors="replace").splitlines()
        return last_error(lines) or "\n".join(lines[-_LAST_LINES:])


def last_error(lines: Sequence[str]) -> str:
    """The last line that the server marked as an error, without the mark; empty where there is none."""
    return next((line.removeprefix(_MARK) for line in reversed(lines) if line.startswith(_MARK)), "")
