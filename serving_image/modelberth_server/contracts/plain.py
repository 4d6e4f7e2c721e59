"""The plain contract: `{"input": rows}` or `{"instances": rows}` → `{"predictions": …, "outputs": {…}}`."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from modelberth_server.contracts.content import require_json
from modelberth_server.contracts.contract import Prediction
from modelberth_server.contracts.numbers import inputs_of_numbers
from modelberth_server.contracts.rows import inputs_of_rows, output_names
from modelberth_server.errors import RequestError
from modelberth_server.http.message import Request, Response
from modelberth_server.json_body import may_hold_booleans, parse, render
from modelberth_server.model.signature import Signature
from modelberth_server.tensors import Array, shown

__all__ = ["predict", "predictions_of", "rows_of", "whole_response"]

KEYS: Final = ("input", "instances")


def predict(signature: Signature, request: Request) -> Prediction:
    """Read `POST /predict`.

    In the response `predictions` holds the model's first output, one entry for each row of the input;
    `outputs` holds the others by name.

    Raises:
        RequestError: 400, naming the field at fault, or 415.

    """
    require_json(request)
    inputs = inputs_of_numbers(signature, request.body, KEYS)
    if inputs is None:
        rows, key = rows_of(parse(request.body), KEYS)
        inputs = inputs_of_rows(signature, rows, key, booleans=may_hold_booleans(request.body))
    names = output_names(signature)
    return Prediction(inputs, names, whole_response(names))


def rows_of(body: dict[str, Any], keys: Sequence[str]) -> tuple[Any, str]:
    """Return the value of the one key that a body has, and the key; or raise a RequestError 400."""
    if len(body) != 1 or (key := next(iter(body))) not in keys:
        given = ", ".join(shown(key) for key in list(body)[:4]) or "none"
        raise RequestError(400, f"body: expected exactly one key, {' or '.join(keys)}; got {given}")
    return body[key], key


def whole_response(names: Sequence[str]) -> Callable[[Sequence[Array]], Response]:
    """Make what turns all outputs of a model into the plain contract's response."""

    def respond(arrays: Sequence[Array]) -> Response:
        return Response(200, render(predictions_of(names, arrays)))

    return respond


def predictions_of(names: Sequence[str], arrays: Sequence[Array]) -> dict[str, Any]:
    """Return the value of the plain contract's response."""
    return {"predictions": arrays[0], "outputs": dict(zip(names[1:], arrays[1:], strict=True))}
