"""The Open Inference Protocol v2, its REST form with JSON tensors.

Source: https://github.com/kserve/open-inference-protocol, `specification/protocol/inference_rest.md`. Of its
extensions none is offered yet, and a request that asks for one that changes the payload is refused.
"""

from typing import Any, Final

from modelberth_server import __version__
from modelberth_server.errors import RequestError
from modelberth_server.json_body import expect, parse, render
from modelberth_server.model import Run, Signature
from modelberth_server.tensors import MAX_RANK, Array, TensorSpec, decode, decode_flat, encode, shown

__all__ = ["infer", "model_metadata", "server_metadata"]

PLATFORM: Final = "onnxruntime_onnx"

# Triton's extensions that say where or how a tensor travels. Other parameters are free to any client by the
# protocol, and change nothing here.
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
    return {"name": "modelberth", "version": __version__, "extensions": []}


def model_metadata(signature: Signature) -> dict[str, Any]:
    """Describe the model: the protocol's `$metadata_model_response`."""
    metadata: dict[str, Any] = {
        "name": signature.name,
        "versions": [signature.version],
        "platform": PLATFORM,
        "inputs": [spec.metadata() for spec in signature.inputs],
        "outputs": [spec.metadata() for spec in signature.outputs],
    }
    if signature.example is not None:
        metadata["parameters"] = {"example": signature.example}
    return metadata


def infer(signature: Signature, run: Run, body: bytes) -> bytes:
    """Answer the body of a `POST …/infer`: `$inference_request` → `$inference_response`.

    Raises:
        RequestError: 400, naming the field at fault.

    """
    request = parse(body)
    _refuse_unknown(request, ("id", "parameters", "inputs", "outputs"), "body")
    _check_parameters(request, "")
    identifier = request.get("id")
    if identifier is not None:
        expect(identifier, str, "id")
    inputs = _inputs(signature, request.get("inputs"))
    outputs = _outputs(signature, request.get("outputs"))
    arrays = run(inputs, [spec.name for spec in outputs])
    response: dict[str, Any] = {
        "model_name": signature.name,
        "model_version": signature.version,
        "outputs": [
            {
                "name": spec.name,
                "datatype": spec.datatype.name,
                "shape": list(array.shape),
                "data": encode(array.reshape(-1)),
            }
            for spec, array in zip(outputs, arrays, strict=True)
        ],
    }
    if identifier is not None:
        response["id"] = identifier
    return render(response)


def _inputs(signature: Signature, value: Any) -> dict[str, Array]:
    """Decode `$request_input` objects: each input of the model exactly once, in any order."""
    specs = {spec.name: spec for spec in signature.inputs}
    arrays: dict[str, Array] = {}
    for index, item in enumerate(expect(value, list, "inputs")):
        where = f"inputs[{index}]"
        tensor = expect(item, dict, where)
        _refuse_unknown(tensor, ("name", "shape", "datatype", "parameters", "data"), where)
        _check_parameters(tensor, f"{where}.")
        name = expect(tensor.get("name"), str, f"{where}.name")
        if name not in specs:
            raise RequestError(400, f"{where}.name: {shown(name)}, the model takes {', '.join(specs)}")
        if name in arrays:
            raise RequestError(400, f"{where}.name: {shown(name)} was given before")
        arrays[name] = _tensor(specs[name], tensor, where)
    if missing := [name for name in specs if name not in arrays]:
        raise RequestError(400, f"inputs: {', '.join(missing)} missing")
    return arrays


def _tensor(spec: TensorSpec, tensor: dict[str, Any], where: str) -> Array:
    if tensor.get("datatype") != spec.datatype.name:
        given = shown(tensor.get("datatype"))
        raise RequestError(400, f"{where}.datatype: {given}, the model takes {spec.datatype.name}")
    shape = expect(tensor.get("shape"), list, f"{where}.shape")
    if len(shape) > MAX_RANK:
        raise RequestError(400, f"{where}.shape: {len(shape)} dimensions, {MAX_RANK} are possible")
    for index, size in enumerate(shape):
        if type(size) is not int or size < 1:
            raise RequestError(
                400, f"{where}.shape[{index}]: {shown(size)}, expected an integer of at least 1"
            )
    if not spec.accepts(shape):
        raise RequestError(400, f"{where}.shape: {shape}, the model takes {list(spec.shape)}")
    data = expect(tensor.get("data"), list, f"{where}.data")
    if data and type(data[0]) is list:
        return decode(data, spec.datatype, tuple(shape), f"{where}.data")
    return decode_flat(data, spec.datatype, tuple(shape), f"{where}.data")


def _outputs(signature: Signature, value: Any) -> list[TensorSpec]:
    """Return the outputs that `$request_output` objects name, in their order; all where there are none."""
    if value is None:
        return list(signature.outputs)
    specs = {spec.name: spec for spec in signature.outputs}
    chosen: dict[str, TensorSpec] = {}
    for index, item in enumerate(expect(value, list, "outputs")):
        where = f"outputs[{index}]"
        output = expect(item, dict, where)
        _refuse_unknown(output, ("name", "parameters"), where)
        _check_parameters(output, f"{where}.")
        name = expect(output.get("name"), str, f"{where}.name")
        if name not in specs:
            raise RequestError(400, f"{where}.name: {shown(name)}, the model gives {', '.join(specs)}")
        if name in chosen:
            raise RequestError(400, f"{where}.name: {shown(name)} was given before")
        chosen[name] = specs[name]
    return list(chosen.values()) or list(signature.outputs)


def _check_parameters(holder: dict[str, Any], where: str) -> None:
    parameters = holder.get("parameters")
    if parameters is None:
        return
    for name, value in expect(parameters, dict, f"{where}parameters").items():
        if name in _PAYLOAD_PARAMETERS and value:
            raise RequestError(
                400, f"{where}parameters.{name}: this extension is not supported, send JSON tensors"
            )


def _refuse_unknown(holder: dict[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in holder:
        if key not in known:
            raise RequestError(400, f"{where}: unknown key {shown(key)}, allowed are {', '.join(known)}")
