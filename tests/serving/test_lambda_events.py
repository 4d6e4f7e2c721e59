"""AWS Lambda events into calls, and responses into what each source of events wants back."""

import base64
import json
from typing import Any

import pytest

from modelberth_server.aws_lambda.call import IAM_CALLER, Call, FunctionError
from modelberth_server.aws_lambda.events import read_event
from modelberth_server.aws_lambda.gateway import BALANCER_LIMIT_BYTES, PAYLOAD_LIMIT_BYTES, HttpEvent
from modelberth_server.aws_lambda.s3 import S3Event, S3Object, output_uri, prediction_on
from modelberth_server.errors import RequestError
from modelberth_server.http.message import Response
from serving.lambda_events import BODY, balancer, http_api, rest_api


def read(event: Any) -> Any:
    return read_event(json.dumps(event).encode(), "iris")


def call_of(event: Any) -> Call:
    found = read(event)
    assert isinstance(found, HttpEvent)
    return found.call


def answer_of(event: Any, response: Response) -> dict[str, Any]:
    found = read(event)
    assert isinstance(found, HttpEvent)
    answer: dict[str, Any] = json.loads(found.answer(response))
    return answer


def test_an_http_api_and_a_function_url() -> None:
    assert call_of(http_api()) == Call(
        "POST",
        "/predict",
        {b"content-type": b"application/json", b"x-api-key": b"k1,k2"},
        BODY.encode(),
        b"a=1&a=2",
        "192.0.2.1",
    )


def test_a_rest_api() -> None:
    assert call_of(rest_api()) == Call(
        "POST",
        "/predict",
        {b"content-type": b"application/json", b"x-api-key": b"last"},
        BODY.encode(),
        b"a=1&a=2&b=x+y",
        "192.0.2.2",
    )
    single = rest_api(multiValueHeaders=None, multiValueQueryStringParameters=None)
    assert call_of(single).headers == {b"content-type": b"text/plain", b"x-api-key": b"first"}
    assert call_of(single).query == b"a=2&b=x+y"


def test_a_load_balancer() -> None:
    assert call_of(balancer()) == Call(
        "POST",
        "/predict",
        {b"content-type": b"application/json", b"x-forwarded-for": b"10.0.0.1, 192.0.2.3"},
        BODY.encode(),
        b"a=x%20y",
        "192.0.2.3",
    )


PROD = {"http": {"method": "GET"}, "stage": "prod"}


@pytest.mark.parametrize(
    ("event", "path"),
    [
        (http_api(rawPath="/prod/predict", requestContext=PROD), "/predict"),
        (http_api(rawPath="/prod", requestContext=PROD), "/prod"),
        (http_api(rawPath="/production", requestContext=PROD), "/production"),
        (http_api(rawPath="/v2/models/a%2Eb/infer"), "/v2/models/a.b/infer"),
        (rest_api(version="1.0", path="/prod/predict"), "/predict"),
        (rest_api(path="/prod/predict"), "/prod/predict"),
        (balancer(path="/v2/models/a%2Eb"), "/v2/models/a.b"),
    ],
)
def test_the_stage_is_no_part_of_the_path(event: dict[str, Any], path: str) -> None:
    assert call_of(event).path == path


@pytest.mark.parametrize("make", [http_api, rest_api, balancer])
def test_a_body_may_be_binary_or_missing(make: Any) -> None:
    data = bytes(range(256))
    encoded = make(body=base64.b64encode(data).decode(), isBase64Encoded=True)
    assert call_of(encoded).body == data
    assert call_of(make(body=None)).body == b""
    assert call_of(make(body="é")).body == "é".encode()
    with pytest.raises(RequestError, match="body: isBase64Encoded is true, and it is not base64"):
        read(make(body="…", isBase64Encoded=True))


JSON_RESPONSE = Response(429, b'{"error": "busy \xc3\xa9"}', headers=((b"retry-after", b"1"),))
BINARY_RESPONSE = Response(200, b"\xff\x00", b"application/octet-stream", ((b"x", b"y"),))


