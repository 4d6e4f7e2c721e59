"""Batches in the event loop: computed in a row and answered in a row, for no longer than is allowed."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from onnx import TensorProto

from modelberth_server.contracts import plain
from modelberth_server.execution import lane
from modelberth_server.execution.execution import Execution
from modelberth_server.execution.lane import IN_A_ROW_SECONDS
from modelberth_server.http.message import Request, Response
from modelberth_server.json_body import parse, render
from modelberth_server.tensors import Array
from serving.contracts import Unreachable, open_model
from serving.models import identity_model
from serving.watching import settings

ROWS = 8
"""Of a batch, and of each request here: each is a batch of its own."""
JSON = {b"content-type": b"application/json"}


class Unseen:
    """Takes no note of a batch."""

    def batch(self, *_: Any) -> None:
        """Nothing here is about what is seen of it."""


def happened(requests: int, before: Callable[[float], None] = lambda _: None) -> tuple[list[str], list[Any]]:
    """What happened with so many requests of one turn of the loop, and the answers in their order.

    Args:
        requests: each with its number in each row
        before: called with the number before it is computed
    """
    events: list[str] = []
    answers: dict[int, Any] = {}

    async def all_at_once() -> None:
        done = asyncio.Event()

        def answered(request: Request, response: Response) -> None:
            number = int(request.path)
            events.append(f"answer {number}")
            answers[number] = (response.status, parse(response.body).get("predictions"))
            if len(answers) == requests:
                done.set()

        execution = Execution(settings(MAX_BATCH_SIZE=str(ROWS)), answered, Unseen())
        model = open_model(identity_model(("x", TensorProto.FLOAT, [None, 1])))
        model.batches = model.quick = True
        run = model.run

        def watched(inputs: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
            number = float(inputs["x"][0, 0])
            before(number)
            events.append(f"compute {number:g}")
            return run(inputs, outputs)

        model.run = watched  # type: ignore[method-assign]
        for number in range(requests):
            body = render({"input": [[number]] * ROWS})
            request = Request("POST", str(number), dict(JSON), body, Unreachable())
            request.started = time.monotonic()
            request.deadline = request.started + 30
            execution.predict(plain.predict, model, request)
        await asyncio.wait_for(done.wait(), 30)
        assert execution.in_flight == 0
        execution.close()

    asyncio.run(all_at_once())
    return events, [answers[number] for number in range(requests)]


def right(*numbers: int) -> list[Any]:
    return [(200, [[float(number)]] * ROWS) for number in numbers]


def test_batches_are_computed_in_a_row_and_answered_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    # A busy machine could take longer for them than is allowed.
    monkeypatch.setattr(lane, "IN_A_ROW_SECONDS", 30)
    events, answers = happened(3)
    assert answers == right(0, 1, 2)
    assert events[:3] == ["compute 0", "compute 1", "compute 2"]
    assert events[3:] == ["answer 0", "answer 1", "answer 2"]


@pytest.mark.parametrize("slow", [1, 4])
def test_no_answer_waits_for_longer_than_allowed(slow: int) -> None:
    """After a batch that takes all of the time, what was computed is answered before the next."""

    def before(number: float) -> None:
        if number == slow:
            time.sleep(2 * IN_A_ROW_SECONDS)

    events, answers = happened(6, before)
    assert answers == right(*range(6))
    answered_by_then = [event for event in events[: events.index(f"compute {slow + 1}")] if "answer" in event]
    assert answered_by_then == [f"answer {number}" for number in range(slow + 1)]


def test_a_queue_of_slow_batches_is_answered_one_by_one() -> None:
    events, answers = happened(60, lambda _: time.sleep(IN_A_ROW_SECONDS))
    assert answers == right(*range(60))
    assert events == [event for number in range(60) for event in (f"compute {number}", f"answer {number}")]


def test_a_batch_that_fails_costs_no_other_its_answer() -> None:
    def before(number: float) -> None:
        if number == 1:
            raise ValueError("made up")

    _, answers = happened(3, before)
    assert answers == [*right(0), (500, None), *right(2)]
