"""A client with nothing but good intentions, in a process of its own: what it feels of the others."""

import http.client
import json
import multiprocessing
import random
import time
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

from serving.fuzz.messages import Messages

Address = tuple[str, int]
PAUSE_SECONDS = 0.002


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share / 100), len(ordered) - 1)]


class Healthy:
    """Asks again and again, from the moment that it is entered."""

    def __init__(self, address: Address, metadata: dict[str, Any]) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_ask, args=(address, metadata, theirs), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        self._pipe.recv()
        return self

    def stop(self) -> tuple[list[float], list[str]]:
        """Return the latencies in milliseconds, and what went wrong."""
        self._pipe.send("stop")
        result: tuple[list[float], list[str]] = self._pipe.recv()
        return result

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.join()


def _ask(address: Address, metadata: dict[str, Any], pipe: Connection) -> None:
    messages = Messages(metadata, random.Random(0))
    body = json.dumps({"input": messages.rows()})
    connection = http.client.HTTPConnection(*address, timeout=30)
    latencies: list[float] = []
    failures: list[str] = []
    expected = None
    pipe.send("ready")
    while not pipe.poll():
        began = time.perf_counter()
        try:
            connection.request("POST", "/predict", body, {"content-type": "application/json"})
            response = connection.getresponse()
            answer = (response.status, response.read())
        except (OSError, http.client.HTTPException) as error:
            failures.append(f"healthy client: {error!r}")
            connection.close()
            continue
        latencies.append((time.perf_counter() - began) * 1000)
        expected = expected or answer
        if answer != expected or answer[0] != 200:
            failures.append(f"healthy client: {answer}")
        time.sleep(PAUSE_SECONDS)
    pipe.send((latencies, failures))
