"""Requests that are computed as one, and what came of it."""

import asyncio
import time

import numpy as np

from modelberth_server.contracts.contract import Prediction
from modelberth_server.errors import RequestError
from modelberth_server.http.message import Request, Response
from modelberth_server.model.session import Inference, Model
from modelberth_server.tensors import Array

__all__ = ["Batch", "Item", "MixedRowsError", "alike", "overdue"]


class MixedRowsError(Exception):
    """The outputs of a batch have not one row for each row of its inputs: whose they are is unknown."""


class Item:
    """One request's place in the queue.

    Attributes:
        rows: of its inputs
        here: computed in the event loop, and not in a thread
        answered: its response was given
        timer: gives the response that it takes too long

    """

    __slots__ = ("answered", "here", "prediction", "request", "rows", "timer")

    def __init__(self, request: Request, prediction: Prediction, rows: int, here: bool) -> None:  # noqa: FBT001
        self.request = request
        self.prediction = prediction
        self.rows = rows
        self.here = here
        self.answered = False
        self.timer: asyncio.TimerHandle | None = None


class Batch:
    """Items that are computed together.

    Attributes:
        items: in the order of their rows
        inference: the run, where it can be aborted
        inputs: of all rows
        arrays: the outputs of all rows
        responses: one for each item
        seconds: that it took

    """

    __slots__ = ("arrays", "inference", "inputs", "items", "responses", "seconds")

    def __init__(self, items: list[Item]) -> None:
        self.items = items
        self.inference: Inference | None = None
        self.inputs: dict[str, Array] = {}
        self.arrays: list[Array] = []
        self.responses: list[Response] = []
        self.seconds = 0.0

    def compute(self, model: Model) -> None:
        """Run the model and make the responses; of a slow model in a thread.

        Raises:
            RequestError: a request is at fault, unknown which where there are several.
            MixedRowsError: see there.

        """
        began = time.monotonic()
        items = self.items
        first = items[0].prediction
        run = (self.inference or model).run
        if len(items) == 1:
            self.inputs = first.inputs
            self.arrays = run(self.inputs, first.outputs)
            self.responses.append(first.encode(self.arrays))
        else:
            self.inputs = _joined([item.prediction.inputs for item in items])
            self.arrays = arrays = run(self.inputs, first.outputs)
            rows = sum([item.rows for item in items])
            if any(len(array) != rows for array in arrays):
                raise MixedRowsError
            end = 0
            for item in items:
                start, end = end, end + item.rows
                self.responses.append(item.prediction.encode([array[start:end] for array in arrays]))
        self.seconds = time.monotonic() - began


def overdue(request: Request) -> RequestError:
    """Make the error of a request whose time is over, or whose client has gone."""
    if request.abandoned:
        # Nobody reads it; this is what the metrics call it, as nginx does.
        return RequestError(499, "the client has gone")
    return RequestError(504, "timeout: the prediction took longer than allowed")


def alike(one: Item, other: Item) -> bool:
    """Tell whether two requests can be computed as one: the same outputs, and shapes but for the rows."""
    if one.here is not other.here or one.prediction.outputs != other.prediction.outputs:
        return False
    others = other.prediction.inputs
    for name, array in one.prediction.inputs.items():  # noqa: SIM110 -- a generator costs more
        if array.shape[1:] != others[name].shape[1:]:
            return False
    return True


def _joined(inputs: list[dict[str, Array]]) -> dict[str, Array]:
    return {name: np.concatenate([arrays[name] for arrays in inputs]) for name in inputs[0]}
