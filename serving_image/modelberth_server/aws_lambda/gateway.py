"""HTTP in events: API Gateway's REST and HTTP APIs, function URLs and Application Load Balancers.

Sources:
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html (HTTP),
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html (REST),
https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html (function URLs),
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html (load balancers).
"""

import base64
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import unquote, urlencode

import orjson

from modelberth_server.aws_lambda.call import Call
from modelberth_server.errors import RequestError
from modelberth_server.http.message import Response
from modelberth_server.json_body import expect

__all__ = ["BALANCER_LIMIT_BYTES", "PAYLOAD_LIMIT_BYTES", "HttpEvent"]

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, 2026-11
PAYLOAD_LIMIT_BYTES: Final = 6 * 1024 * 1024
# As in abc.lambda-url.eu-central-1.on.aws, the page on function URLs above.
_FUNCTION_URL: Final = ".lambda-url."
# The page on load balancers above, 2026-11
BALANCER_LIMIT_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class HttpEvent:
    """An event that carries an HTTP request.

    Attributes:
        call: the request
        balancer: it came from a load balancer, which wants a description of the status too
        multi_value: its headers came as lists, and a load balancer wants them so back
        function_url: it came by an address of the function's own, which can pass on a stream

    """

    call: Call
    balancer: bool = False
    multi_value: bool = False
    function_url: bool = False

    @classmethod
    def read(cls, event: dict[str, Any]) -> "HttpEvent | None":
        """Read an event; None where it carries no HTTP request.

        Raises:
            RequestError: 400, naming the field that has another form than AWS gives it.

        """
        context = event.get("requestContext")
        if not isinstance(context, dict):
            return None
        if event.get("version") == "2.0" and "http" in context:
            # Its form is that of an HTTP API, and its name the only difference.
            by_url = _FUNCTION_URL in str(context.get("domainName", ""))
            return cls(_call_of_http_api(event, context), function_url=by_url)
        if "httpMethod" not in event:
            return None
        if "elb" in context:
            return cls(_call_of_balancer(event), balancer=True, multi_value="multiValueHeaders" in event)
        return cls(_call_of_rest_api(event, context))

    def answer(self, response: Response) -> bytes:
        """Return what the function gives back; a response beyond AWS's limit becomes a 413 that says so."""
        answer = self._render(response)
        limit = BALANCER_LIMIT_BYTES if self.balancer else PAYLOAD_LIMIT_BYTES
        if len(answer) <= limit:
            return answer
        who = "a load balancer" if self.balancer else "AWS Lambda"
        message = f"response: {len(answer)} bytes, {who} passes on at most {limit}: ask for fewer rows"
        return self._render(Response.error(RequestError(413, message)))

    def _render(self, response: Response) -> bytes:
        headers: dict[str, str] = {"content-type": response.content_type.decode("latin-1")}
        for name, value in response.headers:
            headers[name.decode("latin-1")] = value.decode("latin-1")
        text = _is_text(headers)
        answer: dict[str, Any] = {
            "statusCode": response.status,
            "headers": headers,
            "body": response.body.decode() if text else base64.b64encode(response.body).decode(),
            "isBase64Encoded": not text,
        }
        if self.balancer:
            answer["statusDescription"] = f"{response.status} {HTTPStatus(response.status).phrase}"
        if self.multi_value:
            answer["multiValueHeaders"] = {name: [value] for name, value in answer.pop("headers").items()}
        return orjson.dumps(answer)


def _call_of_http_api(event: dict[str, Any], context: dict[str, Any]) -> Call:
    """Read payload format 2.0, of an HTTP API and a function URL."""
    http = expect(context["http"], dict, "requestContext.http")
    path = expect(event.get("rawPath"), str, "rawPath")
    return Call(
        expect(http.get("method"), str, "requestContext.http.method"),
        _without_stage(unquote(path), context),
        _headers(event),
        _body(event),
        expect(event.get("rawQueryString", ""), str, "rawQueryString").encode(),
        expect(http.get("sourceIp", ""), str, "requestContext.http.sourceIp"),
    )


def _call_of_rest_api(event: dict[str, Any], context: dict[str, Any]) -> Call:
    """Read payload format 1.0, of a REST API and of an HTTP API that was told to use it."""
    path = unquote(expect(event.get("path"), str, "path"))
    # Only an HTTP API says its version, and leaves its stage in the path.
    if event.get("version") == "1.0":
        path = _without_stage(path, context)
    identity = expect(context.get("identity") or {}, dict, "requestContext.identity")
    return Call(
        expect(event["httpMethod"], str, "httpMethod"),
        path,
        _headers(event),
        _body(event),
        urlencode(_parameters(event)).encode(),
        expect(identity.get("sourceIp") or "", str, "requestContext.identity.sourceIp"),
    )


def _call_of_balancer(event: dict[str, Any]) -> Call:
    headers = _headers(event)
    # It passes the query on as it came, encoded.
    query = "&".join(f"{name}={value}" for name, value in _parameters(event))
    return Call(
        expect(event["httpMethod"], str, "httpMethod"),
        unquote(expect(event.get("path"), str, "path")),
        headers,
        _body(event),
        query.encode(),
        # The load balancer appends the address that it saw.
        headers.get(b"x-forwarded-for", b"").decode("latin-1").rpartition(",")[2].strip(),
    )


def _without_stage(path: str, context: dict[str, Any]) -> str:
    """Return the path as the server has it: a stage other than `$default` is its first segment."""
    stage = context.get("stage", "$default")
    return path.removeprefix(f"/{stage}") if path.startswith(f"/{stage}/") else path


def _headers(event: dict[str, Any]) -> dict[bytes, bytes]:
    """Return the headers by lower-case name; of a repeated one the last."""
    headers = {
        name.lower().encode(): expect(value, str, f"headers.{name}").encode()
        for name, value in expect(event.get("headers") or {}, dict, "headers").items()
    }
    for name, values in expect(event.get("multiValueHeaders") or {}, dict, "multiValueHeaders").items():
        where = f"multiValueHeaders.{name}"
        for value in expect(values, list, where)[-1:]:
            headers[name.lower().encode()] = expect(value, str, where).encode()
    return headers


def _parameters(event: dict[str, Any]) -> list[tuple[str, str]]:
    single = expect(event.get("queryStringParameters") or {}, dict, "queryStringParameters")
    several = expect(
        event.get("multiValueQueryStringParameters") or {}, dict, "multiValueQueryStringParameters"
    )
    pairs = [(name, str(value)) for name, values in several.items() for value in expect(values, list, name)]
    return pairs or [(name, str(value)) for name, value in single.items()]


def _body(event: dict[str, Any]) -> bytes:
    body = expect(event.get("body") or "", str, "body")
    if not event.get("isBase64Encoded"):
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except ValueError:
        raise RequestError(400, "body: isBase64Encoded is true, and it is not base64") from None


def _is_text(headers: dict[str, str]) -> bool:
    """Tell whether a body is UTF-8 as it stands; all else goes as base64."""
    content_type = headers["content-type"].partition(";")[0].strip()
    return "content-encoding" not in headers and (
        content_type == "application/json" or content_type.startswith("text/")
    )
