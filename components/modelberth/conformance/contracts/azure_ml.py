"""Azure Machine Learning's online endpoints: a scoring route and two probes."""

from typing import Any, Final

from modelberth.conformance.check import Check, Contract
from modelberth.conformance.expect import equal, json_object, refused, success, within
from modelberth.conformance.outcome import NotChecked, NotOffered
from modelberth.conformance.subject import Subject

__all__ = ["CONTRACT"]

SOURCE: Final = "https://learn.microsoft.com/azure/machine-learning/how-to-deploy-custom-container"
LIMITS: Final = "https://learn.microsoft.com/azure/machine-learning/reference-yaml-deployment-managed-online"
TABLES: Final = "https://learn.microsoft.com/azure/machine-learning/how-to-deploy-mlflow-models"
PATH: Final = "/score"
# The platform's default for `request_timeout_ms` and for a probe's `timeout`.
ANSWER_SECONDS: Final = 5.0
PROBE_SECONDS: Final = 2.0


def _find(subject: Subject) -> None:
    subject.offers_post(PATH, {"instances": subject.rows})


def _score(subject: Subject) -> None:
    answer = success(subject.web.post(PATH, {"instances": subject.rows}))
    json_object(answer)
    within(answer, ANSWER_SECONDS)


def _live(subject: Subject) -> None:
    within(success(subject.web.get(subject.live())), PROBE_SECONDS)


def _ready(subject: Subject) -> None:
    within(success(subject.web.get(subject.ready())), PROBE_SECONDS)


def _table(subject: Subject) -> None:
    model = subject.model
    if not model.same or len(model.tensors) != 1 or len(model.tensors[0].shape) != 2:
        raise NotChecked("the model's input is not one table")
    whole = success(subject.web.post(PATH, {"instances": subject.rows}))
    width = model.tensors[0].shape[1]
    table: dict[str, Any] = {
        "columns": [f"column{index}" for index in range(width)],
        "index": list(range(len(subject.rows))),
        "data": next(iter(model.columns().values())),
    }
    for value in (table, table["data"]):
        answer = subject.web.post(PATH, {"input_data": value})
        if 400 <= answer.status <= 499:
            raise NotOffered(f"POST {PATH} with input_data: {answer.status}")
        equal(success(answer).json(), whole.json(), "the answers to a table and to rows")


def _refusals(subject: Subject) -> None:
    for body in (b"{", b"", b'{"input_data": 1}'):
        refused(subject.web.send("POST", PATH, body, {"content-type": "application/json"}))


CONTRACT: Final = Contract(
    "azure-ml",
    _find,
    (
        Check("/score answers JSON with JSON within 5 s", f"{SOURCE}; {LIMITS}, request_settings", _score),
        Check("liveness is answered with 200 within 2 s", f"{SOURCE}; {LIMITS}, liveness_probe", _live),
        Check("readiness is answered with 200 within 2 s", f"{SOURCE}; {LIMITS}, readiness_probe", _ready),
        Check("input_data is taken as an MLflow deployment takes it", TABLES, _table),
        Check("malformed requests are refused", "RFC 9110, 15.5", _refusals),
    ),
)
