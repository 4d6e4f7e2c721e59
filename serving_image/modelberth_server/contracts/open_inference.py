"""The Open Inference Protocol v2, its REST form: JSON tensors, and binary ones by Triton's extension.

Sources: https://github.com/kserve/open-inference-protocol, `specification/protocol/inference_rest.md`;
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md. A request
that asks for another extension that changes the payload is refused.
"""

from collections.abc import Sequence
from typing import Any, Final

from modelberth_server import __version__
from modelberth_server.contracts.binary import BINARY_EXTENSION, BinaryPart, binary_response
from modelberth_server.contracts.content import require_json
from modelberth_server.contracts.contract import Prediction
from modelberth_server.errors import RequestError
from modelberth_server.http.message import Request, Response
from modelberth_server.json_body import expect, may_hold_booleans, parse, refuse_unknown, render
from modelberth_server.model.signature import Signature
from modelberth_server.tensors import MAX_RANK, Array, TensorSpec, decode, decode_flat, shown

__all__ = ["infer", "model_metadata", "server_metadata"]

PLATFORM: Final = "onnxruntime_onnx"

# KServe's Python client repeats the model in the body: https://github.com/kserve/kserve,
# python/kserve/kserve/protocol/infer_type.py, InferRequest.to_rest.
_REPEATED: Final = ("model_name", "model_version")
_REQUEST: Final = dict.fromkeys(("id", "parameters", "inputs", "outputs", *_REPEATED))
_INPUT: Final = dict.fromkeys(("name", "shape", "datatype", "parameters", "data"))
_OUTPUT: Final = dict.fromkeys(("name", "parameters"))

# Parameters of Triton's extensions that say where or how a tensor travels. Others are free to any client by
# the protocol, and change nothing here.
_PAYLOAD_PARAMETERS: Final = frozenset(
    {
        "binary_data",
        "binary_data_output",
        "binary_data_size",
        "classification",
        "shared_memory_byte_size",
        "shared_memory_offset",
        "shared_memory_region",
    }
)


def server_metadata() -> dict[str, Any]:
    """Describe the server: the protocol's `$metadata_server_response`."""
    return {"name": "modelberth", "version": __version__, "extensions": [BINARY_EXTENSION]}


def model_metadata(signature: Signature, versions: Sequence[str] = ()) -> dict[str, Any]:
    """Describe the model: the protocol's `$metadata_model_response`.

    Args:
        signature: of the version to describe
        versions: all that may be asked for by name; none given: that one

    """
    metadata: dict[str, Any] = {
        "name": signature.name,
        "versions": list(versions) or [signature.version],
        "platform": PLATFORM,
        "inputs": [spec.metadata() for spec in signature.inputs],
        "outputs": [spec.metadata() for spec in signature.outputs],
    }
    if signature.example is not None:
        metadata["parameters"] = {"example": signature.example}
    return metadata


def infer(signature: Signature, request: Request) -> Prediction:
    """Read `POST …/infer`: `$inference_request` → `$inference_response`.

    Raises:
        RequestError: 400, naming the field at fault, or 415.

    """
    binary = BinaryPart.of(request)
    if binary is None:
        require_json(request)
    header = request.body if binary is None else binary.header
    body = parse(header)
    refuse_unknown(body, _REQUEST, "body")
    all_binary = _flag(body, "binary_data_output", "", default=False)
    identifier = body.get("id")
    if identifier is not None:
        expect(identifier, str, "id")
    for key, served in zip(_REPEATED, (signature.name, signature.version), strict=True):
        if body.get(key, served) not in (served, None):
            raise RequestError(400, f"{key}: {shown(body[key])}, the path asks for {served!r}")
    inputs = _inputs(signature, body.get("inputs"), binary, booleans=may_hold_booleans(header))
    if binary is not None:
        binary.finish()
    outputs = _outputs(signature, body.get("outputs"), all_binary=all_binary)

    def respond(arrays: Sequence[Array]) -> Response:
        answer: dict[str, Any] = {"model_name": signature.name, "model_version": signature.version}
        if identifier is not None:
            answer["id"] = identifier
        described: list[dict[str, Any]] = []
        raw: list[tuple[int, Array]] = []
        for index, ((spec, is_binary), array) in enumerate(zip(outputs, arrays, strict=True)):
            described.append({"name": spec.name, "datatype": spec.datatype.name, "shape": array.shape})
            if is_binary:
                raw.append((index, array))
            else:
                described[index]["data"] = array.reshape(-1)
        if raw:
            return binary_response(answer, described, raw)
        answer["outputs"] = described
        return Response(200, render(answer))

    return Prediction(inputs, tuple([spec.name for spec, _ in outputs]), respond)


