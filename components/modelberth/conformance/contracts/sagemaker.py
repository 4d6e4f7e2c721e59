"""Amazon SageMaker's hosting: `/ping` and `/invocations`."""

import struct
from collections.abc import Mapping
from typing import Any, Final

from modelberth.conformance.check import Check, Contract
from modelberth.conformance.expect import json_object, refused, success, within
from modelberth.conformance.outcome import DidNotHold, NotChecked, NotOffered
from modelberth.conformance.subject import Subject
from modelberth.conformance.tensors import Tensor
from modelberth.conformance.web import Answer

__all__ = ["CONTRACT"]

SOURCE: Final = "https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html"
FORMATS: Final = "https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-inference.html"
HEADERS: Final = "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html"
PATH: Final = "/invocations"
PING_SECONDS: Final = 2.0
ACCEPT_SECONDS: Final = 0.25
ANSWER_SECONDS: Final = 60.0
# https://docs.aws.amazon.com/sagemaker/latest/dg/hosting-faqs.html, as of 2026-11; the smaller kind of 25 MB.
MAX_BYTES: Final = 25_000_000
# A container decides which media types it takes and gives: these are its ways to say no.
_DECLINED: Final = (406, 415)
# What `numpy.lib.format` calls a datatype.
_NPY: Final = {
    "BOOL": "|b1",
    "UINT8": "|u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "INT8": "|i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
}


def _find(subject: Subject) -> None:
    if (status := subject.web.get("/ping").status) in (400, 404, 405):
        raise NotOffered(f"GET /ping: {status}")
    subject.offers_post(PATH, {"instances": subject.rows})


def _ping(subject: Subject) -> None:
    within(success(subject.web.get("/ping")), PING_SECONDS)


def _accepts(subject: Subject) -> None:
    seconds = subject.web.connect_seconds()
    if seconds > ACCEPT_SECONDS:
        raise DidNotHold(f"a connection took {seconds:.3f} s, at most {ACCEPT_SECONDS:g} s expected")


def _invoke(subject: Subject, body: bytes, kind: str, accept: str = "*/*") -> Answer:
    """Send an invocation; NotOffered where the container declines a media type."""
    answer = subject.web.send("POST", PATH, body, {"content-type": kind, "accept": accept})
    if answer.status in _DECLINED:
        raise NotOffered(answer.unlike("nothing, it is the container's choice").args[0])
    return success(answer)


def _json(subject: Subject) -> None:
    answer = success(subject.web.post(PATH, {"instances": subject.rows}))
    json_object(answer)
    within(answer, ANSWER_SECONDS)
    if len(answer.body) > MAX_BYTES:
        raise DidNotHold(f"POST {PATH}: {len(answer.body)} bytes, at most {MAX_BYTES} expected")


def _tensor(subject: Subject) -> Tensor:
    """Return the one tensor that a body can hold."""
    model = subject.model
    if len(model.tensors) != 1 or not model.same:
        raise NotChecked("the model takes more than one tensor, or a step before it changes the rows")
    return model.tensors[0]


def _csv(subject: Subject) -> None:
    _invoke(subject, _table(subject), "text/csv")


def _table(subject: Subject) -> bytes:
    tensor = _tensor(subject)
    if len(tensor.shape) != 2 or tensor.spec.datatype not in _NPY:
        raise NotChecked("the model's input is not a table of numbers")
    width = tensor.shape[1]
    rows = (tensor.values[at : at + width] for at in range(0, len(tensor.values), width))
    return "".join(",".join(map(str, row)) + "\n" for row in rows).encode()


def _npy(subject: Subject) -> None:
    tensor = _tensor(subject)
    name = _NPY.get(tensor.spec.datatype)
    if name is None:
        raise NotChecked(f"an array file of {tensor.spec.datatype} would hold pickled objects")
    body = npy(name, tensor.shape, tensor.raw())
    _invoke(subject, body, "application/x-npy")


def npy(name: str, shape: tuple[int, ...], raw: bytes) -> bytes:
    """Write an array file of version 1.0. Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html."""
    text = f"{{'descr': '{name}', 'fortran_order': False, 'shape': {shape}, }}"
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + raw


def _accept(kind: str) -> Any:
    def check(subject: Subject) -> None:
        body = subject.web.post(PATH, {"instances": subject.rows}, {"accept": kind})
        if body.status in _DECLINED:
            raise NotOffered(f"POST {PATH} with accept {kind}: {body.status}")
        if success(body).media_type != kind:
            raise body.unlike(f"the content-type {kind}, not {body.media_type!r}")
        if kind == "application/x-npy" and not body.body.startswith(b"\x93NUMPY"):
            raise body.unlike("an array file")
        if kind == "text/csv" and body.body.count(b"\n") < len(subject.rows):
            raise body.unlike(f"{len(subject.rows)} lines")

    return check


def _variants(subject: Subject) -> None:
    headers: Mapping[str, str] = {
        "x-amzn-sagemaker-custom-attributes": "trace=1",
        "x-amzn-sagemaker-target-variant": "blue",
        "x-amzn-sagemaker-target-model": "model.tar.gz",
        "x-amzn-sagemaker-inference-id": "conformance-1",
        "x-amzn-sagemaker-enable-explanations": "`false`",
    }
    success(subject.web.post(PATH, {"instances": subject.rows}, headers))


def _refusals(subject: Subject) -> None:
    refused(subject.web.send("POST", PATH, b"{", {"content-type": "application/json"}))
    refused(subject.web.send("POST", PATH, b"\x93NUMPY", {"content-type": "application/x-npy"}))
    refused(subject.web.send("POST", PATH, b"1", {"content-type": "application/x-no-such-type"}))


def _healthy(subject: Subject) -> None:
    _refusals(subject)
    success(subject.web.get("/ping"))


CONTRACT: Final = Contract(
    "sagemaker",
    _find,
    (
        Check("/ping is answered with 200 within 2 s", f"{SOURCE}, health check", _ping),
        Check("connections are accepted within 250 ms", f"{SOURCE}, inference requests", _accepts),
        Check("/invocations takes JSON, within 60 s and 25 MB", f"{SOURCE}, inference requests", _json),
        Check("/invocations takes text/csv", FORMATS, _csv),
        Check("/invocations takes application/x-npy", FORMATS, _npy),
        Check("Accept: application/json is honoured", FORMATS, _accept("application/json")),
        Check("Accept: text/csv is honoured", FORMATS, _accept("text/csv")),
        Check("Accept: application/x-npy is honoured", FORMATS, _accept("application/x-npy")),
        Check("headers of variants and attributes are tolerated", HEADERS, _variants),
        Check("malformed bodies and unknown media types are refused", "RFC 9110, 15.5", _refusals),
        Check("refusals do not make it unhealthy", f"{SOURCE}, health check", _healthy),
    ),
)
