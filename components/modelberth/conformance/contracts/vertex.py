"""Vertex AI's custom containers: `AIP_PREDICT_ROUTE` and `AIP_HEALTH_ROUTE`."""

from typing import Any, Final

from modelberth.conformance.check import Check, Contract
from modelberth.conformance.expect import equal, json_object, length, member, refused, success, within
from modelberth.conformance.outcome import DidNotHold, NotChecked, NotOffered
from modelberth.conformance.subject import Subject

__all__ = ["CONTRACT"]

SOURCE: Final = "https://cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements"
HEALTH_SECONDS: Final = 10.0
# Of a shared endpoint, as of 2026-11: https://cloud.google.com/vertex-ai/docs/predictions/choose-endpoint-type
MAX_BYTES: Final = 1_500_000


def _route(subject: Subject) -> str:
    route = subject.target.predict_route
    if route is None:
        raise NotOffered("it is at a path that the platform chooses: name it with --predict-route")
    return route


def _find(subject: Subject) -> None:
    subject.offers_post(_route(subject), {"instances": subject.rows})


def _health(subject: Subject) -> None:
    route = subject.target.health_route
    if route is None:
        raise NotChecked("it is at a path that the platform chooses: name it with --health-route")
    within(success(subject.web.get(route)), HEALTH_SECONDS)


def _predictions(subject: Subject, **more: Any) -> list[Any]:
    answer = success(subject.web.post(_route(subject), {"instances": subject.rows, **more}))
    if answer.media_type != "application/json":
        raise answer.unlike("the content-type application/json")
    if len(answer.body) > MAX_BYTES:
        raise DidNotHold(f"{answer.request}: {len(answer.body)} bytes, at most {MAX_BYTES} expected")
    predictions = member(json_object(answer), "predictions", list, answer)
    length(predictions, len(subject.rows), "predictions, one for each instance", answer)
    return predictions


def _predict(subject: Subject) -> None:
    _predictions(subject)


def _parameters(subject: Subject) -> None:
    equal(
        _predictions(subject, parameters={}), _predictions(subject), "predictions with and without parameters"
    )


def _several(subject: Subject) -> None:
    rows = subject.rows * 3
    answer = success(subject.web.post(_route(subject), {"instances": rows}))
    predictions = member(json_object(answer), "predictions", list, answer)
    length(predictions, len(rows), "predictions, one for each instance", answer)


def _refusals(subject: Subject) -> None:
    for body in (b"{", b"{}", b'{"instances": 1}'):
        refused(subject.web.send("POST", _route(subject), body, {"content-type": "application/json"}))


CONTRACT: Final = Contract(
    "vertex",
    _find,
    (
        Check("the health route is answered with 200 within 10 s", f"{SOURCE}, Health checks", _health),
        Check("instances are answered with as many predictions", f"{SOURCE}, Prediction requests", _predict),
        Check("empty parameters change nothing", f"{SOURCE}, Request requirements", _parameters),
        Check("several instances are answered in one response", f"{SOURCE}, Response requirements", _several),
        Check("malformed requests are refused", "RFC 9110, 15.5", _refusals),
    ),
)
