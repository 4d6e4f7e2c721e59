"""A worker that dies costs the requests that it was computing, and none before or after them."""

import asyncio
import re
import signal
import time
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest

from serving.callers import Caller, get, post
from serving.models import ModelFile
from serving.processes import Launch, ServerProcess, predict, wait_until
from serving.test_lifecycle import GATED

FLOWER = [[5.1, 3.5, 1.4, 0.2]]
PREDICT = post("/predict", {"input": FLOWER})
CALLERS = 8
KILLS = 3


def workers(server: ServerProcess) -> list[psutil.Process]:
    return psutil.Process(server.process.pid).children()


def counted(text: str) -> float:
    """Predictions with the code 200, by the metrics."""
    series = r'modelberth_requests_total\{code="200",route="/predict"\} ([0-9.e+]+)'
    return sum(map(float, re.findall(series, text)))


class Tally:
    """What callers saw who keep asking, whatever happens."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self.answered = 0
        self.statuses: set[int] = set()
        self.lost = [0] * CALLERS
        self.refused = 0
        self.stop = False

    async def ask(self, index: int) -> None:
        with Caller(self.address) as caller:
            while not self.stop:
                try:
                    answer = await caller.ask(PREDICT)
                except ConnectionRefusedError:
                    self.refused += 1
                    return
                except (OSError, asyncio.IncompleteReadError):
                    self.lost[index] += 1
                    caller.close()
                    continue
                self.answered += 1
                self.statuses.add(answer.status)

    async def more(self, number: int) -> None:
        goal = self.answered + number
        async with asyncio.timeout(60):
            while self.answered < goal:
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("count", [1, 2])
def test_a_killed_worker_costs_what_it_had_in_flight(iris: ModelFile, launch: Launch, count: int) -> None:
    server = launch(iris.environ(MODELBERTH_WORKERS=str(count)))
    server.wait_until_ready()
    wait_until(lambda: len(workers(server)) == count, lambda: "not all workers are there")
    scrapes: list[float] = []

    async def scrape(tally: Tally) -> None:
        with Caller(server.address) as caller:
            while not tally.stop:
                with suppress(OSError, asyncio.IncompleteReadError):
                    scrapes.append(counted((await caller.ask(get("/metrics"))).body.decode()))
                    await asyncio.sleep(0.05)
                    continue
                caller.close()

    async def kill() -> Tally:
        tally = Tally(server.address)
        asking = [asyncio.create_task(tally.ask(index)) for index in range(CALLERS)]
        if count > 1:
            asking.append(asyncio.create_task(scrape(tally)))
        for turn in range(KILLS):
            await tally.more(200)
            victims = {process.pid for process in workers(server)}
            victim = workers(server)[turn % len(victims)]
            before = sum(tally.lost)
            victim.send_signal(signal.SIGKILL)
            await tally.more(200)
            # One worker: each caller had at most one request in it. Several: those of the others had none.
            assert sum(tally.lost) - before <= CALLERS
            async with asyncio.timeout(30):
                while len(workers(server)) < count or victim.pid in {one.pid for one in workers(server)}:
                    await asyncio.sleep(0.01)
        tally.stop = True
        await asyncio.gather(*asking)
        return tally

    tally = asyncio.run(kill())
    # Each caller lost at most the one request that it waited for when a worker died.
    assert max(tally.lost) <= KILLS
    assert sum(tally.lost) >= 1
    assert tally.refused == 0
    # Whoever came while a worker was started again waited, or was served by the other one.
    assert tally.statuses == {200}
    assert server.log.count("ended with signal 9; starting it again") == KILLS
    if count > 1:
        assert len(scrapes) > 5
        assert scrapes == sorted(scrapes)
        assert 0 < scrapes[-1] <= tally.answered + sum(tally.lost)
    server.terminate()
    assert server.exit_status() == 0


def test_nobody_meets_a_worker_that_still_loads(iris: ModelFile, launch: Launch, tmp_path: Path) -> None:
    """Once the server has said that it is ready."""
    gate = tmp_path / "gate"
    server = launch(iris.environ(MODELBERTH_WORKERS="2"), code=GATED.format(gate=str(gate)))
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        assert client.get("/health/ready").json()["status"] == "loading"
    gate.touch()
    server.wait_until_ready()
    gate.unlink()
    wait_until(lambda: len(workers(server)) == 2, lambda: "the second worker was not started")
    for _ in range(20):
        with httpx.Client(base_url=server.url, trust_env=False) as client:
            assert client.get("/health/ready").json()["status"] == "ready"
            assert predict(client, FLOWER).status_code == 200
    gate.touch()
    wait_until(lambda: server.log.count("ready: model") == 2, lambda: "the second worker is not ready")


def test_a_call_for_new_versions_ends_no_worker_that_starts(iris: ModelFile, launch: Launch) -> None:
    server = launch(iris.environ())
    server.wait_for_log("listening on ")
    while "ready: model" not in server.log:
        server.process.send_signal(signal.SIGHUP)
        time.sleep(0.001)
        assert server.process.poll() is None
    for process in workers(server):
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 30
    while server.log.count("ready: model") < 2:
        assert time.monotonic() < deadline, server.log
        server.process.send_signal(signal.SIGHUP)
        time.sleep(0.005)
    assert server.log.count("ended with") == 1
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        assert predict(client, FLOWER).status_code == 200
