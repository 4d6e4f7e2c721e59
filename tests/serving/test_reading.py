"""A package's own step runs in threads: it keeps nobody else waiting, and no caller beyond the deadline."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from onnx import TensorProto

from modelberth_server.contracts import open_inference, plain
from modelberth_server.contracts.contract import Contract
from modelberth_server.execution.execution import Execution
from modelberth_server.http.message import Request, Response
from modelberth_server.model.session import Model
from modelberth_server.tensors import Array
from serving.callers import Answer, Caller, get, post
from serving.contracts import Unreachable, open_model, tensor
from serving.model_sources import write_package
from serving.models import identity_model
from serving.processes import Launch
from serving.watching import settings

LATE = {"error": "timeout: the prediction took longer than allowed"}


class Blocked:
    """A step that goes on when it is told to; it knows which rows it was called with."""

    def __init__(self) -> None:
        self.called: list[Any] = []
        self.go_on = threading.Event()

    def __call__(self, rows: list[Any]) -> dict[str, Array]:
        self.called += rows
        assert self.go_on.wait(30)
        return {"x": np.array([[row] for row in rows], np.float32)}


class Unseen:
    """Takes no note of a batch."""

    def batch(self, *_: Any) -> None:
        """Nothing here is about batches."""


class Reader:
    """An execution in a running event loop, and the answers that it gave."""

    def __init__(self, preprocess: Callable[[list[Any]], dict[str, Array]]) -> None:
        self.execution = Execution(settings(), self._answered, Unseen(), slots=1)
        self.model: Model = open_model(
            identity_model(("x", TensorProto.FLOAT, [None, 1])), preprocess=preprocess
        )
        self._waiting: dict[Request, asyncio.Future[Response]] = {}

    def start(
        self, value: Any, seconds: float = 30, contract: Contract = plain.predict
    ) -> tuple[Request, asyncio.Future[Response]]:
        body = {"input": [value]} if contract is plain.predict else value
        request = Request("POST", "", {}, orjson.dumps(body), Unreachable())
        request.deadline = time.monotonic() + seconds
        answer = self._waiting[request] = asyncio.get_running_loop().create_future()
        self.execution.predict(contract, self.model, request)
        return request, answer

    def _answered(self, request: Request, response: Response) -> None:
        self._waiting.pop(request).set_result(response)


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60):
            await test()

    asyncio.run(bounded())


def test_the_caller_gets_its_504_while_the_thread_is_still_busy() -> None:
    async def test() -> None:
        step = Blocked()
        reader = Reader(step)
        # Two of them in the two threads, and two behind them.
        asked = [reader.start(row, seconds=0.2)[1] for row in range(4)]
        assert reader.execution.in_flight == 4
        answers = [await one for one in asked]
        assert not step.go_on.is_set()
        assert [(one.status, orjson.loads(one.body)) for one in answers] == [(504, LATE)] * 4
        assert reader.execution.in_flight == 0
        step.go_on.set()
        _, after = reader.start(7)
        assert orjson.loads((await after).body)["predictions"] == [[7]]
        reader.execution.close()
        # Those that were late before a thread was free were never read.
        assert sorted(step.called) == [0, 1, 7]

    run(test)


def test_what_was_abandoned_is_neither_read_nor_computed() -> None:
    async def test() -> None:
        step = Blocked()
        reader = Reader(step)
        asked = [reader.start(row) for row in range(4)]
        while len(step.called) < 2:
            await asyncio.sleep(0.01)
        for request, _ in asked[1:]:
            request.abandoned = True
        step.go_on.set()
        assert [(await answer).status for _, answer in asked] == [200, 499, 499, 499]
        reader.execution.close()
        assert sorted(step.called) == [0, 1]
        assert reader.execution.in_flight == 0

    run(test)


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), RuntimeError("why")])
def test_whatever_the_step_raises_is_answered(error: BaseException) -> None:
    async def test() -> None:
        def failing(_: list[Any]) -> dict[str, Array]:
            raise error

        reader = Reader(failing)
        _, answer = reader.start(1)
        assert (await answer).status == (400 if isinstance(error, RuntimeError) else 500)
        assert reader.execution.in_flight == 0
        reader.execution.close()

    run(test)


def test_a_contract_of_tensors_is_read_there_too_and_passes_the_step_by() -> None:
    async def test() -> None:
        step = Blocked()
        reader = Reader(step)
        body = {"inputs": [tensor("x", "FP32", [1, 1], [7])]}
        _, answer = reader.start(body, contract=open_inference.infer)
        assert orjson.loads((await answer).body)["outputs"][0]["data"] == [7]
        assert step.called == []
        reader.execution.close()

    run(test)


SLOW = b"""import sys, time
import numpy as np

def preprocess(instances):
    if instances == ["exit"]:
        sys.exit(3)
    if instances == ["wait"]:
        time.sleep(2)
    return {"input": np.zeros((len(instances), 4), np.float32)}
"""


def packaged(launch: Launch, folder: Path, **environ: str) -> Any:
    pin = write_package(folder, {"preprocess.py": SLOW}, preprocess="preprocess.py")
    server = launch({"MODELBERTH_MODEL_PATH": str(folder), "MODELBERTH_MODEL_SHA256": pin, **environ})
    server.wait_until_ready()
    return server


def test_health_answers_before_those_who_wait_for_a_slow_step(launch: Launch, tmp_path: Path) -> None:
    server = packaged(launch, tmp_path / "package", MODELBERTH_TIMEOUT_SECONDS="1")
    order: list[str] = []

    async def ask(name: str, caller: Caller, request: bytes) -> Answer:
        answer = await caller.ask(request)
        order.append(name)
        return answer

    async def main() -> list[Answer]:
        callers = [Caller(server.address) for _ in range(4)]
        for caller in callers:
            assert (await caller.ask(get("/health/live"))).status == 200
        slow = [
            asyncio.create_task(ask("slow", caller, post("/predict", {"input": ["wait"]})))
            for caller in callers[:3]
        ]
        await asyncio.sleep(0.02)
        assert (await ask("health", callers[3], get("/health/live"))).status == 200
        answers = [await one for one in slow]
        for caller in callers:
            caller.close()
        return answers

    answers = asyncio.run(main())
    assert order == ["health", "slow", "slow", "slow"]
    assert [(one.status, one.json) for one in answers] == [(504, LATE)] * 3


def test_a_step_that_exits_neither_ends_the_server_nor_keeps_it_from_ending(
    launch: Launch, tmp_path: Path
) -> None:
    server = packaged(launch, tmp_path / "package")

    async def ask() -> list[Answer]:
        with Caller(server.address) as caller:
            requests = [post("/predict", {"input": [row]}) for row in ("exit", "well")]
            return [await caller.ask(request) for request in requests]

    async def bounded() -> list[Answer]:
        async with asyncio.timeout(20):
            return await ask()

    failed, well = asyncio.run(bounded())
    assert (failed.status, failed.json) == (500, {"error": "preprocess: cannot read these rows"})
    assert "preprocess: SystemExit at " in server.log
    assert well.status == 200
    server.terminate()
    assert server.exit_status() == 0
