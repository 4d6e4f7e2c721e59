"""The Open Inference Protocol v2, its gRPC form: messages into arrays, and arrays into messages.

Source: https://github.com/kserve/open-inference-protocol, `specification/protocol/inference_grpc.md`.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

from google.protobuf.message import DecodeError

from modelberth_server.contracts.contract import Contract, Prediction
from modelberth_server.errors import RequestError
from modelberth_server.grpc_v2.contents import decode_contents, encode_contents, has_contents
from modelberth_server.grpc_v2.inference_pb2 import ModelInferRequest, ModelInferResponse
from modelberth_server.http.message import Request, Response
from modelberth_server.model.signature import Signature
from modelberth_server.raw_tensors import decode_raw, encode_raw
from modelberth_server.tensors import MAX_RANK, Array, TensorSpec, shown

__all__ = ["CONTENT_TYPE", "infer", "parse_infer"]

CONTENT_TYPE: Final = b"application/grpc"

# Triton's extensions that say where a tensor lies or what is made of it. Other parameters are free to any
# client by the protocol, and change nothing here.
_PAYLOAD_PARAMETERS: Final = frozenset(
    {"classification", "shared_memory_byte_size", "shared_memory_offset", "shared_memory_region"}
)


def parse_infer(body: bytes) -> ModelInferRequest:
    """Parse a `ModelInferRequest`, or raise a RequestError 400."""
    try:
        return ModelInferRequest.FromString(body)
    except DecodeError:
        raise RequestError(400, "body: not a message of type inference.ModelInferRequest") from None


def infer(message: ModelInferRequest) -> Contract:
    """Make the contract of one call, whose message was parsed: `ModelInferRequest` → `ModelInferResponse`.

    The outputs come raw where the inputs did, or where an output is FP16, which has no other form. The
    contract raises a RequestError 400 that names the field at fault.
    """

    def read(signature: Signature, request: Request) -> Prediction:  # noqa: ARG001 -- what it has is the message
        _check_parameters(message, "")
        inputs = _inputs(signature, message)
        outputs = _outputs(signature, message)
        raw = len(message.raw_input_contents) > 0 or not all(has_contents(spec.datatype) for spec in outputs)
        respond = partial(_respond, signature, outputs, message.id, raw)
        return Prediction(inputs, tuple(spec.name for spec in outputs), respond)

    return read


def _respond(
    signature: Signature,
    outputs: tuple[TensorSpec, ...],
    identifier: str,
    raw: bool,  # noqa: FBT001 -- the four are given at once, where it is made
    arrays: Sequence[Array],
) -> Response:
    answer = ModelInferResponse(model_name=signature.name, model_version=signature.version, id=identifier)
    for spec, array in zip(outputs, arrays, strict=True):
        output = answer.outputs.add(name=spec.name, datatype=spec.datatype.name, shape=array.shape)
        if raw:
            answer.raw_output_contents.append(encode_raw(array))
        else:
            output.contents.CopyFrom(encode_contents(array, spec.datatype))
    return Response(200, answer.SerializeToString(), CONTENT_TYPE)


def _inputs(signature: Signature, message: ModelInferRequest) -> dict[str, Array]:
    """Decode the input tensors: each input of the model exactly once, in any order."""
    raw = message.raw_input_contents
    if raw and len(raw) != len(message.inputs):
        raise RequestError(
            400, f"raw_input_contents: {len(raw)} entries for {len(message.inputs)} inputs, expected one each"
        )
    specs = {spec.name: spec for spec in signature.inputs}
    arrays: dict[str, Array] = {}
    for index, tensor in enumerate(message.inputs):
        where = f"inputs[{index}]"
        spec = _spec(specs, tensor.name, f"{where}.name", "takes")
        if spec.name in arrays:
            raise RequestError(400, f"{where}.name: {shown(spec.name)} was given before")
        _check_parameters(tensor, f"{where}.")
        if tensor.datatype != spec.datatype.name:
            given = shown(tensor.datatype)
            raise RequestError(400, f"{where}.datatype: {given}, the model takes {spec.datatype.name}")
        shape = _shape(tensor, spec, where)
        if not raw:
            arrays[spec.name] = decode_contents(tensor.contents, spec.datatype, shape, f"{where}.contents")
        elif tensor.HasField("contents"):
            raise RequestError(400, f"{where}.contents: not possible together with raw_input_contents")
        else:
            arrays[spec.name] = decode_raw(raw[index], spec.datatype, shape, f"raw_input_contents[{index}]")
    if missing := [name for name in specs if name not in arrays]:
        raise RequestError(400, f"inputs: {', '.join(missing)} missing")
    return arrays


def _outputs(signature: Signature, message: ModelInferRequest) -> tuple[TensorSpec, ...]:
    """Return the outputs that are asked for, in their order; all where there are none."""
    specs = {spec.name: spec for spec in signature.outputs}
    chosen: dict[str, TensorSpec] = {}
    for index, output in enumerate(message.outputs):
        where = f"outputs[{index}]"
        spec = _spec(specs, output.name, f"{where}.name", "gives")
        if spec.name in chosen:
            raise RequestError(400, f"{where}.name: {shown(spec.name)} was given before")
        _check_parameters(output, f"{where}.")
        chosen[spec.name] = spec
    return tuple(chosen.values()) or signature.outputs


def _spec(specs: dict[str, TensorSpec], name: str, field: str, verb: str) -> TensorSpec:
    try:
        return specs[name]
    except KeyError:
        raise RequestError(400, f"{field}: {shown(name)}, the model {verb} {', '.join(specs)}") from None


def _shape(tensor: ModelInferRequest.InferInputTensor, spec: TensorSpec, where: str) -> tuple[int, ...]:
    shape = tuple(tensor.shape)
    if len(shape) > MAX_RANK:
        raise RequestError(400, f"{where}.shape: {len(shape)} dimensions, {MAX_RANK} are possible")
    for index, size in enumerate(shape):
        if size < 1:
            raise RequestError(400, f"{where}.shape[{index}]: {size}, expected an integer of at least 1")
    if not spec.accepts(shape):
        raise RequestError(400, f"{where}.shape: {list(shape)}, the model takes {list(spec.shape)}")
    return shape


def _check_parameters(
    holder: ModelInferRequest
    | ModelInferRequest.InferInputTensor
    | ModelInferRequest.InferRequestedOutputTensor,
    where: str,
) -> None:
    for name in holder.parameters:
        if name in _PAYLOAD_PARAMETERS:
            raise RequestError(400, f"{where}parameters.{name}: this extension is not supported")