def _inputs(
    signature: Signature, value: Any, binary: BinaryPart | None, *, booleans: bool
) -> dict[str, Array]:
    """Decode `$request_input` objects: each input of the model exactly once, in any order."""
    specs = {spec.name: spec for spec in signature.inputs}
    arrays: dict[str, Array] = {}
    for index, item in enumerate(expect(value, list, "inputs")):
        # What is read of an item names its fields from there on; only an error needs the whole path.
        try:
            _read_input(specs, item, binary, arrays, booleans=booleans)
        except RequestError as error:
            raise RequestError(error.status, f"inputs[{index}]{error.message}") from None
    if len(arrays) != len(specs):
        missing = ", ".join(name for name in specs if name not in arrays)
        raise RequestError(400, f"inputs: {missing} missing")
    return arrays


def _read_input(
    specs: dict[str, TensorSpec],
    item: Any,
    binary: BinaryPart | None,
    arrays: dict[str, Array],
    *,
    booleans: bool,
) -> None:
    """Decode a `$request_input` into `arrays`."""
    tensor = expect(item, dict, "")
    refuse_unknown(tensor, _INPUT, "")
    size = _parameter(tensor, "binary_data_size", ".")
    name = expect(tensor.get("name"), str, ".name")
    spec = specs.get(name)
    if spec is None:
        raise RequestError(400, f".name: {shown(name)}, the model takes {', '.join(specs)}")
    if name in arrays:
        raise RequestError(400, f".name: {shown(name)} was given before")
    if tensor.get("datatype") != spec.datatype.name:
        given = shown(tensor.get("datatype"))
        raise RequestError(400, f".datatype: {given}, the model takes {spec.datatype.name}")
    shape = _shape(spec, tensor.get("shape"))
    if size is None:
        arrays[name] = _json_data(spec, tensor, shape, booleans=booleans)
    elif binary is None:
        raise RequestError(
            400, ".parameters.binary_data_size: needs the header Inference-Header-Content-Length"
        )
    elif "data" in tensor:
        raise RequestError(400, ".data: given, and parameters.binary_data_size too")
    else:
        arrays[name] = binary.take(size, spec, shape)


def _shape(spec: TensorSpec, value: Any) -> tuple[int, ...]:
    """Return the shape of a `$request_input` where it fits the model."""
    sizes = expect(value, list, ".shape")
    if len(sizes) > MAX_RANK:
        raise RequestError(400, f".shape: {len(sizes)} dimensions, {MAX_RANK} are possible")
    for index, size in enumerate(sizes):
        if type(size) is not int or size < 1:
            raise RequestError(400, f".shape[{index}]: {shown(size)}, expected an integer of at least 1")
    if not spec.accepts(sizes):
        raise RequestError(400, f".shape: {sizes}, the model takes {list(spec.shape)}")
    return tuple(sizes)


def _json_data(spec: TensorSpec, tensor: dict[str, Any], shape: tuple[int, ...], *, booleans: bool) -> Array:
    data = expect(tensor.get("data"), list, ".data")
    if data and type(data[0]) is list:
        return decode(data, spec.datatype, shape, ".data", booleans=booleans)
    return decode_flat(data, spec.datatype, shape, ".data", booleans=booleans)


def _outputs(signature: Signature, value: Any, *, all_binary: bool) -> list[tuple[TensorSpec, bool]]:
    """Return the outputs that `$request_output` objects name and whether each is to be binary.

    They are in the order of the objects; all of the model where there are none.
    """
    wanted = [] if value is None else expect(value, list, "outputs")
    if not wanted:
        return [(spec, all_binary) for spec in signature.outputs]
    specs = {spec.name: spec for spec in signature.outputs}
    chosen: dict[str, tuple[TensorSpec, bool]] = {}
    for index, item in enumerate(wanted):
        try:
            _read_output(specs, item, chosen, all_binary=all_binary)
        except RequestError as error:
            raise RequestError(error.status, f"outputs[{index}]{error.message}") from None
    return list(chosen.values())


def _read_output(
    specs: dict[str, TensorSpec], item: Any, chosen: dict[str, tuple[TensorSpec, bool]], *, all_binary: bool
) -> None:
    """Read a `$request_output` into `chosen`."""
    output = expect(item, dict, "")
    refuse_unknown(output, _OUTPUT, "")
    binary = _flag(output, "binary_data", ".", default=all_binary)
    name = expect(output.get("name"), str, ".name")
    if name not in specs:
        raise RequestError(400, f".name: {shown(name)}, the model gives {', '.join(specs)}")
    if name in chosen:
        raise RequestError(400, f".name: {shown(name)} was given before")
    chosen[name] = (specs[name], binary)


def _flag(holder: dict[str, Any], name: str, where: str, *, default: bool) -> bool:
    value = _parameter(holder, name, where)
    if value is None:
        return default
    return expect(value, bool, f"{where}parameters.{name}")


def _parameter(holder: dict[str, Any], known: str, where: str) -> Any:
    """Return the one parameter that has a meaning here; refuse those that would have one elsewhere."""
    parameters = holder.get("parameters")
    if parameters is None:
        return None
    for name, value in expect(parameters, dict, f"{where}parameters").items():
        if name in _PAYLOAD_PARAMETERS and name != known and value:
            raise RequestError(400, f"{where}parameters.{name}: not supported here, only {known} is")
    return parameters.get(known)
