"""Made-up requests, read and answered before the first real one: it shall be as fast as the second."""

import logging
from typing import Final

from modelberth_server.contracts import open_inference, plain
from modelberth_server.contracts.contract import Contract
from modelberth_server.errors import RequestError
from modelberth_server.http.message import Request, Response
from modelberth_server.json_body import render
from modelberth_server.model.session import Model
from modelberth_server.model.warm_up import made_up_inputs

__all__ = ["rehearse"]

# The interpreter adapts a function to its arguments within its first few calls.
TIMES: Final = 8
# What a larger request takes is the reading of its numbers, and that is warm after a small one.
MOST_BYTES: Final = 64 * 1024

logger = logging.getLogger(__name__)


class _Nobody:
    def answer(self, request: Request, response: Response) -> None:
        """Drop the response; nothing here is ever answered."""


def rehearse(model: Model) -> None:
    """Read made-up requests of the usual contracts, compute them and make their responses."""
    signature = model.signature
    inputs = made_up_inputs(model, 1, same=True)
    if sum(array.nbytes for array in inputs.values()) > MOST_BYTES:
        return
    tensors = [
        {"name": spec.name, "shape": inputs[spec.name].shape, "datatype": spec.datatype.name}
        | {"data": inputs[spec.name].reshape(-1)}
        for spec in signature.inputs
    ]
    scenes: list[tuple[Contract, bytes]] = [(open_inference.infer, render({"inputs": tensors}))]
    if len(inputs) == 1 and signature.preprocess is None:
        scenes.append((plain.predict, render({"instances": next(iter(inputs.values()))})))
    elif signature.preprocess is not None and signature.example is not None:
        scenes.append((plain.predict, render({"instances": signature.example})))
    for contract, body in scenes:
        request = Request("POST", "", {b"content-type": b"application/json"}, body, _Nobody())
        try:
            for _ in range(TIMES):
                prediction = contract(signature, request)
                prediction.encode(model.run(prediction.inputs, prediction.outputs))
        except RequestError as error:
            # As in the warm-up: made-up values need not be the model's.
            logger.debug("no rehearsal: %s", error.message)
