"""Vertex AI's prediction route: `{"instances": rows, "parameters": {}}` → `{"predictions": [...]}`.

Source: https://cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements. The platform adds
`deployedModelId` and its like to the response.
"""

from collections.abc import Sequence
from typing import Final

from modelberth_server.contracts.content import require_json
from modelberth_server.contracts.contract import Prediction
from modelberth_server.contracts.numbers import inputs_of_numbers
from modelberth_server.contracts.rows import inputs_of_rows, output_names, outputs_by_row
from modelberth_server.errors import RequestError
from modelberth_server.http.message import Request, Response
from modelberth_server.json_body import expect, may_hold_booleans, parse, refuse_unknown, render
from modelberth_server.model.signature import Signature
from modelberth_server.tensors import Array, shown

__all__ = ["predict"]

_MEMBERS: Final = dict.fromkeys(("instances", "parameters"))


def predict(signature: Signature, request: Request) -> Prediction:
    """Read `POST $AIP_PREDICT_ROUTE`.

    A prediction is the value of the model's one output, or an object of all outputs by name. The platform's
    clients send `parameters` that are null or empty where there are none; a parameter would have to change
    the prediction, nothing here can, and so each is refused by name.

    Raises:
        RequestError: 400, naming the field at fault, or 415.

    """
    require_json(request)
    inputs = inputs_of_numbers(signature, request.body, ("instances",))
    if inputs is not None:
        return _prediction(signature, inputs, len(next(iter(inputs.values()))))
    body = parse(request.body)
    refuse_unknown(body, _MEMBERS, "body")
    parameters = body.get("parameters")
    if parameters:
        name = next(iter(expect(parameters, dict, "parameters")))
        raise RequestError(400, f"parameters: unknown key {shown(name)}, this model takes no parameters")
    rows = expect(body.get("instances"), list, "instances")
    inputs = inputs_of_rows(signature, rows, "instances", booleans=may_hold_booleans(request.body))
    return _prediction(signature, inputs, len(rows))


def _prediction(signature: Signature, inputs: dict[str, Array], rows: int) -> Prediction:
    names = output_names(signature)

    def respond(arrays: Sequence[Array]) -> Response:
        return Response(200, render({"predictions": outputs_by_row(names, arrays, rows, "instances")}))

    return Prediction(inputs, names, respond)
