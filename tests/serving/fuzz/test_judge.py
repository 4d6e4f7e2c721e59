"""The judge of the fuzzer goes red where it has to."""

import grpc
import pytest

from serving.fuzz.call import Call
from serving.fuzz.judge import Judgement, Response, split
from serving.fuzz.messages import Message
from serving.fuzz.wire import Stream

JSON = {b"content-type": b"application/json"}
ASKED = Message("/predict", "/predict", b"{}", allowed=frozenset({400}))

WRONG = {
    "a fault": (Response(500, JSON, b'{"error":"body: internal"}', 0), "a fault of the server"),
    "no JSON": (Response(400, JSON, b"<html>", 0), "an error that is not JSON"),
    "another type": (Response(400, {}, b'{"error":"body: x"}', 0), "an error that is not JSON"),
    "another form": (Response(400, JSON, b'{"detail":"body: x"}', 0), "an error in another form"),
    "no field": (Response(400, JSON, b'{"error":"invalid input"}', 0), "an error that names no field"),
    "several lines": (Response(400, JSON, b'{"error":"body: x\\ny"}', 0), "an error that names no field"),
    "another status": (Response(422, JSON, b'{"error":"body: x"}', 0), "expected one of [400]"),
    "accepted": (Response(200, JSON, b"{}", 0), "expected one of [400]"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_answer_is_a_fault(case: str) -> None:
    response, fault = WRONG[case]
    judgement = Judgement()
    judgement.message(ASKED, response)
    assert [one.split("\n")[0] for one in judgement.faults] == [f"valid: {fault}"]


def test_a_right_answer_is_none() -> None:
    judgement = Judgement()
    judgement.message(ASKED, Response(400, JSON, b'{"error":"input[0]: null, expected a list"}', 0))
    assert judgement.faults == []
    assert judgement.answers == {("/predict", 400): 1}


OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


def test_the_answers_on_a_connection_are_told_apart() -> None:
    responses, rest = split(OK + b"HTTP/1.1 100 Continue\r\n\r\n" + OK + OK[:-1])
    assert [response.status for response in responses] == [200, 200]
    assert rest == OK[:-1]


@pytest.mark.parametrize(("received", "faults"), [(OK, 0), (OK * 2, 1), (b"", 1), (OK + b"junk", 1)])
def test_too_many_or_too_few_answers_are_a_fault(received: bytes, faults: int) -> None:
    judgement = Judgement()
    judgement.stream(Stream("noise", b"x", (1, 1)), received)
    assert len(judgement.faults) == faults


CALL = Call("ModelInfer", b"", "cut", frozenset({grpc.StatusCode.INVALID_ARGUMENT}))


@pytest.mark.parametrize(
    ("status", "details", "fault"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, "inputs[0].shape: [0], expected 4", None),
        (grpc.StatusCode.INVALID_ARGUMENT, "bad request", "an error that names no field"),
        (grpc.StatusCode.UNKNOWN, "Unexpected <class>: x", "UNKNOWN, expected one of ['INVALID_ARGUMENT']"),
        (grpc.StatusCode.OK, "", "OK, expected one of ['INVALID_ARGUMENT']"),
    ],
)
def test_a_call_has_to_come_to_what_its_kind_allows(
    status: grpc.StatusCode, details: str, fault: str | None
) -> None:
    judgement = Judgement()
    judgement.call(CALL, status, details)
    assert [one.split("\n")[0] for one in judgement.faults] == ([f"cut: {fault}"] if fault else [])
    assert judgement.kinds == {("cut", status.value[0]): 1}
