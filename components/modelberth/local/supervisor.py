"""The supervisor: a detached process that keeps one endpoint's server up.

`python -m modelberth.local.supervisor DIRECTORY` reads `desired.json` there, opens the listening socket
and starts the replicas on it. It owns the socket and the replicas inherit it, so a connection that arrives
while a replica dies or is replaced waits in the socket's queue instead of being refused.

- SIGHUP: `desired.json` changed. The new replicas start beside the old ones, and only when all of them
  are ready are the old ones told to drain. If they do not get ready, the old ones go on.
- SIGTERM: drain and end.
- A replica that dies is started again, after a growing pause.
- The folder is gone (somebody removed the checkout): drain and end.

Standard library only, and nothing of the package but this folder: it stays resident for as long as the
endpoint lives.
"""

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
import socket
import sys
import time
from pathlib import Path

from modelberth.local.listener import PortTakenError, listen, preferred_ports
from modelberth.local.replica import Replica, StartError
from modelberth.local.run_directory import Desired, RunDirectory, Status

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 30.0
_STABLE_AFTER = 60.0
_LOOK_EVERY = 1.0
_LOG_LIMIT = 10 * 2**20


class Supervisor:
    """Drives one endpoint from what runs to what shall run."""

    def __init__(self, directory: RunDirectory) -> None:
        self._directory = directory
        self._changed = asyncio.Event()
        self._stop = asyncio.Event()
        self._desired: Desired | None = None
        self._listener: socket.socket | None = None
        self._replicas: list[Replica] = []
        self._keepers: list[asyncio.Task[None]] = []
        self._drains: set[asyncio.Task[None]] = set()
        self._restarts = 0

    async def run(self) -> int:
        """Until told to stop. The exit status: 0, or 1 where nothing could be started at all."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self._changed.set)
        loop.add_signal_handler(signal.SIGTERM, self._stop.set)
        loop.add_signal_handler(signal.SIGINT, self._stop.set)
        self._changed.set()
        while not self._stop.is_set():
            if self._changed.is_set():
                self._changed.clear()
                await self._converge()
                if self._desired is None:
                    return 1
            await self._next_look()
        await self._retire(self._replicas, self._keepers)
        if self._listener is not None:
            self._listener.close()
        await asyncio.gather(*self._drains)
        return 0

    async def _next_look(self) -> None:
        """Sleep until a signal or the next look at the folder and the log."""
        stop, changed = (asyncio.ensure_future(event.wait()) for event in (self._stop, self._changed))
        await asyncio.wait({stop, changed}, timeout=_LOOK_EVERY, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        changed.cancel()
        if not (self._directory.path / "desired.json").exists():
            self._stop.set()
        else:
            _cut_log(self._directory.log_file)

    async def _converge(self) -> None:
        """Bring up what `desired.json` asks for; on failure say why and keep what runs."""
        desired = self._directory.read_desired()
        if desired is None or (self._desired is not None and desired.serial == self._desired.serial):
            return
        try:
            listener = self._listen(desired)
        except PortTakenError as error:
            self._say_failed(desired, str(error))
            return
        replicas = [Replica(desired, listener, self._directory.log_file) for _ in range(desired.replicas)]
        if failure := await self._start(replicas):
            if listener is not self._listener:
                listener.close()
            self._say_failed(desired, failure)
        else:
            await self._replace(desired, listener, replicas)

    async def _start(self, replicas: list[Replica]) -> str:
        """Start all and wait until they are ready; on a failure its message, and none is left running."""
        starting = {asyncio.ensure_future(replica.start()) for replica in replicas}
        stopped = asyncio.ensure_future(self._stop.wait())
        failure = ""
        while starting and not failure:
            done, _ = await asyncio.wait({*starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if stopped in done:
                failure = "stopped while starting"
            else:
                starting -= {task for task in done if task is not stopped}
                failure = next((str(task.exception()) for task in done if task.exception()), "")
        stopped.cancel()
        if failure:
            for start in starting:
                start.cancel()
            await asyncio.gather(*starting, return_exceptions=True)
            await asyncio.gather(*(replica.kill() for replica in replicas))
        return failure

    async def _replace(self, desired: Desired, listener: socket.socket, replicas: list[Replica]) -> None:
        """Let the ready replicas take over; afterwards only they take new connections."""
        before, keepers, old_listener = self._replicas, self._keepers, self._listener
        self._desired, self._listener, self._replicas = desired, listener, replicas
        self._keepers = [asyncio.ensure_future(self._keep_up(replica, desired)) for replica in replicas]
        await self._retire(before, keepers)
        if old_listener is not None and old_listener is not listener:
            old_listener.close()
        self._say_serving()

    async def _retire(self, replicas: list[Replica], keepers: list["asyncio.Task[None]"]) -> None:
        """Stop keeping `replicas` up and let them drain behind the scenes."""
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        await asyncio.gather(*(replica.retire() for replica in replicas))
        for replica in replicas:
            drain = asyncio.ensure_future(replica.gone())
            self._drains.add(drain)
            drain.add_done_callback(self._drains.discard)

    async def _keep_up(self, replica: Replica, desired: Desired) -> None:
        """Start the replica again whenever it ends; the pause doubles until it stays up a minute."""
        pause = _FIRST_PAUSE
        while True:
            began = time.monotonic()
            code = await replica.ended()
            if time.monotonic() - began > _STABLE_AFTER:
                pause = _FIRST_PAUSE
            _say(f"a replica ended with exit status {code}; starting it again in {pause:g} s")
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            self._restarts += 1
            try:
                await replica.start()
            except StartError as error:
                _say(f"a replica did not get ready: {error}")
            if self._desired is desired:
                self._say_serving()

    def _listen(self, desired: Desired) -> socket.socket:
        """The socket to serve on: the one at hand where it fits, so that no caller notices a change."""
        kept = 0
        if self._listener is not None:
            kept = self._listener.getsockname()[1]
            if desired.port in (None, kept):
                return self._listener
        elif (status := self._directory.read_status()) is not None:
            kept = status.port
        return listen(desired.port, kept, *preferred_ports(desired.preferred_port))

    def _say_serving(self) -> None:
        assert self._desired is not None
        assert self._listener is not None
        self._directory.write_status(
            Status(
                serial=self._desired.serial,
                revision=self._desired.revision,
                phase="serving",
                port=self._listener.getsockname()[1],
                restarts=self._restarts,
            )
        )

    def _say_failed(self, desired: Desired, failure: str) -> None:
        _say(f"revision {desired.revision} could not be started: {failure}")
        current, listener = self._desired, self._listener
        self._directory.write_status(
            Status(
                serial=current.serial if current else "",
                revision=current.revision if current else "",
                phase="serving" if current else "failed",
                port=listener.getsockname()[1] if listener else 0,
                restarts=self._restarts,
                failure=failure,
                failed_serial=desired.serial,
            )
        )


def _say(text: str) -> None:
    print(f"supervisor: {text}", file=sys.stderr, flush=True)


def _cut_log(log: Path) -> None:
    """Keep the log and one older piece of it: a server that complains all day must not fill the disk."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > _LOG_LIMIT:
            shutil.copyfile(log, log.with_suffix(".log.1"))
            os.truncate(log, 0)


def main() -> int:
    """Hold the folder's lock and supervise; exit status 0, or 1 where nothing could be started."""
    directory = RunDirectory(Path(sys.argv[1]))
    # Whoever sees the lock may signal at once, which would end a process that has no handler yet. The signal
    # may be lost: what it tells of is read first thing.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with directory.lock_file.open("a+") as lock:
        # A reader who probes the lock holds it for a moment; a second supervisor would hold it for good.
        for _ in range(50):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.02)
        else:
            _say("another supervisor runs in this folder")
            return 0
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        return asyncio.run(_supervise(directory))


async def _supervise(directory: RunDirectory) -> int:
    return await Supervisor(directory).run()


if __name__ == "__main__":
    sys.exit(main())
