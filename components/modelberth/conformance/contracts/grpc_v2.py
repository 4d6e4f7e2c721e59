"""The Open Inference Protocol v2, its gRPC form, with typed and with raw contents."""

from collections.abc import Callable
from typing import Any, Final

from modelberth.conformance.check import Check, Contract
from modelberth.conformance.contracts.grpc_calls import Refused, output_values, service
from modelberth.conformance.contracts.open_inference import json_values
from modelberth.conformance.expect import equal
from modelberth.conformance.outcome import DidNotHold, NotOffered
from modelberth.conformance.subject import Subject

__all__ = ["CONTRACT"]

SOURCE: Final = "https://github.com/kserve/open-inference-protocol inference_grpc.md"
CODES: Final = "https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto"
UNKNOWN: Final = "no-such-model-here"
_CALLERS_FAULT: Final = ("INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION", "OUT_OF_RANGE")


def _infer(subject: Subject, *, raw: bool, **more: Any) -> dict[str, list[Any]]:
    with service(subject) as calls:
        answer = calls.expect("ModelInfer", calls.request(raw=raw, **more))
    if answer.model_name != subject.model.name:
        raise DidNotHold(f"ModelInfer: model_name {answer.model_name!r}, expected {subject.model.name!r}")
    return output_values(answer, subject.model)


def _find(subject: Subject) -> None:
    with service(subject) as calls:
        try:
            calls.call("ServerLive", calls.messages.ServerLiveRequest())
        except Refused as refused:
            if refused.code in ("UNAVAILABLE", "UNIMPLEMENTED", "DEADLINE_EXCEEDED"):
                raise NotOffered(str(refused)) from None


def _health(subject: Subject) -> None:
    with service(subject) as calls:
        messages = calls.messages
        if not calls.expect("ServerLive", messages.ServerLiveRequest()).live:
            raise DidNotHold("ServerLive: live is false")
        if not calls.expect("ServerReady", messages.ServerReadyRequest()).ready:
            raise DidNotHold("ServerReady: ready is false")
        if not calls.expect("ModelReady", messages.ModelReadyRequest(name=subject.model.name)).ready:
            raise DidNotHold("ModelReady: ready is false")


def _metadata(subject: Subject) -> None:
    model = subject.model
    with service(subject) as calls:
        server = calls.expect("ServerMetadata", calls.messages.ServerMetadataRequest())
        about = calls.expect("ModelMetadata", calls.messages.ModelMetadataRequest(name=model.name))
    if not server.name or not server.version:
        raise DidNotHold("ServerMetadata: name or version is empty")
    if about.name != model.name:
        raise DidNotHold(f"ModelMetadata: name {about.name!r}, expected {model.name!r}")
    for side, specs in (("inputs", model.inputs), ("outputs", model.outputs)):
        found = [(one.name, one.datatype, list(one.shape)) for one in getattr(about, side)]
        equal(
            [list(one) for one in found],
            [[spec.name, spec.datatype, list(spec.shape)] for spec in specs],
            f"ModelMetadata: {side} here and by REST",
        )


def _typed(subject: Subject) -> None:
    equal(_infer(subject, raw=False), json_values(subject), "the answers to typed contents and to JSON")


def _raw(subject: Subject) -> None:
    equal(_infer(subject, raw=True), json_values(subject), "the answers to raw contents and to JSON")


def _identifier(subject: Subject) -> None:
    with service(subject) as calls:
        for identifier in ("42", ""):
            answer = calls.expect("ModelInfer", calls.request(raw=True, id=identifier))
            if answer.id != identifier:
                raise DidNotHold(f"ModelInfer: id {answer.id!r}, that of the request is {identifier!r}")


def _subset(subject: Subject) -> None:
    whole = _infer(subject, raw=True)
    with service(subject) as calls:
        for spec in subject.outputs:
            message = calls.request(raw=True)
            message.outputs.add(name=spec.name)
            values = output_values(calls.expect("ModelInfer", message), subject.model)
            equal(values, {spec.name: whole[spec.name]}, f"{spec.name} alone and with the others")


def _version(subject: Subject) -> None:
    if not subject.model.versions:
        raise NotOffered("the metadata names no versions")
    for version in subject.model.versions:
        _infer(subject, raw=True, model_version=version)


def _refused(
    subject: Subject, change: Callable[[Any], None], *, raw: bool, more: tuple[str, ...] = ()
) -> None:
    with service(subject) as calls:
        message = calls.request(raw=raw)
        change(message)
        try:
            calls.call("ModelInfer", message)
        except Refused as refused:
            if refused.code not in (*_CALLERS_FAULT, *more):
                expected = " or ".join((*_CALLERS_FAULT, *more))
                raise DidNotHold(f"{refused}; expected {expected}") from None
        else:
            raise DidNotHold("ModelInfer: OK; expected a refusal")


def _unknown_model(subject: Subject) -> None:
    def change(message: Any) -> None:
        message.model_name = UNKNOWN

    _refused(subject, change, raw=True, more=("UNAVAILABLE",))


def _wrong_input(subject: Subject) -> None:
    def renamed(message: Any) -> None:
        message.inputs[0].name = "no-such-input"

    def retyped(message: Any) -> None:
        message.inputs[0].datatype = "INT64" if message.inputs[0].datatype != "INT64" else "FP32"

    def reshaped(message: Any) -> None:
        message.inputs[0].shape.append(2)

    def removed(message: Any) -> None:
        del message.inputs[:]
        del message.raw_input_contents[:]

    for change in (renamed, retyped, reshaped, removed):
        _refused(subject, change, raw=True)


def _wrong_contents(subject: Subject) -> None:
    def shortened(message: Any) -> None:
        message.raw_input_contents[0] = message.raw_input_contents[0][:-1]

    def doubled(message: Any) -> None:
        message.raw_input_contents.append(b"")

    for change in (shortened, doubled):
        _refused(subject, change, raw=True)


CONTRACT: Final = Contract(
    "grpc",
    _find,
    (
        Check("server and model are live and ready", f"{SOURCE}, Health", _health),
        Check("server and model are described as by REST", f"{SOURCE}, Metadata", _metadata),
        Check("typed contents give the answer of JSON", f"{SOURCE}, InferTensorContents", _typed),
        Check("raw contents give the answer of JSON", f"{SOURCE}, raw_input_contents", _raw),
        Check("the id comes back, and may be left out", f"{SOURCE}, ModelInferRequest", _identifier),
        Check("outputs can be chosen", f"{SOURCE}, ModelInferRequest", _subset),
        Check("each version that is named can be asked", f"{SOURCE}, ModelInferRequest", _version),
        Check("an unknown model is refused", f"{SOURCE}, Inference; {CODES}", _unknown_model),
        Check(
            "a wrong name, datatype, shape or none is refused", f"{SOURCE}, Inference; {CODES}", _wrong_input
        ),
        Check("raw contents of another size are refused", f"{SOURCE}, raw_input_contents", _wrong_contents),
    ),
)
