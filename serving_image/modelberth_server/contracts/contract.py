"""What a contract is: a request into arrays, and the model's arrays into a response."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from modelberth_server.http.message import Request, Response
from modelberth_server.model.signature import Signature
from modelberth_server.tensors import Array

__all__ = ["Contract", "Prediction"]


@dataclass(slots=True)
class Prediction:
    """What a request asks of the model.

    Requests of different contracts may be computed in one batch, so a contract never runs the model itself.

    Attributes:
        inputs: an array for each input of the model
        outputs: names of the outputs to compute, in the order that `encode` gets them
        encode: makes the response of the computed arrays; may be called in another thread

    """

    inputs: dict[str, Array]
    outputs: tuple[str, ...]
    encode: Callable[[Sequence[Array]], Response]


# Raises RequestError 4xx, naming the field at fault. Pure: no I/O, no state; may be called in another thread.
Contract = Callable[[Signature, Request], Prediction]
