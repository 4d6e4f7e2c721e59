"""How many predictions at once, where they are read, and the lane of each model."""

import asyncio
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from modelberth_server.contracts.contract import Contract, Prediction
from modelberth_server.errors import RequestError
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

    def predict(self, contract: Contract, model: Model, request: Request) -> None:
        """Read a request and have it computed; the response goes to `answer`.

        Raises:
            RequestError: 429 where too many are in flight, or the contract's own.

        """
        if self.in_flight >= self._settings.max_concurrency:
            message = f"busy: {self._settings.max_concurrency} predictions are in flight, which is the limit"
            raise RequestError(429, message, RETRY_AFTER)
        if len(request.body) < READ_IN_POOL_BYTES or RAW_TENSORS in request.headers:
            prediction = contract(model.signature, request)
            self.in_flight += 1
            (self._lanes.get(model) or self._lane(model)).submit(prediction, request)
            return
        self.in_flight += 1
        # Now: by the time that it is read the model may be retired.
        lane = self._lane(model)
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self.pool, contract, model.signature, request)
        work.add_done_callback(lambda done: self._read(lane, request, done))

    def retire(self, model: Model) -> None:
        """Forget a model that gets no more requests; those under way are finished."""
        self._lanes.pop(model, None)

    def close(self) -> None:
        """Wait for the threads; what is queued ends at once."""
        self.pool.shutdown(cancel_futures=True)

    def _read(self, lane: Lane, request: Request, done: asyncio.Future[Prediction]) -> None:
        try:
            prediction = done.result()
        except RequestError as error:
            self._answer(request, Response.error(error))
        except Exception:
            logger.exception("unexpected error while reading a request")
            self._answer(request, Response.error(RequestError(500, "internal error")))
        else:
            lane.submit(prediction, request)

    def _lane(self, model: Model) -> Lane:
        lane = self._lanes.get(model)
        if lane is None:
            lane = self._lanes[model] = Lane(
                model,
                self.pool,
                slots=self._slots if model.batches else self._max_slots,
                max_rows=self._settings.max_batch_size,
                delay=self._settings.batch_delay_ms / 1000,
                answer=self._answer,
                observer=self._observer,
            )
        return lane

    def _answer(self, request: Request, response: Response) -> None:
        self.in_flight -= 1
        self._deliver(request, response)


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