@pytest.mark.parametrize("make", [http_api, rest_api])
def test_a_response_to_a_gateway(make: Any) -> None:
    assert answer_of(make(), JSON_RESPONSE) == {
        "statusCode": 429,
        "headers": {"content-type": "application/json", "retry-after": "1"},
        "body": '{"error": "busy é"}',
        "isBase64Encoded": False,
    }
    assert answer_of(make(), BINARY_RESPONSE) == {
        "statusCode": 200,
        "headers": {"content-type": "application/octet-stream", "x": "y"},
        "body": "/wA=",
        "isBase64Encoded": True,
    }


def test_a_response_to_a_load_balancer() -> None:
    answer = answer_of(balancer(), JSON_RESPONSE)
    assert answer["statusDescription"] == "429 Too Many Requests"
    assert answer["headers"]["retry-after"] == "1"
    assert "multiValueHeaders" not in answer
    several = balancer(headers=None, multiValueHeaders={"content-type": ["application/json"]})
    answer = answer_of(several, JSON_RESPONSE)
    assert answer["multiValueHeaders"] == {"content-type": ["application/json"], "retry-after": ["1"]}
    assert "headers" not in answer


@pytest.mark.parametrize(
    ("make", "limit"), [(http_api, PAYLOAD_LIMIT_BYTES), (balancer, BALANCER_LIMIT_BYTES)]
)
def test_a_response_beyond_the_limit_says_so(make: Any, limit: int) -> None:
    fits = Response(200, b"1" * (limit - 500))
    assert answer_of(make(), fits)["statusCode"] == 200
    answer = answer_of(make(), Response(200, b"1" * limit))
    assert answer["statusCode"] == 413
    assert f"passes on at most {limit}" in json.loads(answer["body"])["error"]


@pytest.mark.parametrize(
    ("event", "complaint"),
    [
        (http_api(rawPath=None), "rawPath: null, expected a string"),
        (http_api(headers=[1]), "headers: a list, expected an object"),
        (http_api(headers={"a": 1}), r"headers\.a: 1, expected a string"),
        (http_api(requestContext={"http": 1}), r"requestContext\.http: 1, expected an object"),
        (rest_api(multiValueHeaders={"a": "b"}), r"multiValueHeaders\.a: 'b', expected a list"),
        (rest_api(path=7), "path: 7, expected a string"),
        (balancer(httpMethod=7), "httpMethod: 7, expected a string"),
        ({}, "its keys are none"),
        ({"detail": {"secret": 1}, "source": "aws.s3"}, "its keys are 'detail', 'source'$"),
        ([1], "event: a list, expected an object"),
        ("x", "event: 'x', expected an object"),
        ({"Records": []}, "Records: empty"),
        ({"Records": [{"eventSource": "aws:sqs"}]}, r"Records\[0\]\.eventSource: 'aws:sqs', only aws:s3"),
    ],
)
def test_an_event_of_another_form_is_refused_by_field(event: Any, complaint: str) -> None:
    with pytest.raises(RequestError, match=complaint) as refused:
        read(event)
    assert refused.value.status == 400
    assert "secret" not in refused.value.message


def test_bytes_that_are_no_json_are_refused() -> None:
    with pytest.raises(RequestError, match="event: not JSON"):
        read_event(b"\xff{", "iris")


@pytest.mark.parametrize(
    ("event", "path"),
    [
        ({"input": [[1]]}, "/predict"),
        ({"instances": [[1]]}, "/predict"),
        ({"inputs": [], "id": "7"}, "/v2/models/iris/infer"),
    ],
)
def test_a_direct_invocation_is_a_body(event: dict[str, Any], path: str) -> None:
    found = read(event)
    assert isinstance(found, Call)
    assert (found.method, found.path, json.loads(found.body)) == ("POST", path, event)
    assert found.caller == IAM_CALLER


def s3_record(key: str = "in/a+b%C3%A9.json", **more: Any) -> dict[str, Any]:
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "data"}, "object": {"key": key, "size": 3, "eTag": "e"}},
        **more,
    }


def test_an_s3_event_names_its_objects() -> None:
    found = read({"Records": [s3_record(), s3_record("x/y@1?.csv", eventName="ObjectCreated:Copy")]})
    assert found == S3Event((S3Object("data", "in/a bé.json", 3), S3Object("data", "x/y@1?.csv", 3)))
    assert [given.uri for given in found.objects] == [
        "s3://data/in/a%20b%C3%A9.json",
        "s3://data/x/y%401%3F.csv",
    ]


