"""How many predictions at once, where they are read, and the lane of each model."""

import asyncio
import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from modelberth_server.contracts.contract import Contract, Prediction
from modelberth_server.errors import RequestError
from modelberth_server.execution.batch import Batch, overdue
from modelberth_server.execution.lane import Lane, Observer
from modelberth_server.http.message import Request, Response
from modelberth_server.model.session import Model
from modelberth_server.settings import Settings

__all__ = ["RETRY_AFTER", "Execution", "available_cpus"]

RETRY_AFTER: Final = (("retry-after", "1"),)
MAX_SLOTS: Final = 4
# To read JSON takes about 10 ns a byte: from here on long enough to keep others waiting.
READ_IN_POOL_BYTES: Final = 128 * 1024
# Says that the body is a little JSON and then tensors as they lie in memory, which take no reading.
RAW_TENSORS: Final = b"inference-header-content-length"

logger = logging.getLogger(__name__)


class _Reading:
    """A request that is read in a thread.

    Attributes:
        request: None from when it is answered: a thread that comes to it later has nothing to do, and what
            waits for a thread keeps no body
        lane: where it goes then; known from the start, because the model may be retired meanwhile
        timer: gives the response that it takes too long

    """

    __slots__ = ("contract", "lane", "request", "timer")

    def __init__(self, contract: Contract, lane: Lane, request: Request) -> None:
        self.contract = contract
        self.lane = lane
        self.request: Request | None = request
        self.timer: asyncio.TimerHandle | None = None

    def run(self) -> Prediction | None:
        """Read it, in a thread; None where nobody waits for it any more."""
        request = self.request
        if request is None or _late(request):
            return None
        return self.contract(self.lane.model.signature, request)


class Execution:
    """Runs predictions; the methods are for the event loop's thread.

    Args:
        settings: limits, threads and batching
        answer: takes the response of every request
        observer: hears of every computed batch
        slots: the most that runs of a model at the same time

    """

    def __init__(
        self,
        settings: Settings,
        answer: Callable[[Request, Response], None],
        observer: Observer,
        *,
        slots: int = MAX_SLOTS,
    ) -> None:
        self.in_flight = 0
        self._settings = settings
        self._deliver = answer
        self._observer = observer
        self._max_slots = slots
        self._slots = min(max(available_cpus() // settings.threads, 1), slots)
        self.pool = ThreadPoolExecutor(slots + 1, thread_name_prefix="predict")
        self._lanes: dict[Model, Lane] = {}
        self._aborts: dict[Batch, Callable[[], None]] = {}

    def predict(self, contract: Contract, model: Model, request: Request) -> None:
        """Read a request and have it computed; the response goes to `answer`.

        Raises:
            RequestError: 429 where too many are in flight, or the contract's own.

        """
        if self.in_flight >= self._settings.max_concurrency:
            message = f"busy: {self._settings.max_concurrency} predictions are in flight, which is the limit"
            raise RequestError(429, message, RETRY_AFTER)
        lane = self._lanes.get(model) or self._lane(model)
        # How long a package's own code takes is unknown, so none of it runs in the event loop.
        if model.signature.preprocess is None and (
            RAW_TENSORS in request.headers or len(request.body) < READ_IN_POOL_BYTES
        ):
            prediction = contract(model.signature, request)
            self.in_flight += 1
            lane.submit(prediction, request)
            return
        self.in_flight += 1
        self._read(_Reading(contract, lane, request), request.deadline)

    def retire(self, model: Model) -> None:
        """Forget a model that gets no more requests; those under way are finished."""
        self._lanes.pop(model, None)

    def close(self) -> None:
        """End what computes: nobody waits for it any more, and it could go on for ever."""
        for abort in list(self._aborts.values()):
            abort()
        self.pool.shutdown(wait=False, cancel_futures=True)

    def _read(self, reading: _Reading, deadline: float) -> None:
        loop = asyncio.get_running_loop()
        reading.timer = loop.call_later(max(deadline - time.monotonic(), 0), self._expire, reading)

        def returned(work: Future[Prediction | None]) -> None:
            if not work.cancelled():
                loop.call_soon_threadsafe(self._returned, reading, work)

        self.pool.submit(reading.run).add_done_callback(returned)

    def _returned(self, reading: _Reading, work: Future[Prediction | None]) -> None:
        request = reading.request
        if request is None:
            return
        # Asked for and not raised: a SystemExit of the package's code would end the event loop.
        error = work.exception()
        prediction = None if error is not None else work.result()
        if _late(request):
            self._expire(reading)
        elif prediction is not None:
            self._taken(reading)
            reading.lane.submit(prediction, request)
        else:
            if not isinstance(error, RequestError):
                logger.error("unexpected error while reading a request", exc_info=error)
                error = RequestError(500, "internal error")
            self._taken(reading)
            self._answer(request, Response.error(error))

    def _expire(self, reading: _Reading) -> None:
        request = reading.request
        if request is None:
            return
        self._taken(reading)
        self._answer(request, Response.error(overdue(request)))

    def _taken(self, reading: _Reading) -> None:
        if reading.timer is not None:
            reading.timer.cancel()
        reading.request = None

    def _lane(self, model: Model) -> Lane:
        lane = self._lanes.get(model)
        if lane is None:
            lane = self._lanes[model] = Lane(
                model,
                self.pool,
                # Runs of about the same length only keep each other from the processor; beside a long one
                # of unknown length a short one has to get on.
                slots=self._slots if model.batches or model.fixed else self._max_slots,
                max_rows=self._settings.max_batch_size,
                delay=self._settings.batch_delay_ms / 1000,
                answer=self._answer,
                observer=self._observer,
                aborts=self._aborts,
            )
        return lane

    def _answer(self, request: Request, response: Response) -> None:
        self.in_flight -= 1
        self._deliver(request, response)


def _late(request: Request) -> bool:
    return request.abandoned or request.deadline <= time.monotonic()


def available_cpus() -> int:
    """Return the whole CPUs that this process may use: its affinity, and its cgroup's quota.

    `os.cpu_count` knows neither: with a quota of 2 on a host of 64 it would start 64 threads that the kernel
    stops again and again (https://docs.kernel.org/admin-guide/cgroup-v2.html, cpu.max).
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        with open("/sys/fs/cgroup/cpu.max", encoding="ascii") as file:  # noqa: PTH123
            quota, period = file.read().split()
    except (OSError, ValueError):
        return affinity
    return affinity if quota == "max" else max(1, min(affinity, int(quota) // int(period)))
