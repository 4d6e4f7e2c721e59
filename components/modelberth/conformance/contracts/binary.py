"""Triton's binary tensor extension of the Open Inference Protocol: tensors as raw bytes after the JSON."""

import json
from typing import Any, Final

from modelberth.conformance.check import Check, Contract
from modelberth.conformance.contracts.open_inference import json_values, outputs_of, request
from modelberth.conformance.expect import equal, json_object, member, refused, success
from modelberth.conformance.outcome import DidNotHold, NotOffered
from modelberth.conformance.subject import Subject
from modelberth.conformance.tensors import flat, values_of
from modelberth.conformance.web import Answer

__all__ = ["CONTRACT"]

SOURCE: Final = (
    "https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md"
)
RFC_9110: Final = "RFC 9110, 15.5"
HEADER: Final = "inference-header-content-length"


def _find(subject: Subject) -> None:
    answer = subject.web.get("/v2")
    extensions = json_object(answer).get("extensions") if answer.status == 200 else None
    if not isinstance(extensions, list) or "binary_tensor_data" not in extensions:
        raise NotOffered(f"GET /v2: {answer.status} without the extension binary_tensor_data")


def _binary_request(subject: Subject, **more: Any) -> tuple[dict[str, Any], bytes]:
    """Return a request with all tensors as raw bytes: its JSON and the bytes."""
    body = request(subject, **more)
    raws = [tensor.raw() for tensor in subject.tensors]
    for tensor, raw in zip(body["inputs"], raws, strict=True):
        del tensor["data"]
        tensor["parameters"] = {"binary_data_size": len(raw)}
    return body, b"".join(raws)


def _send(subject: Subject, body: dict[str, Any], raw: bytes, **headers: str) -> Answer:
    text = json.dumps(body).encode()
    kinds = {"content-type": "application/octet-stream", HEADER: str(len(text)), **headers}
    return subject.web.send("POST", f"/v2/models/{subject.model.name}/infer", text + raw, kinds)


def _read(subject: Subject, answer: Answer, binary: set[str]) -> dict[str, list[Any]]:
    """Return the values of all outputs of an answer in which those of `binary` have to be raw bytes."""
    success(answer)
    size = len(answer.body)
    if binary:
        text = answer.headers.get(HEADER, "")
        if not text.isdecimal() or int(text) > size:
            raise answer.unlike(f"the header {HEADER}, not {text!r}")
        size = int(text)
    value = answer.json_of(answer.body[:size])
    if not isinstance(value, dict):
        raise answer.unlike("a JSON object before the raw bytes")
    at = size
    values: dict[str, list[Any]] = {}
    for name, output in outputs_of(value, subject.model, answer).items():
        if name not in binary:
            values[name] = list(flat(member(output, "data", list, answer)))
            continue
        parameters = output.get("parameters")
        count = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
        if "data" in output or type(count) is not int or count < 0:
            raise answer.unlike(f"{name} with binary_data_size and without data")
        raw = answer.body[at : at + count]
        at += count
        values[name] = values_of(raw, output["datatype"], output["shape"], name)
    if at != len(answer.body):
        raise DidNotHold(f"{answer.request}: {len(answer.body) - at} bytes more than the outputs have")
    return values


def _names(subject: Subject) -> set[str]:
    return {spec.name for spec in subject.outputs}


def _in(subject: Subject) -> None:
    values = _read(subject, _send(subject, *_binary_request(subject)), set())
    equal(values, json_values(subject), "the answers to raw bytes and to JSON")


def _out(subject: Subject) -> None:
    whole = json_values(subject)
    for chosen in subject.outputs:
        outputs = [
            {"name": spec.name, "parameters": {"binary_data": True}}
            if spec is chosen
            else {"name": spec.name}
            for spec in subject.outputs
        ]
        path = f"/v2/models/{subject.model.name}/infer"
        answer = subject.web.post(path, request(subject, outputs=outputs))
        equal(_read(subject, answer, {chosen.name}), whole, f"{chosen.name} as raw bytes and as JSON")


def _all_out(subject: Subject) -> None:
    body, raw = _binary_request(subject, parameters={"binary_data_output": True})
    values = _read(subject, _send(subject, body, raw), _names(subject))
    equal(values, json_values(subject), "the answers as raw bytes and as JSON")


def _overridden(subject: Subject) -> None:
    first, *others = subject.outputs
    outputs: list[dict[str, Any]] = [{"name": first.name, "parameters": {"binary_data": False}}]
    outputs += [{"name": spec.name} for spec in others]
    body, raw = _binary_request(subject, parameters={"binary_data_output": True}, outputs=outputs)
    values = _read(subject, _send(subject, body, raw), {spec.name for spec in others})
    equal(values, json_values(subject), "the answers with and without binary_data")


def _documented(subject: Subject) -> None:
    body, raw = _binary_request(subject)
    body = {"model_name": subject.model.name, **body}
    _read(subject, _send(subject, body, raw), set())


def _wrong_size(subject: Subject) -> None:
    for by in (-1, 1):
        body, raw = _binary_request(subject)
        body["inputs"][0]["parameters"]["binary_data_size"] += by
        refused(_send(subject, body, raw))


def _wrong_bytes(subject: Subject) -> None:
    body, raw = _binary_request(subject)
    refused(_send(subject, body, raw[:-1]))
    refused(_send(subject, body, raw + b"\0"))


def _wrong_header(subject: Subject) -> None:
    body, raw = _binary_request(subject)
    for text in ("1000000000", "-1", "seven", "3"):
        refused(_send(subject, body, raw, **{HEADER: text}))


CONTRACT: Final = Contract(
    "binary",
    _find,
    (
        Check("raw bytes in give the answer of JSON in", SOURCE, _in),
        Check("each output can be had as raw bytes", f"{SOURCE}, binary_data", _out),
        Check("all outputs can be had as raw bytes", f"{SOURCE}, binary_data_output", _all_out),
        Check("an output of its own setting overrides that of all", SOURCE, _overridden),
        Check("a request as documented, with model_name, is answered", f"{SOURCE}, Examples", _documented),
        Check("a wrong binary_data_size is refused", RFC_9110, _wrong_size),
        Check("too few and too many bytes are refused", RFC_9110, _wrong_bytes),
        Check("a wrong length of the JSON is refused", RFC_9110, _wrong_header),
    ),
)
