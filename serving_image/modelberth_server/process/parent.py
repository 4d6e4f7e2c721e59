"""The parent: it owns the sockets and keeps the workers up.

It imports nothing but the standard library, so that it costs a few MiB, and forks before anything heavy is
loaded. A worker that dies takes its own requests with it and no others: the connections that arrive meanwhile
wait in the sockets' queues, and a new worker answers them.
"""

import logging
import os
import select
import signal
import socket
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Final

from modelberth_server.process.lifeline import Lifeline

__all__ = ["keep_up"]

FIRST_PAUSE_SECONDS: Final = 0.05
LONGEST_PAUSE_SECONDS: Final = 10.0
# A worker that lived this long did not die of its start.
STABLE_SECONDS: Final = 60.0

logger = logging.getLogger(__name__)

# Serves until its lifeline ends; returns the exit status. The last argument: whether it is to answer health,
# and that it is not ready, before its model is.
Work = Callable[[int, Lifeline, bool], int]


@dataclass
class _Worker:
    """One place for a worker process."""

    index: int
    process: int = 0
    tie: socket.socket | None = None
    started: float = 0.0
    pause: float = FIRST_PAUSE_SECONDS
    due: float = 0.0


@dataclass
class _Signals:
    """What arrived; a handler can do little else than remember."""

    stopped: int = 0
    number: int = 0
    reload: bool = False
    wakeup: tuple[socket.socket, socket.socket] = field(default_factory=socket.socketpair)

    def listen(self) -> None:
        for end in self.wakeup:
            end.settimeout(0)
        signal.set_wakeup_fd(self.wakeup[1].fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGHUP, self._reload)
        # Without a handler of Python's it would not wake the select.
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def forget(self) -> None:
        """Give a forked worker the signals as they were."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        # Until the worker listens to it: what it is told of, it reads at its start anyway.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for end in self.wakeup:
            end.close()

    def _stop(self, number: int, _: FrameType | None) -> None:
        self.stopped += 1
        self.number = number

    def _reload(self, _: int, __: FrameType | None) -> None:
        self.reload = True


def keep_up(count: int, work: Work, let_go: Callable[[], None]) -> int:
    """Run workers until a signal; return the exit status.

    The first one tells by its start whether there is anything to serve: if it ends before it is ready, so
    does this, with its status, for a bad setting or a refused model does not get better by another start. All
    later ones accept nothing before they are ready: a caller who has seen that the server is ready must not
    meet one that still loads.

    Args:
        count: workers
        work: what each does, in a process of its own
        let_go: called at the end, to close what a client would otherwise still connect to

    """
    signals = _Signals()
    signals.listen()
    workers = [_Worker(index) for index in range(count)]
    status, ready = 0, False
    _start(workers[0], workers, signals, work, early=True)
    told = 0
    while any(worker.process for worker in workers) or not signals.stopped:
        _sleep(workers, signals, starting=ready and not told)
        ready = _hear(workers) or ready
        for worker in workers:
            ended = _ended(worker)
            if ended is None:
                continue
            if not ready and not signals.stopped:
                status = status or ended or 1
                signals.stopped = 1
            elif not signals.stopped:
                logger.error("worker %d ended with %s; starting it again", worker.index, _cause(ended))
        if signals.reload:
            signals.reload = False
            _tell(workers, signal.SIGHUP)
        if signals.stopped > told:
            told = signals.stopped
            _tell(workers, signal.SIGTERM)
            let_go()
        if ready and not signals.stopped:
            for worker in workers:
                if not worker.process and time.monotonic() >= worker.due:
                    _start(worker, workers, signals, work, early=False)
    if told > 1 and signals.number:
        # Ended as the workers were: at once.
        signal.signal(signals.number, signal.SIG_DFL)
        signal.raise_signal(signals.number)
    return status


def _start(worker: _Worker, workers: list[_Worker], signals: _Signals, work: Work, *, early: bool) -> None:
    ours, theirs = socket.socketpair()
    process = os.fork()
    if process == 0:
        status = 1
        try:
            signals.forget()
            for tie in (ours, *(other.tie for other in workers)):
                if tie is not None:
                    tie.close()
            status = work(worker.index, Lifeline(theirs.detach()), early)
        except BaseException:  # noqa: BLE001 -- it is the whole of this process
            traceback.print_exc()
        finally:
            # Not exit(): the parent's own clean-up is not the child's.
            logging.shutdown()
            os._exit(status)
    theirs.close()
    ours.settimeout(0)
    worker.process, worker.tie, worker.started = process, ours, time.monotonic()


def _sleep(workers: list[_Worker], signals: _Signals, *, starting: bool) -> None:
    """Wait for a signal, for news of a worker or for the next start."""
    missing = [worker.due for worker in workers if not worker.process]
    timeout = None if not starting or not missing else max(min(missing) - time.monotonic(), 0)
    ties = [worker.tie for worker in workers if worker.tie is not None]
    select.select([signals.wakeup[0], *ties], [], [], timeout)
    try:
        while signals.wakeup[0].recv(512):
            pass
    except BlockingIOError:
        pass


def _hear(workers: list[_Worker]) -> bool:
    """Read the news; tell whether any worker became ready."""
    ready = False
    for worker in workers:
        if worker.tie is None:
            continue
        try:
            news = worker.tie.recv(512)
        except BlockingIOError:
            continue
        except ConnectionError:
            news = b""
        ready = ready or b"ready" in news
        if not news:
            worker.tie.close()
            worker.tie = None
    return ready


def _ended(worker: _Worker) -> int | None:
    """Return the status of a worker that has ended, once."""
    if not worker.process:
        return None
    process, status = os.waitpid(worker.process, os.WNOHANG)
    if not process:
        return None
    worker.process = 0
    if worker.tie is not None:
        worker.tie.close()
        worker.tie = None
    now = time.monotonic()
    if now - worker.started > STABLE_SECONDS:
        worker.pause = FIRST_PAUSE_SECONDS
    worker.due = now + worker.pause
    worker.pause = min(worker.pause * 2, LONGEST_PAUSE_SECONDS)
    return os.waitstatus_to_exitcode(status)


def _tell(workers: list[_Worker], number: signal.Signals) -> None:
    for worker in workers:
        if worker.process:
            os.kill(worker.process, number)


def _cause(status: int) -> str:
    return f"exit status {status}" if status >= 0 else f"signal {-status}"
