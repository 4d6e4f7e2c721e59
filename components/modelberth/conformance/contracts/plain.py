"""Plain HTTP: `POST /predict` with rows, and what HTTP itself asks of whoever answers it."""

from typing import Any, Final

from modelberth.conformance.check import Check, Contract
from modelberth.conformance.expect import json_object, length, member, refused, success
from modelberth.conformance.outcome import DidNotHold
from modelberth.conformance.subject import Subject

__all__ = ["CONTRACT"]

PATH: Final = "/predict"
OWN: Final = "modelberth, docs/conformance.md"


def _find(subject: Subject) -> None:
    subject.offers_post(PATH, {"instances": subject.rows})


def _predict(subject: Subject) -> None:
    answer = success(subject.web.post(PATH, {"instances": subject.rows}))
    if answer.media_type != "application/json":
        raise answer.unlike("the content-type application/json")
    predictions = member(json_object(answer), "predictions", list, answer)
    length(predictions, len(subject.rows), "predictions, one for each instance", answer)


def _charset(subject: Subject) -> None:
    success(
        subject.web.post(
            PATH, {"instances": subject.rows}, {"content-type": "application/json; charset=utf-8"}
        )
    )


def _malformed(subject: Subject) -> None:
    for body in (b"{", b"", b'{"instances": [[1,', b"\xff\xfe", b"[" * 20_000, b"null", b'{"a": 1}'):
        refused(subject.web.send("POST", PATH, body, {"content-type": "application/json"}))


def _media_type(subject: Subject) -> None:
    for kind in ("application/xml", "image/png"):
        answer = subject.web.send("POST", PATH, b"<a/>", {"content-type": kind})
        refused(answer)


def _method(subject: Subject) -> None:
    answer = refused(subject.web.get(PATH), 405)
    allowed = [name.strip() for name in answer.headers.get("allow", "").split(",")]
    if "POST" not in allowed:
        raise answer.unlike(f"an Allow header that has POST, not {answer.headers.get('allow')!r}")


def _head(subject: Subject) -> None:
    path = subject.live()
    got = success(subject.web.get(path))
    head = success(subject.web.send("HEAD", path))
    if head.body:
        raise DidNotHold(f"HEAD {path}: {len(head.body)} bytes of a body, none expected")
    lengths = head.headers.get("content-length"), got.headers.get("content-length")
    if lengths[0] is not None and lengths[0] != lengths[1]:
        raise DidNotHold(f"HEAD {path}: content-length {lengths[0]}, that of GET is {lengths[1]}")


def _nowhere(subject: Subject) -> None:
    refused(subject.web.get("/no/such/path"), 404)


def _still(subject: Subject) -> None:
    rows: list[Any] = subject.rows
    answers = [subject.web.post(PATH, {"instances": rows}) for _ in range(3)]
    for answer in answers:
        success(answer)


CONTRACT: Final = Contract(
    "plain",
    _find,
    (
        Check("rows are answered with as many predictions", OWN, _predict),
        Check("the charset may be named", "RFC 9110, 8.3", _charset),
        Check("a malformed body is refused", "RFC 9110, 15.5.1", _malformed),
        Check("another media type is refused", "RFC 9110, 15.5.16", _media_type),
        Check("another method is refused with 405 and Allow", "RFC 9110, 15.5.6", _method),
        Check("HEAD is GET without the body", "RFC 9110, 9.3.2", _head),
        Check("an unknown path is refused with 404", "RFC 9110, 15.5.5", _nowhere),
        Check("predictions go on after all that", OWN, _still),
    ),
)
