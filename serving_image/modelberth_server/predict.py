"""The plain contract: `{"input": rows}` or `{"instances": rows}` → `{"predictions": …, "outputs": {…}}`."""

from typing import Final

from modelberth_server.errors import RequestError
from modelberth_server.json_body import parse, render
from modelberth_server.model import Run, Signature
from modelberth_server.tensors import decode, encode, shown

__all__ = ["predict"]

KEYS: Final = ("input", "instances")


def predict(signature: Signature, run: Run, body: bytes) -> bytes:
    """Answer the body of a `POST /predict`.

    `predictions` holds the model's first output, one entry for each row of the input; `outputs` holds the
    others by name.

    Raises:
        RequestError: 400, naming the field at fault.

    """
    if len(signature.inputs) != 1:
        taken = ", ".join(spec.name for spec in signature.inputs) or "none"
        raise RequestError(
            400,
            f"/predict serves models with one input, and this one takes {taken}: "
            f"use POST /v2/models/{signature.name}/infer",
        )
    request = parse(body)
    if len(request) != 1 or (key := next(iter(request))) not in KEYS:
        keys = ", ".join(shown(key) for key in list(request)[:4]) or "none"
        raise RequestError(400, f"body: expected exactly one key, input or instances; got {keys}")
    spec = signature.inputs[0]
    rows = decode(request[key], spec.datatype, spec.shape, key)
    names = [output.name for output in signature.outputs]
    arrays = [encode(array) for array in run({spec.name: rows}, names)]
    return render({"predictions": arrays[0], "outputs": dict(zip(names[1:], arrays[1:], strict=True))})
