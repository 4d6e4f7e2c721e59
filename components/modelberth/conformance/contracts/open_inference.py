"""The Open Inference Protocol v2, its REST form."""

import math
from collections.abc import Callable
from typing import Any, Final

from modelberth.conformance.check import Check, Contract
from modelberth.conformance.expect import equal, json_object, member, refused_with_error, success
from modelberth.conformance.model import Model
from modelberth.conformance.outcome import DidNotHold, NotChecked, NotOffered
from modelberth.conformance.subject import Subject
from modelberth.conformance.tensors import DATATYPES, flat, nested
from modelberth.conformance.web import Answer

__all__ = ["CONTRACT", "infer", "json_values", "outputs_of", "request"]

REST: Final = "https://github.com/kserve/open-inference-protocol inference_rest.md"
RFC_9110: Final = "RFC 9110, 15.5"
UNKNOWN: Final = "no-such-model-here"


def request(subject: Subject, **more: Any) -> dict[str, Any]:
    """Return an `$inference_request` with all tensors as JSON."""
    return {"inputs": [tensor.member(data=list(tensor.values)) for tensor in subject.tensors], **more}


def infer(subject: Subject, body: dict[str, Any], model: str | None = None) -> Answer:
    """Send an inference request."""
    return subject.web.post(f"/v2/models/{model or subject.model.name}/infer", body)


def outputs_of(value: dict[str, Any], model: Model, answer: Answer) -> dict[str, dict[str, Any]]:
    """Return the `$response_output` objects by name, each as the model's metadata describes it."""
    specs = {spec.name: spec for spec in model.outputs}
    found: dict[str, dict[str, Any]] = {}
    for output in member(value, "outputs", list, answer):
        match output:
            case {"name": str(name), "datatype": str(datatype), "shape": list(shape)} if all(
                type(size) is int and size >= 0 for size in shape
            ):
                spec = specs.get(name)
                if spec is None or name in found:
                    raise answer.unlike(f"outputs by the names {', '.join(specs)}, each once")
                if datatype != spec.datatype or not spec.accepts(shape):
                    raise answer.unlike(f"{name} as {spec.datatype} {list(spec.shape)}, as in the metadata")
                found[name] = output
            case _:
                raise answer.unlike("outputs with name, datatype and shape")
    return found


def json_values(subject: Subject, body: dict[str, Any] | None = None) -> dict[str, list[Any]]:
    """Predict and return the flat values of all outputs, from an answer that is JSON as a whole."""
    model = subject.model
    answer = success(infer(subject, body or request(subject)))
    value = json_object(answer)
    if member(value, "model_name", str, answer) != model.name:
        raise answer.unlike(f"model_name {model.name!r}")
    values = {}
    for name, output in outputs_of(value, model, answer).items():
        items = list(flat(member(output, "data", list, answer)))
        if len(items) != math.prod(output["shape"]):
            raise answer.unlike(f"as many values of {name} as the shape {output['shape']} has")
        values[name] = items
    return values


def _find(subject: Subject) -> None:
    answer = subject.web.get("/v2")
    if answer.status != 200 or answer.media_type != "application/json":
        raise NotOffered(f"GET /v2: {answer.status}")


def _health(path: str) -> Callable[[Subject], None]:
    def check(subject: Subject) -> None:
        success(subject.web.get(path))

    return check


def _model_ready(subject: Subject) -> None:
    success(subject.web.get(f"/v2/models/{subject.model.name}/ready"))


def _server_metadata(subject: Subject) -> None:
    answer = success(subject.web.get("/v2"))
    value = json_object(answer)
    member(value, "name", str, answer)
    member(value, "version", str, answer)
    if not all(isinstance(name, str) for name in member(value, "extensions", list, answer)):
        raise answer.unlike("extensions that are strings")


def _model_metadata(subject: Subject) -> None:
    answer = success(subject.web.get(f"/v2/models/{subject.model.name}"))
    value = json_object(answer)
    if member(value, "name", str, answer) != subject.model.name:
        raise answer.unlike(f"the name {subject.model.name!r}")
    member(value, "platform", str, answer)
    for side in ("inputs", "outputs"):
        for tensor in member(value, side, list, answer):
            match tensor:
                case {"name": str(), "datatype": str(datatype), "shape": list(shape)} if (
                    datatype in DATATYPES and all(type(size) is int and size >= -1 for size in shape)
                ):
                    pass
                case _:
                    raise answer.unlike(f"{side} with a name, a datatype of the protocol and a shape")
    if "versions" in value and not all(
        isinstance(version, str) for version in member(value, "versions", list, answer)
    ):
        raise answer.unlike("versions that are strings")


def _infer(subject: Subject) -> None:
    values = json_values(subject)
    expected = {spec.name for spec in subject.outputs}
    if values.keys() != expected:
        raise DidNotHold(f"outputs {', '.join(values) or 'none'}; expected all: {', '.join(expected)}")


def _identifier(subject: Subject) -> None:
    for identifier in ("42", "a b/ü"):
        answer = success(infer(subject, request(subject, id=identifier)))
        if json_object(answer).get("id") != identifier:
            raise answer.unlike(f"the id {identifier!r} of the request")


def _no_identifier(subject: Subject) -> None:
    success(infer(subject, request(subject)))


def _subset(subject: Subject) -> None:
    whole = json_values(subject)
    for spec in subject.outputs:
        values = json_values(subject, request(subject, outputs=[{"name": spec.name}]))
        if list(values) != [spec.name]:
            raise DidNotHold(f"asked for the output {spec.name}, got {', '.join(values) or 'none'}")
        equal(values[spec.name], whole[spec.name], f"{spec.name} alone and with the others")