def test_the_test_of_a_notification_names_none() -> None:
    event = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "data", "RequestId": "r"}
    assert read(event) == S3Event(())


@pytest.mark.parametrize(
    ("record", "complaint"),
    [
        (s3_record(eventName="ObjectRemoved:Delete"), r"\[0\]\.eventName: 'ObjectRemoved:Delete', only"),
        (s3_record("a/../b.json"), r"Records\[0\]\.s3\.object\.key: 'a/\.\./b\.json' has a segment"),
        (s3_record(s3={"bucket": {}, "object": {"key": "k.csv"}}), r"bucket\.name: null, expected a string"),
        (s3_record(s3=None), r"Records\[0\]\.s3: null, expected an object"),
        (7, r"Records\[0\]: 7, expected an object"),
    ],
)
def test_a_record_that_is_no_new_object_is_refused(record: Any, complaint: str) -> None:
    with pytest.raises(RequestError, match=complaint):
        read({"Records": [record]})


def test_the_same_object_gives_the_same_output() -> None:
    given = S3Object("data", "in/a b.json", 3)
    assert (
        output_uri("s3://out/p", given) == output_uri("s3://out/p/", given) == "s3://out/p/in/a%20b.json.json"
    )
    assert output_uri("s3://data/in2", given) == "s3://data/in2/in/a%20b.json.json"
    for folder in ("s3://data", "s3://data/in", "s3://data/in/"):
        with pytest.raises(RequestError, match="it lies in MODELBERTH_S3_OUTPUT_URI"):
            output_uri(folder, given)


@pytest.mark.parametrize(
    ("key", "data", "path", "content_type", "body"),
    [
        ("a.json", b'{"input": [[1]]}', "/predict", b"application/json", b'{"input": [[1]]}'),
        ("a.JSON", b'{"inputs": []}', "/v2/models/iris/infer", b"application/json", b'{"inputs": []}'),
        ("a.jsonl", b"[1]\n\n[2]\r\n", "/predict", b"application/json", b'{"instances":[[1],[2]]}'),
        ("a.ndjson", b'{"x":1}', "/predict", b"application/json", b'{"instances":[{"x":1}]}'),
        ("a.csv", b"1,2\n", "/invocations", b"text/csv", b"1,2\n"),
        ("a.npy", b"\x93NUMPY", "/invocations", b"application/x-npy", b"\x93NUMPY"),
    ],
)
def test_an_object_is_read_by_its_suffix(
    key: str, data: bytes, path: str, content_type: bytes, body: bytes
) -> None:
    call = prediction_on(S3Object("data", key, len(data)), data, "iris")
    assert (call.path, call.headers[b"content-type"], call.body) == (path, content_type, body)
    assert (call.method, call.headers[b"accept"], call.caller) == ("POST", b"application/json", IAM_CALLER)


@pytest.mark.parametrize(
    ("key", "data", "complaint"),
    [
        ("a.txt", b"", r"its suffix is none of \.json, \.jsonl, \.ndjson, \.csv, \.npy"),
        ("json", b"{}", "its suffix is none of"),
        ("a.json", b"{", "body: not JSON"),
        ("a.json", b'{"rows": 1}', "body: none of the keys input, instances and inputs"),
        ("a.jsonl", b"[1]\n[2", "line 2: not JSON"),
    ],
)
def test_an_object_that_cannot_be_read_says_why(key: str, data: bytes, complaint: str) -> None:
    with pytest.raises(RequestError, match=complaint):
        prediction_on(S3Object("data", key, 1), data, "iris")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "BadRequest"),
        (413, "ContentTooLarge"),
        (429, "TooManyRequests"),
        (503, "ServiceUnavailable"),
        (504, "GatewayTimeout"),
    ],
)
def test_an_error_type_is_the_name_of_its_status(status: int, kind: str) -> None:
    error = FunctionError.of(status, "why")
    assert (error.kind, error.message) == (kind, "why")
