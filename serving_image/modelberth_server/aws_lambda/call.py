"""What an event asks of the server, and how an invocation fails."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import orjson

from modelberth_server.errors import RequestError
from modelberth_server.http.message import Response
from modelberth_server.json_body import parse

__all__ = ["IAM_CALLER", "Call", "FunctionError", "prediction_call"]

# IAM has checked who may invoke the function, or which bucket may notify it.
IAM_CALLER: Final = "iam:invoke"

JSON: Final = b"application/json"


@dataclass(frozen=True, slots=True)
class Call:
    """A request before it is one: without a sink and a clock; `caller` is set where the platform vouches."""

    method: str
    path: str
    headers: dict[bytes, bytes]
    body: bytes
    query: bytes = b""
    peer: str = ""
    caller: str = ""


# Python 3.13 took up its newer name; callers match on what does not change.
_KINDS: Final = {413: "ContentTooLarge"}


class FunctionError(Exception):
    """An invocation fails with an error type, which callers (Step Functions) match on, and a message."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message

    @classmethod
    def of(cls, status: int, message: str) -> "FunctionError":
        """Make the error of an HTTP status; its type is the status' name: `BadRequest`, `TooManyRequests`."""
        return cls(_KINDS.get(status) or HTTPStatus(status).phrase.replace(" ", ""), message)

    @classmethod
    def of_request(cls, error: RequestError) -> "FunctionError":
        """Make the error of a request that was refused."""
        return cls.of(error.status, error.message)

    @classmethod
    def of_response(cls, response: Response) -> "FunctionError":
        """Make the error of a response `{"error": message}`."""
        return cls.of(response.status, orjson.loads(response.body)["error"])


def prediction_call(body: bytes, model_name: str) -> Call:
    """Make the call that a JSON body asks for by its keys, wherever it came from.

    `inputs` is the Open Inference Protocol, `input` and `instances` are rows.

    Raises:
        RequestError: 400, the body is not a JSON object with one of these keys.

    """
    keys = parse(body).keys()
    if "inputs" in keys:
        path = f"/v2/models/{model_name}/infer"
    elif "input" in keys or "instances" in keys:
        path = "/predict"
    else:
        raise RequestError(400, "body: none of the keys input, instances and inputs")
    return Call("POST", path, {b"content-type": JSON, b"accept": JSON}, body, caller=IAM_CALLER)
