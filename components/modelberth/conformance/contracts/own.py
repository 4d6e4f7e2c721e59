"""What our server promises beyond the specifications that it follows."""

import gzip
import json
from typing import Final

from modelberth.conformance.check import Check, Contract
from modelberth.conformance.contracts.metrics import exposition
from modelberth.conformance.expect import json_object, member, refused, refused_with_error, success
from modelberth.conformance.outcome import DidNotHold, NotChecked, NotOffered
from modelberth.conformance.subject import Subject

__all__ = ["CONTRACT", "METRICS"]

OWN: Final = "modelberth, docs/conformance.md"
WATCHING: Final = "modelberth, docs/watching.md"
# More than the largest `MODELBERTH_MAX_BODY_BYTES` that can be set.
TOO_LARGE: Final = (1 << 32) + 1
METRICS: Final = (
    "modelberth_requests",
    "modelberth_request_duration_seconds",
    "modelberth_in_flight",
    "modelberth_connections",
    "modelberth_model_info",
    "modelberth_predictions",
    "modelberth_predicted_rows",
    "modelberth_queue_seconds",
    "modelberth_compute_seconds",
    "modelberth_batch_rows",
    "modelberth_batch_requests",
)
_JSON: Final = {"content-type": "application/json"}


def _find(subject: Subject) -> None:
    answer = subject.web.get("/health/ready")
    if answer.status not in (200, 503) or b'"sha256"' not in answer.body:
        raise NotOffered(f"GET /health/ready: {answer.status} without the sha256 of a model")


def _readiness(subject: Subject) -> None:
    answer = success(subject.web.get("/health/ready"))
    value = json_object(answer)
    if member(value, "status", str, answer) != "ready":
        raise answer.unlike("the status ready")
    model = member(value, "model", dict, answer)
    for name in ("name", "version"):
        member(model, name, str, answer)
    sha256 = member(model, "sha256", str, answer)
    if len(sha256) != 64 or set(sha256) - set("0123456789abcdef"):
        raise answer.unlike("64 hexadecimal digits of sha256")
    member(value, "revision", str, answer)


def _given_identifier(subject: Subject) -> None:
    call = subject.prediction
    for status, body in ((200, call.body), (400, {"no": "rows"})):
        answer = subject.web.post(call.path, body, {"x-request-id": "conformance-7"})
        if answer.status != status or answer.headers.get("x-request-id") != "conformance-7":
            raise answer.unlike(f"{status} and the x-request-id of the request")


def _own_identifier(subject: Subject) -> None:
    call = subject.prediction
    found = {subject.web.post(call.path, call.body).headers.get("x-request-id") for _ in range(3)}
    if None in found or len(found) != 3:
        raise DidNotHold(
            f"POST {call.path}: an x-request-id of its own for each answer expected, got {found}"
        )


def _names_the_field(subject: Subject) -> None:
    for field in ("input", "instances"):
        error = refused_with_error(subject.web.post("/predict", {field: {"no-such-input": 1}}))
        if field not in error:
            raise DidNotHold(f"POST /predict: the error {error!r} does not name the field {field}")


def _too_large(subject: Subject) -> None:
    answer = subject.web.announce(subject.prediction.path, TOO_LARGE)
    if answer.status != 413:
        raise answer.unlike(f"413 to a body of {TOO_LARGE} bytes, before it is sent")


def _no_number(subject: Subject) -> None:
    path = subject.prediction.path
    for text in (b"NaN", b"Infinity", b"-Infinity", b"1e400"):
        body = b'{"instances": [[%b]], "inputs": [%b]}' % (text, text)
        refused(subject.web.send("POST", path, body, _JSON), 400)


def _encoded(subject: Subject) -> None:
    call = subject.prediction
    body = gzip.compress(json.dumps(call.body).encode())
    refused(subject.web.send("POST", call.path, body, {**_JSON, "content-encoding": "gzip"}), 415)


def _metric_names(subject: Subject) -> None:
    families = _families(subject)
    if missing := [name for name in METRICS if name not in families]:
        raise DidNotHold(f"GET /metrics: {', '.join(missing)} missing")
    found = [(labels.get("name"), value) for _, labels, value in families["modelberth_model_info"]]
    if (subject.model.name, 1) not in found:
        raise DidNotHold(
            f"GET /metrics: modelberth_model_info has {found}, {subject.model.name} and 1 expected"
        )


def _counted(subject: Subject) -> None:
    before = _predictions(subject)
    call = subject.prediction
    success(subject.web.post(call.path, call.body))
    after = _predictions(subject)
    if after < before + 1:
        raise DidNotHold(
            f"GET /metrics: modelberth_predictions_total {before:g}, {after:g} after a prediction"
        )


def _predictions(subject: Subject) -> float:
    samples = _families(subject).get("modelberth_predictions", ())
    return sum(value for name, _, value in samples if name.endswith("_total"))


def _families(subject: Subject) -> dict[str, list[tuple[str, dict[str, str], float]]]:
    try:
        return exposition(subject)
    except NotOffered:
        raise NotChecked("/metrics is on a port of its own: give --admin URL") from None


CONTRACT: Final = Contract(
    "modelberth",
    _find,
    (
        Check("readiness tells the model, its sha256 and the revision", OWN, _readiness),
        Check("the caller's x-request-id comes back", WATCHING, _given_identifier),
        Check("each answer has an x-request-id", WATCHING, _own_identifier),
        Check("an error names the field at fault", OWN, _names_the_field),
        Check("a body that is too large is refused with 413 before it is sent", OWN, _too_large),
        Check("NaN, Infinity and 1e400 are refused with 400", OWN, _no_number),
        Check("a compressed body is refused with 415", OWN, _encoded),
        Check("the metrics have their names", WATCHING, _metric_names),
        Check("a prediction is counted", WATCHING, _counted),
    ),
)
