"""Predictions off the event loop: how many at once, and for how long."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from modelberth_server.errors import RequestError
from modelberth_server.model import Model, Run, Signature

__all__ = ["Contract", "Execution"]

# The body of a request in, the body of its response out: no transport and no engine.
Contract = Callable[[Signature, Run, bytes], bytes]

# JSON holds the interpreter lock and ONNX Runtime lets go of it: a few threads keep both busy, more would
# only queue for the lock.
POOL_THREADS: Final = 4

RETRY_AFTER: Final = (("retry-after", "1"),)


class Execution:
    """Runs contracts in a pool of threads; the methods are for the event loop's thread.

    Args:
        max_concurrency: predictions queued or running, at most
        on_change: called with their number whenever it changes

    """

    def __init__(self, max_concurrency: int, on_change: Callable[[int], None]) -> None:
        self.pool = ThreadPoolExecutor(POOL_THREADS, thread_name_prefix="predict")
        self._max_concurrency = max_concurrency
        self._in_flight = 0
        self._on_change = on_change

    async def predict(self, contract: Contract, model: Model, body: bytes, deadline: float) -> bytes:
        """Answer a body; `deadline` is a time of the event loop.

        Raises:
            RequestError: 429 where too many are in flight, 504 after the deadline, or the contract's own.

        """
        if self._in_flight >= self._max_concurrency:
            message = f"busy: {self._max_concurrency} predictions are in flight, which is the limit"
            raise RequestError(429, message, RETRY_AFTER)
        loop = asyncio.get_running_loop()
        inference = model.inference()
        self._count(1)
        work = self.pool.submit(contract, model.signature, inference.run, body)
        # The place is free when the thread is, which after a timeout is later than the response.
        work.add_done_callback(lambda _: loop.call_soon_threadsafe(self._count, -1))
        result = asyncio.wrap_future(work)
        done, _ = await asyncio.wait((result,), timeout=max(deadline - loop.time(), 0))
        if done:
            return result.result()
        inference.abort()
        work.cancel()
        result.add_done_callback(_ignore)
        raise RequestError(504, "timeout: the prediction took longer than allowed")

    def close(self) -> None:
        """Wait for the threads; what is aborted or queued ends at once."""
        self.pool.shutdown(cancel_futures=True)

    def _count(self, change: int) -> None:
        self._in_flight += change
        self._on_change(self._in_flight)


def _ignore(abandoned: asyncio.Future[bytes]) -> None:
    """Retrieve the outcome of a prediction that nobody waits for, lest asyncio logs it as forgotten."""
    if not abandoned.cancelled():
        abandoned.exception()
