"""The queue before one model: what arrives close together is computed together.

A batch costs a small model little more than one row does: that is what a server can win. Waiting for a batch
is what it can lose: a lane starts as soon as it is free, with what is there. Only where a delay is configured
does it wait for more, and only while requests do arrive together.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol

from modelberth_server.contracts.contract import Prediction
from modelberth_server.errors import RequestError
from modelberth_server.execution.batch import Batch, Item, MixedRowsError, alike, overdue
from modelberth_server.http.message import Request, Response
from modelberth_server.model.session import Model
from modelberth_server.model.signature import Signature
from modelberth_server.tensors import Array

__all__ = ["Lane", "Observer"]

# Where more than the rows can grow, a quick model is only known to be quick for what is about as small as its
# warm-up.
SMALL_BODY_BYTES: Final = 32 * 1024
# As long a run in the event loop keeps every other client waiting.
TOO_SLOW_SECONDS: Final = 0.02
# Batches are computed in a row and answered in a row, which leaves the processor's caches to the one and then
# to the other: a tenth of a request of 32 rows. No answer waits for longer than this for the next batches.
IN_A_ROW_SECONDS: Final = 0.001

logger = logging.getLogger(__name__)


class Observer(Protocol):
    """Hears of every computed batch, with the rows of all its requests in their order."""

    def batch(
        self,
        signature: Signature,
        requests: Sequence[Request],
        inputs: Mapping[str, Array],
        outputs: Mapping[str, Array],
        waited: Sequence[float],
        seconds: float,
        rows: Sequence[int],
    ) -> None:
        """Take note of a batch; times in seconds, rows of each request."""
        ...


class Lane:
    """One model's queue; everything but `Batch.compute` runs in the event loop's thread.

    Args:
        model: what computes
        pool: threads for a model that takes too long for the event loop
        slots: runs in that pool at the same time
        max_rows: rows of a batch; a request with more is computed alone
        delay: seconds that a request may wait for others
        answer: takes the response of every request
        observer: hears of every batch
        aborts: what ends each run in the pool, for as long as it runs

    """

    def __init__(
        self,
        model: Model,
        pool: ThreadPoolExecutor,
        *,
        slots: int,
        max_rows: int,
        delay: float,
        answer: Callable[[Request, Response], None],
        observer: Observer,
        aborts: dict[Batch, Callable[[], None]],
    ) -> None:
        self._aborts = aborts
        self.model = model
        self._pool = pool
        self._slots = slots
        self._max_here = max_rows
        self._max_rows = max_rows if model.batches else 1
        self._delay = delay if model.batches else 0.0
        self._answer = answer
        self._observer = observer
        self._loop = asyncio.get_running_loop()
        self._queue: deque[Item] = deque()
        self._scheduled: asyncio.Handle | None = None
        self._running = 0
        # The last batch took too long, perhaps only because the machine was busy.
        self._suspicious = False
        # Requests in the last batch: what tells whether it pays to wait for company.
        self._company = 0

    def submit(self, prediction: Prediction, request: Request) -> None:
        """Queue a prediction; its response goes to `answer`."""
        rows = 1
        for array in prediction.inputs.values():
            rows = len(array) if array.ndim else 1
            break
        if len(prediction.inputs) > 1 and not _even(prediction, rows):
            # In a batch its second input's rows would meet another caller's of the first.
            rows = self._max_here + 1
        model = self.model
        here = (
            model.quick and rows <= self._max_here and (model.fixed or len(request.body) <= SMALL_BODY_BYTES)
        )
        item = Item(request, prediction, rows, here)
        if not here:
            delay = max(request.deadline - time.monotonic(), 0)
            item.timer = self._loop.call_later(delay, self._expire, item)
        self._queue.append(item)
        if self._scheduled is None:
            if here or self._running < self._slots:
                self._schedule()
        elif self._delay and sum(waiting.rows for waiting in self._queue) >= self._max_rows:
            self._flush()

    def _schedule(self) -> None:
        if self._delay and self._company > 1:
            self._scheduled = self._loop.call_later(self._delay, self._flush)
        else:
            # At the end of this turn of the loop: whatever other connections have brought in it is included.
            self._scheduled = self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        if self._scheduled is not None:
            self._scheduled.cancel()
            self._scheduled = None
        computed: list[Batch] = []
        seconds = 0.0
        while self._queue and (self._queue[0].here or self._running < self._slots):
            batch = self._take()
            if batch is None:
                break
            if not batch.items[0].here:
                self._run_in_pool(batch)
            elif self._compute(batch):
                computed.append(batch)
                seconds += batch.seconds
                if seconds >= IN_A_ROW_SECONDS:
                    self._all_done(computed)
                    seconds = 0.0
        self._all_done(computed)

    def _take(self) -> Batch | None:
        """Take the items at the head of the queue that fit into one batch; the late ones are answered."""
        now = time.monotonic()
        queue = self._queue
        items: list[Item] = []
        rows = 0
        while queue:
            item = queue[0]
            request = item.request
            if request.deadline <= now or request.abandoned or item.answered:
                self._expire(queue.popleft())
                continue
            rows += item.rows
            if items and (rows > self._max_rows or not alike(items[0], item)):
                break
            items.append(queue.popleft())
        self._company = len(items)
        return Batch(items) if items else None

    def _run(self, batch: Batch) -> None:
        if not batch.items[0].here:
            self._run_in_pool(batch)
        elif self._compute(batch):
            self._done(batch)

    def _compute(self, batch: Batch) -> bool:
        """Compute a batch here; tell whether it is to be answered: one that failed was."""
        failed = False
        began = time.thread_time() if self._suspicious else 0.0
        try:
            batch.compute(self.model)
        except Exception as error:  # noqa: BLE001 -- sorted out there
            failed = True
            self._failed(batch, error)
        if self._suspicious:
            # By the thread's own clock: on a busy machine the other one says little of the model.
            seconds = time.thread_time() - began
            if seconds > TOO_SLOW_SECONDS:
                self.model.quick = False
                logger.info("a batch took %.0f ms: from now on in threads", seconds * 1000)
        self._suspicious = batch.seconds > TOO_SLOW_SECONDS
        return not failed

    def _run_in_pool(self, batch: Batch) -> None:
        self._running += 1
        batch.inference = self.model.inference()
        self._aborts[batch] = batch.inference.abort
        for item in batch.items:
            # Until it is computed, and not until it is answered: the thread is not free before.
            assert item.timer is not None
            item.timer.cancel()
            delay = max(item.request.deadline - time.monotonic(), 0)
            item.timer = self._loop.call_later(delay, self._expire, item, batch)
        work = self._pool.submit(batch.compute, self.model)
        work.add_done_callback(
            lambda done: self._loop.call_soon_threadsafe(self._returned, batch, done.exception())
        )

    def _returned(self, batch: Batch, error: BaseException | None) -> None:
        self._running -= 1
        self._aborts.pop(batch, None)
        if error is None:
            self._done(batch)
        else:
            self._failed(batch, error)
        if self._queue and self._scheduled is None:
            self._flush()

    def _all_done(self, computed: list[Batch]) -> None:
        for batch in computed:
            self._done(batch)
        computed.clear()

    def _done(self, batch: Batch) -> None:
        items = batch.items
        requests = [item.request for item in items]
        began = time.monotonic() - batch.seconds
        outputs = dict(zip(items[0].prediction.outputs, batch.arrays, strict=True))
        # From the headers on: to read the body is a part of the wait.
        waited = [began - request.started for request in requests]
        rows = [item.rows for item in items]
        self._observer.batch(
            self.model.signature, requests, batch.inputs, outputs, waited, batch.seconds, rows
        )
        for item, response in zip(items, batch.responses, strict=True):
            self._give(item, response)

    def _failed(self, batch: Batch, error: BaseException) -> None:
        """Answer with the error; in a batch, find out whose it is by computing each alone."""
        if isinstance(error, MixedRowsError):
            logger.warning("the model gave another number of rows than it got: from now on without batches")
            self.model.batches = False
            self._max_rows, self._delay = 1, 0.0
        elif not isinstance(error, RequestError):
            logger.error("unexpected error in a prediction", exc_info=error)
            error = RequestError(500, "internal error")
        if len(batch.items) == 1 and isinstance(error, RequestError):
            self._give(batch.items[0], Response.error(error))
            return
        for item in batch.items:
            self._run(Batch([item]))

    def _expire(self, item: Item, batch: Batch | None = None) -> None:
        self._give(item, Response.error(overdue(item.request)))
        if batch is not None and batch.inference is not None and all(other.answered for other in batch.items):
            batch.inference.abort()

    def _give(self, item: Item, response: Response) -> None:
        if item.timer is not None:
            item.timer.cancel()
        if not item.answered:
            item.answered = True
            self._answer(item.request, response)


def _even(prediction: Prediction, rows: int) -> bool:
    """Tell whether all inputs have as many rows as the first one."""
    return all(array.ndim and len(array) == rows for array in prediction.inputs.values())
