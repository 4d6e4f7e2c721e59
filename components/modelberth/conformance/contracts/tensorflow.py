"""TensorFlow Serving's REST API, version 1: predict and model status."""

from typing import Any, Final

from modelberth.conformance.check import Check, Contract
from modelberth.conformance.expect import equal, json_object, length, member, refused_with_error, success
from modelberth.conformance.outcome import NotChecked, NotOffered
from modelberth.conformance.subject import Subject
from modelberth.conformance.web import Answer

__all__ = ["CONTRACT"]

SOURCE: Final = "https://www.tensorflow.org/tfx/serving/api_rest"
RFC_9110: Final = "RFC 9110, 15.5"
UNKNOWN: Final = "no-such-model-here"


def _path(subject: Subject) -> str:
    return f"/v1/models/{subject.model.name}"


def _predict(subject: Subject, body: Any, path: str | None = None) -> Answer:
    return subject.web.post(f"{path or _path(subject)}:predict", body)


def _find(subject: Subject) -> None:
    try:
        answer = subject.web.get(_path(subject))
    except NotChecked as missing:
        raise NotOffered(str(missing)) from None
    if answer.status != 200:
        raise NotOffered(f"{answer.request}: {answer.status}")


def _states(answer: Answer) -> list[dict[str, Any]]:
    states = member(json_object(success(answer)), "model_version_status", list, answer)
    if not states or not all(isinstance(state, dict) for state in states):
        raise answer.unlike("a model_version_status with an object for each version")
    return states


def _status(subject: Subject) -> None:
    answer = subject.web.get(_path(subject))
    available = 0
    for state in _states(answer):
        match state:
            case {
                "version": str(),
                "state": str(word),
                "status": {"error_code": str(), "error_message": str()},
            }:
                available += word == "AVAILABLE"
            case _:
                raise answer.unlike("versions with version, state and status, of which the texts are strings")
    if not available:
        raise answer.unlike("a version that is AVAILABLE")


def _rows(subject: Subject) -> list[Any]:
    answer = success(_predict(subject, {"instances": subject.rows}))
    predictions = member(json_object(answer), "predictions", list, answer)
    length(predictions, len(subject.rows), "predictions, one for each instance", answer)
    return predictions


def _row_form(subject: Subject) -> None:
    _rows(subject)


def _same(subject: Subject) -> None:
    if not subject.model.same:
        raise NotChecked("the rows are not the tensors that the model takes: a step before it changes them")


def _named_rows(subject: Subject) -> None:
    _same(subject)
    answer = _predict(subject, {"instances": subject.model.named_rows()})
    if answer.status == 400 and success(_predict(subject, {"inputs": subject.model.columns()})):
        raise NotOffered(f"{answer.unlike('200, unless a step before the model takes the rows')}")
    success(answer)
    predictions = member(json_object(answer), "predictions", list, answer)
    equal(predictions, _rows(subject), "the predictions for rows with and without names")


def _column_form(subject: Subject) -> None:
    columns = subject.model.columns()
    if not columns:
        raise NotChecked("the server does not describe what the model takes")
    forms = [columns, *(columns.values() if len(columns) == 1 else ())]
    found = []
    for form in forms:
        answer = success(_predict(subject, {"inputs": form}))
        value = json_object(answer)
        if "outputs" not in value:
            raise answer.unlike("outputs")
        found.append(value["outputs"])
    equal(found[-1], found[0], "the outputs for inputs with and without names")


def _columns_are_rows(subject: Subject) -> None:
    _same(subject)
    answer = success(_predict(subject, {"inputs": subject.model.columns()}))
    outputs = json_object(answer).get("outputs")
    if isinstance(outputs, dict):
        columns = [member(outputs, name, list, answer) for name in outputs]
        for column in columns:
            length(column, len(subject.rows), "entries of each output, one for each row", answer)
        outputs = [dict(zip(outputs, row, strict=True)) for row in zip(*columns, strict=True)]
    equal(outputs, _rows(subject), "the column form's outputs and the row form's predictions")


def _signature(subject: Subject) -> None:
    body = {"signature_name": "serving_default", "instances": subject.rows}
    answer = success(_predict(subject, body))
    member(json_object(answer), "predictions", list, answer)


def _version(subject: Subject) -> None:
    answer = subject.web.get(_path(subject))
    versions = [state.get("version") for state in _states(answer) if state.get("state") == "AVAILABLE"]
    for version in versions:
        path = f"{_path(subject)}/versions/{version}"
        answer = subject.web.get(path)
        if [state.get("version") for state in _states(answer)] != [version]:
            raise answer.unlike(f"the status of version {version} alone")
        success(_predict(subject, {"instances": subject.rows}, path))


def _unknown_model(subject: Subject) -> None:
    refused_with_error(subject.web.get(f"/v1/models/{UNKNOWN}"))
    refused_with_error(_predict(subject, {"instances": subject.rows}, f"/v1/models/{UNKNOWN}"))


def _neither(subject: Subject) -> None:
    bodies: tuple[dict[str, Any], ...] = ({}, {"instances": []}, {"instances": None})
    for body in bodies:
        refused_with_error(_predict(subject, body))


def _malformed(subject: Subject) -> None:
    for body in (b'{"instances": [', b"", b"\xff\xfe"):
        path = f"{_path(subject)}:predict"
        refused_with_error(subject.web.send("POST", path, body, {"content-type": "application/json"}))


def _wrong_rows(subject: Subject) -> None:
    wrong: list[Any] = [[{"no-such-input": 1}]]
    # A single input of unknown rank takes a row of any depth.
    if len(subject.model.inputs) != 1 or not subject.model.inputs[0].unknown_rank:
        wrong.append([[[[[[[[1]]]]]]]])
    for rows in wrong:
        refused_with_error(_predict(subject, {"instances": rows}))


CONTRACT: Final = Contract(
    "tensorflow",
    _find,
    (
        Check("the status names a version that is AVAILABLE", f"{SOURCE}, Model status API", _status),
        Check(
            "the row form is answered by row", f"{SOURCE}, Specifying input tensors in row format", _row_form
        ),
        Check("rows may name their inputs", f"{SOURCE}, Specifying input tensors in row format", _named_rows),
        Check(
            "the column form is answered by column",
            f"{SOURCE}, Specifying input tensors in column format",
            _column_form,
        ),
        Check("both forms give the same predictions", f"{SOURCE}, Predict API", _columns_are_rows),
        Check("signature_name may be the default one", f"{SOURCE}, Predict API", _signature),
        Check("each version that is AVAILABLE can be asked", f"{SOURCE}, URL", _version),
        Check("an unknown model is refused with an error", f"{SOURCE}; {RFC_9110}", _unknown_model),
        Check("a request without instances is refused with an error", f"{SOURCE}; {RFC_9110}", _neither),
        Check("rows that the model does not take are refused", f"{SOURCE}; {RFC_9110}", _wrong_rows),
        Check("a malformed body is refused with an error", f"{SOURCE}; {RFC_9110}", _malformed),
    ),
)
