"""Which kind an event is, by its form."""

from typing import Any

import orjson

from modelberth_server.aws_lambda.call import Call, prediction_call
from modelberth_server.aws_lambda.gateway import HttpEvent
from modelberth_server.aws_lambda.s3 import S3Event
from modelberth_server.errors import RequestError
from modelberth_server.tensors import shown

__all__ = ["Event", "read_event"]

Event = HttpEvent | S3Event | Call


def read_event(payload: bytes, model_name: str) -> Event:
    """Read the payload of an invocation; a direct one is a body of `/predict` or of the protocol v2.

    Raises:
        RequestError: 400, naming the top-level keys of an event that is none of them.

    """
    try:
        event: Any = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise RequestError(400, f"event: not JSON: {error}") from None
    if not isinstance(event, dict):
        raise RequestError(400, f"event: {shown(event)}, expected an object")
    found = HttpEvent.read(event) or S3Event.read(event)
    if found is not None:
        return found
    if event.keys() & {"input", "instances", "inputs"}:
        return prediction_call(payload, model_name)
    keys = ", ".join(shown(key) for key in list(event)[:8]) or "none"
    raise RequestError(
        400,
        "event: expected one of API Gateway, a function URL, a load balancer or S3, or an object with input, "
        f"instances or inputs; its keys are {keys}",
    )
