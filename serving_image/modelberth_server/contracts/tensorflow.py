"""TensorFlow Serving's REST API, version 1: predict and model status.

Source: https://www.tensorflow.org/tfx/serving/api_rest. Of it are not offered: classify and regress, which
take `tf.Example`; the metadata, which is a SavedModel's; labels; and bytes as `{"b64": ...}`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from modelberth_server.contracts.content import require_json
from modelberth_server.contracts.contract import Prediction
from modelberth_server.contracts.numbers import inputs_of_numbers
from modelberth_server.contracts.rows import column, inputs_of_rows, output_names, outputs_by_row
from modelberth_server.errors import RequestError
from modelberth_server.http.message import Request, Response
from modelberth_server.json_body import expect, may_hold_booleans, parse, refuse_unknown, render
from modelberth_server.model.signature import Signature
from modelberth_server.tensors import Array, shown

__all__ = ["model_status", "predict"]

SIGNATURE: Final = "serving_default"
_MEMBERS: Final = dict.fromkeys(("signature_name", "instances", "inputs"))
_STATES: Final = {"loading": "LOADING", "ready": "AVAILABLE", "draining": "UNLOADING"}


def model_status(versions: Mapping[str, str]) -> dict[str, Any]:
    """Describe versions of a model, each `loading`, `ready` or `draining`: a `GetModelStatusResponse`."""
    fine = {"error_code": "OK", "error_message": ""}
    return {
        "model_version_status": [
            {"version": version, "state": _STATES[state], "status": fine}
            for version, state in versions.items()
        ]
    }


def predict(signature: Signature, request: Request) -> Prediction:
    """Read `POST /v1/models/NAME[/versions/VERSION]:predict`, in its row or its column form.

    `instances` are rows, and so is the response's `predictions`: the values of the one output, or an object
    of all outputs for each row. `inputs` is the tensor of the one input, or an object of all tensors by name,
    and `outputs` in the response has the same form; a value without lists is a tensor of rank 0. The column
    form holds what the model itself takes, so it passes by a package's own step before the model.

    Raises:
        RequestError: 400, naming the field at fault, or 415.

    """
    require_json(request)
    inputs = inputs_of_numbers(signature, request.body, ("instances",))
    if inputs is not None:
        return _rows_back(signature, inputs, len(next(iter(inputs.values()))))
    body = parse(request.body)
    refuse_unknown(body, _MEMBERS, "body")
    name = body.get("signature_name")
    if name is not None and expect(name, str, "signature_name") not in ("", SIGNATURE):
        raise RequestError(400, f"signature_name: {shown(name)}, only {SIGNATURE!r} is served")
    if ("instances" in body) == ("inputs" in body):
        both = "both" if "inputs" in body else "neither"
        raise RequestError(400, f"body: expected either instances or inputs, got {both}")
    booleans = may_hold_booleans(request.body)
    if "instances" in body:
        return _by_row(signature, body["instances"], booleans=booleans)
    return _by_column(signature, body["inputs"], booleans=booleans)


def _by_row(signature: Signature, value: Any, *, booleans: bool) -> Prediction:
    rows = expect(value, list, "instances")
    inputs = inputs_of_rows(signature, rows, "instances", booleans=booleans)
    return _rows_back(signature, inputs, len(rows))


def _rows_back(signature: Signature, inputs: dict[str, Array], rows: int) -> Prediction:
    names = output_names(signature)

    def respond(arrays: Sequence[Array]) -> Response:
        return Response(200, render({"predictions": outputs_by_row(names, arrays, rows, "instances")}))

    return Prediction(inputs, names, respond)


def _by_column(signature: Signature, value: Any, *, booleans: bool) -> Prediction:
    specs = signature.inputs
    if len(specs) == 1 and type(value) is not dict:
        inputs = {specs[0].name: column(value, specs[0], "inputs", booleans=booleans)}
    else:
        columns = expect(value, dict, "inputs")
        refuse_unknown(columns, {spec.name: spec for spec in specs}, "inputs")
        if missing := [spec.name for spec in specs if spec.name not in columns]:
            raise RequestError(400, f"inputs: {', '.join(missing)} missing")
        inputs = {
            spec.name: column(columns[spec.name], spec, f"inputs.{spec.name}", booleans=booleans)
            for spec in specs
        }
    names = output_names(signature)

    def respond(arrays: Sequence[Array]) -> Response:
        outputs = arrays[0] if len(arrays) == 1 else dict(zip(names, arrays, strict=True))
        return Response(200, render({"outputs": outputs}))

    return Prediction(inputs, names, respond)