def _nested(subject: Subject) -> None:
    tensors = subject.tensors
    if not any(tensor.shape for tensor in tensors):
        raise NotChecked("the inputs are scalars, which have no nested form")
    inputs = [
        tensor.member(data=nested(tensor.values, tensor.shape) if tensor.shape else list(tensor.values))
        for tensor in tensors
    ]
    equal(json_values(subject, {"inputs": inputs}), json_values(subject), "nested and flat data")


def _parameters(subject: Subject) -> None:
    plain = json_values(subject)
    for parameters in ({}, {"conformance": "yes", "number": 1, "flag": True}):
        body = request(subject, parameters=parameters)
        body["inputs"][0]["parameters"] = parameters
        body["outputs"] = [{"name": spec.name, "parameters": parameters} for spec in subject.outputs]
        equal(json_values(subject, body), plain, f"the answers with and without parameters {parameters}")


def _version(subject: Subject) -> None:
    versions = subject.model.versions
    if not versions:
        raise NotOffered("the metadata names no versions")
    for version in versions:
        path = f"/v2/models/{subject.model.name}/versions/{version}"
        success(subject.web.get(path))
        success(subject.web.get(f"{path}/ready"))
        answer = success(subject.web.post(f"{path}/infer", request(subject)))
        if json_object(answer).get("model_version", version) != version:
            raise answer.unlike(f"model_version {version!r}")


def _unknown_model(subject: Subject) -> None:
    refused_with_error(subject.web.get(f"/v2/models/{UNKNOWN}"))
    refused_with_error(infer(subject, request(subject), UNKNOWN))


def _spoilt(subject: Subject, change: Callable[[dict[str, Any]], None]) -> None:
    body = request(subject)
    change(body)
    refused_with_error(infer(subject, body))


def _wrong_name(subject: Subject) -> None:
    _spoilt(subject, lambda body: body["inputs"][0].update(name="no-such-input"))


def _wrong_datatype(subject: Subject) -> None:
    own = subject.tensors[0].spec.datatype
    other = "INT64" if own not in ("INT64", "BYTES") else "FP32"
    _spoilt(subject, lambda body: body["inputs"][0].update(datatype=other))
    _spoilt(subject, lambda body: body["inputs"][0].update(datatype="NO_SUCH_TYPE"))


def _wrong_shape(subject: Subject) -> None:
    shape = list(subject.tensors[0].shape)
    for wrong in ([*shape, 2], [2 * size + 1 for size in shape] or [7], [*shape[:-1], -1]):
        body = request(subject)
        body["inputs"][0]["shape"] = wrong
        refused_with_error(infer(subject, body))


def _wrong_data(subject: Subject) -> None:
    _spoilt(subject, lambda body: body["inputs"][0]["data"].pop())
    _spoilt(subject, lambda body: body["inputs"][0].pop("data"))


def _missing_input(subject: Subject) -> None:
    _spoilt(subject, lambda body: body.update(inputs=[]))
    _spoilt(subject, lambda body: body.pop("inputs"))


def _unknown_output(subject: Subject) -> None:
    _spoilt(subject, lambda body: body.update(outputs=[{"name": "no-such-output"}]))


def _malformed(subject: Subject) -> None:
    path = f"/v2/models/{subject.model.name}/infer"
    for body in (b'{"inputs": [', b"", b"[]", b'{"inputs": "x"}', b"\xff\xfe"):
        answer = subject.web.send("POST", path, body, {"content-type": "application/json"})
        refused_with_error(answer)


CONTRACT: Final = Contract(
    "open-inference",
    _find,
    (
        Check("live is answered with 200", f"{REST}, Server Live", _health("/v2/health/live")),
        Check("ready is answered with 200", f"{REST}, Server Ready", _health("/v2/health/ready")),
        Check("the model is ready", f"{REST}, Model Ready", _model_ready),
        Check("the server describes itself", f"{REST}, Server Metadata", _server_metadata),
        Check("the model is described", f"{REST}, Model Metadata", _model_metadata),
        Check("a prediction has all outputs, as described", f"{REST}, Inference Response", _infer),
        Check("the id comes back", f"{REST}, Inference Request", _identifier),
        Check("the id may be left out", f"{REST}, Inference Request", _no_identifier),
        Check("outputs can be chosen", f"{REST}, Inference Request", _subset),
        Check("nested data is the same as flat data", f"{REST}, Tensor Data", _nested),
        Check("parameters of the caller's own are tolerated", f"{REST}, Parameters", _parameters),
        Check("each version that is named can be asked", f"{REST}, paths", _version),
        Check("an unknown model is refused", f"{REST}, Error Object; {RFC_9110}", _unknown_model),
        Check("a wrong input name is refused", f"{REST}, Error Object; {RFC_9110}", _wrong_name),
        Check("a wrong datatype is refused", f"{REST}, Error Object; {RFC_9110}", _wrong_datatype),
        Check("a wrong shape is refused", f"{REST}, Error Object; {RFC_9110}", _wrong_shape),
        Check("data of another size is refused", f"{REST}, Error Object; {RFC_9110}", _wrong_data),
        Check("a request without inputs is refused", f"{REST}, Error Object; {RFC_9110}", _missing_input),
        Check("an unknown output is refused", f"{REST}, Error Object; {RFC_9110}", _unknown_output),
        Check("a malformed body is refused", f"{REST}, Error Object; {RFC_9110}", _malformed),
    ),
)
