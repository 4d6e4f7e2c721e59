"""SageMaker's `/invocations`: JSON, CSV or npy in, and out what the caller accepts.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-inference.html; for the attributes
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html.
"""

from collections.abc import Callable, Sequence
from typing import Final

from modelberth_server.contracts.content import JSON, accepted, media_type, refuse_encoding
from modelberth_server.contracts.contract import Prediction
from modelberth_server.contracts.csv_body import read_csv, write_csv
from modelberth_server.contracts.npy_body import read_npy, write_npy
from modelberth_server.contracts.numbers import inputs_of_numbers
from modelberth_server.contracts.plain import KEYS, predictions_of, rows_of
from modelberth_server.contracts.rows import inputs_of_rows, output_names
from modelberth_server.errors import RequestError
from modelberth_server.http.message import Request, Response
from modelberth_server.json_body import expect, may_hold_booleans, parse_value, render
from modelberth_server.model.signature import Signature
from modelberth_server.tensors import Array, TensorSpec, shown

__all__ = ["invocations"]

CSV: Final = "text/csv"
NPY: Final = "application/x-npy"
ATTRIBUTES: Final = b"x-amzn-sagemaker-custom-attributes"
MAX_ATTRIBUTES: Final = 1024
_WRITERS: Final[dict[str, Callable[[Array], bytes]]] = {CSV: write_csv, NPY: write_npy}


def invocations(signature: Signature, request: Request) -> Prediction:
    """Read `POST /invocations`.

    JSON is `{"instances": rows}`, `{"input": rows}` or the bare rows, and the response that of `/predict`.
    CSV has no header line and no label, as for AWS's own algorithms; `text/csv; header=present` announces a
    header. CSV and npy hold the tensor of the one input, and as a response the first output alone, which is
    the predictions. The custom attributes of the request come back with the response.

    Raises:
        RequestError: 400, naming the field at fault, 406 or 415.

    """
    kind, parameters = media_type(request)
    refuse_encoding(request)
    answer = accepted(request, (JSON, CSV, NPY))
    headers = _attributes(request)
    if kind == JSON:
        inputs = _rows_of_json(signature, request)
    elif kind == CSV:
        spec = _only_input(signature, kind)
        inputs = {spec.name: read_csv(request.body, spec, header=_has_header(parameters))}
    elif kind == NPY:
        spec = _only_input(signature, kind)
        inputs = {spec.name: read_npy(request.body, spec)}
    else:
        raise RequestError(415, f"content-type: {shown(kind)}, expected {JSON}, {CSV} or {NPY}")
    names = output_names(signature)
    if answer == JSON:
        return Prediction(
            inputs,
            names,
            lambda arrays: Response(200, render(predictions_of(names, arrays)), headers=headers),
        )
    write = _WRITERS[answer]

    def respond(arrays: Sequence[Array]) -> Response:
        return Response(200, write(arrays[0]), answer.encode(), headers)

    return Prediction(inputs, names[:1], respond)


def _rows_of_json(signature: Signature, request: Request) -> dict[str, Array]:
    if (inputs := inputs_of_numbers(signature, request.body, KEYS)) is not None:
        return inputs
    body = parse_value(request.body)
    rows, key = (body, "body") if type(body) is list else rows_of(expect(body, dict, "body"), KEYS)
    return inputs_of_rows(signature, rows, key, booleans=may_hold_booleans(request.body))


def _only_input(signature: Signature, kind: str) -> TensorSpec:
    """Return the input whose tensor the body is."""
    if signature.preprocess is not None:
        raise RequestError(
            415, f"content-type: {kind}, but this model has a step before it that takes rows: {JSON}"
        )
    if len(signature.inputs) != 1:
        taken = ", ".join(spec.name for spec in signature.inputs) or "none"
        raise RequestError(415, f"content-type: {kind} holds one input, the model takes {taken}: send {JSON}")
    return signature.inputs[0]


def _has_header(parameters: dict[str, str]) -> bool:
    """Read the parameters of `text/csv`: `header` of RFC 4180, `label_size` of AWS's algorithms."""
    header = parameters.get("header", "absent")
    if header not in ("absent", "present"):
        raise RequestError(415, f"content-type: header {shown(header)}, expected present or absent")
    if parameters.get("label_size", "0") != "0":
        raise RequestError(415, f"content-type: label_size {shown(parameters['label_size'])}, expected 0")
    return header == "present"


def _attributes(request: Request) -> tuple[tuple[bytes, bytes], ...]:
    value = request.headers.get(ATTRIBUTES)
    if value is None:
        return ()
    if len(value) > MAX_ATTRIBUTES or not value.isascii() or not value.decode("ascii").isprintable():
        raise RequestError(
            400, f"{ATTRIBUTES.decode()}: expected at most {MAX_ATTRIBUTES} printable ASCII characters"
        )
    return ((ATTRIBUTES, value),)
