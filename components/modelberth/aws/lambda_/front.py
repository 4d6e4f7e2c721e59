"""Who may call, and by which way: Lambda's own API, an address of the function's own, or an HTTP API.

Lambda's API is the default, and closed: IAM asks every caller, and within a VPC its interface endpoint leads
there. Both others are addresses on the internet, which `security.network.public` has to allow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from modelberth.aws.lambda_.limits import limits
from modelberth.aws.place import Place
from modelberth.errors import Problem, shown
from modelberth.naming import content_digest
from modelberth.spec.aws import FunctionUrl, HttpApi, InvokeApi

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec
    from modelberth.spec.aws import LambdaFront, LambdaTarget

__all__ = ["Grant", "front", "grants", "problems", "routes", "url_authorization"]

INVOKE: Final = "lambda:InvokeFunction"
INVOKE_URL: Final = "lambda:InvokeFunctionUrl"
_EVERYONE: Final = "*"
_LEAST_OF_STATEMENT: Final = len(
    '{"Sid":"","Effect":"Allow","Principal":{"AWS":""},"Action":"","Resource":""},'
)

# What of the server is reached through an HTTP API (`serving_image/README.md`): not its /metrics.
_ROUTES: Final = (
    "POST /predict",
    "POST /invocations",
    "POST /v2/models/{name}/infer",
    "GET /v2",
    "GET /v2/models/{name}",
    "GET /v2/models/{name}/ready",
    "GET /v2/health/ready",
    "GET /health/live",
    "GET /health/ready",
    "GET /openapi.json",
)


@dataclass(frozen=True, slots=True)
class Grant:
    """One statement of the alias' own policy for a caller that is no service.

    Attributes:
        role: tells it from the others; part of its logical name, and its statement's id
        action: that the caller may
        principal: ARN of an IAM principal or an account; `*` with an address without authentication
        authorization: of the address that the action is for, where it is the address
        by_url: the action counts only for calls that came by the address

    """

    role: str
    action: str
    principal: str
    authorization: str | None = None
    by_url: bool = False


def front(spec: EndpointSpec, target: LambdaTarget) -> LambdaFront:
    """Return the way that callers take; where the target names none, what the spec opens."""
    if target.front is not None:
        return target.front
    if not spec.security.network.public:
        return InvokeApi(kind="invoke")
    if spec.security.auth.kind == "jwt":
        return HttpApi(kind="http_api")
    return FunctionUrl(kind="function_url")


def url_authorization(spec: EndpointSpec) -> str:
    """Who has to sign at an address of the function's own: everyone, unless two fields say nobody."""
    is_open = spec.security.auth.kind == "none" and spec.security.network.public
    return "NONE" if is_open else "AWS_IAM"


def routes(spec: EndpointSpec) -> tuple[str, ...]:
    """Return the routes of an HTTP API: a method and a path each, no wildcards."""
    return tuple(route.format(name=spec.name) for route in _ROUTES)


def grants(spec: EndpointSpec, target: LambdaTarget) -> tuple[Grant, ...]:
    """Return what callers are allowed by the alias itself, beside what IAM allows them in the account.

    An address needs two of them since October 2025: to call it, and to have the function called by it (AWS
    Lambda, "Control access to Lambda function URLs").
    """
    if isinstance(front(spec, target), HttpApi):
        # An HTTP API has no policy of its own, and the API itself is what calls the function.
        return ()
    if isinstance(front(spec, target), InvokeApi):
        return tuple(Grant(_role("invoke", one), INVOKE, one) for one in spec.security.invokers)
    authorization = url_authorization(spec)
    callers = (_EVERYONE,) if authorization == "NONE" else spec.security.invokers
    return tuple(
        grant
        for caller in callers
        for grant in (
            Grant(_role(f"url-{authorization}", caller), INVOKE_URL, caller, authorization),
            Grant(_role(f"by-url-{authorization}", caller), INVOKE, caller, by_url=True),
        )
    )


def problems(spec: EndpointSpec, target: LambdaTarget) -> Iterator[Problem]:
    """Yield ways that are open without a word, that do not ask who calls, and that a region has not."""
    way = front(spec, target)
    is_public = spec.security.network.public
    if not isinstance(way, InvokeApi) and not is_public:
        hint = "It is an address on the internet. `invoke` is Lambda's API, which a VPC reaches within AWS."
        yield Problem("target.front.kind", way.kind, "invoke, or security.network.public true", hint)
    if isinstance(way, InvokeApi) and is_public:
        hint = "Lambda's own API is the account's: whoever calls signs his requests with its credentials."
        allowed = "false with target.front invoke, or target.front function_url or http_api"
        yield Problem("security.network.public", "true", allowed, hint)
    yield from _authentication_problems(spec, way)
    yield from _policy_problems(spec, target)
    yield from _rate_problems(spec, way)
    yield from _tls_problems(spec, way)


def _authentication_problems(spec: EndpointSpec, way: LambdaFront) -> Iterator[Problem]:
    auth, security = spec.security.auth, spec.security
    if auth.kind == "jwt" and not isinstance(way, HttpApi):
        hint = "An HTTP API checks tokens before the function is called."
        yield Problem(
            "security.auth.kind", "jwt", f"platform with target.front {way.kind}, or front http_api", hint
        )
    if auth.kind == "none" and not security.network.public:
        hint = "Lambda's own API asks every caller to sign."
        yield Problem("security.auth.kind", "none", "platform, or security.network.public true as well", hint)
    if security.invokers and isinstance(way, HttpApi):
        # "Resource policies aren't currently supported for HTTP APIs": Amazon API Gateway, "Control access to
        # HTTP APIs with IAM authorization".
        allowed = "an empty list with target.front http_api"
        hint = "An HTTP API has no policy that could name them: allow their own roles execute-api:Invoke."
        yield Problem("security.invokers", f"{len(security.invokers)}", allowed, hint)


def _policy_problems(spec: EndpointSpec, target: LambdaTarget) -> Iterator[Problem]:
    """Yield more callers than the alias' policy has room for, whatever the function is called."""
    alias = Place(target.account, target.region).arn("lambda", "function::live")
    most = limits().policy_bytes
    length = sum(
        len(f"{grant.role}{grant.action}{grant.principal}{alias}") + _LEAST_OF_STATEMENT
        for grant in grants(spec, target)
    )
    if length > most:
        hint = "Name the account, whose own policies then say which of its roles may."
        allowed = f"as many as a function's policy holds in {most} bytes; these take {length} or more"
        yield Problem("security.invokers", f"{len(spec.security.invokers)}", allowed, hint)


def _rate_problems(spec: EndpointSpec, way: LambdaFront) -> Iterator[Problem]:
    rate = spec.limits.requests_per_second
    if rate is not None and not isinstance(way, HttpApi):
        allowed = f"nothing with target.front {way.kind}, or target.front http_api"
        hint = "Only an HTTP API limits a rate; scaling.max limits the requests in progress."
        yield Problem("limits.requests_per_second", f"{rate:g}", allowed, hint)


def _tls_problems(spec: EndpointSpec, way: LambdaFront) -> Iterator[Problem]:
    tls = spec.security.tls
    if tls.domain is not None and not isinstance(way, HttpApi):
        hint = "Only an HTTP API takes a name of one's own."
        yield Problem("security.tls.domain", shown(tls.domain), f"nothing with target.front {way.kind}", hint)
    elif tls.domain is not None and tls.certificate is None:
        allowed = (
            "the ARN of a certificate for security.tls.domain in AWS Certificate Manager, of the same region"
        )
        yield Problem("security.tls.certificate", "nothing", allowed)


def _role(kind: str, principal: str) -> str:
    return f"{kind.lower().replace('_', '-')}-{content_digest(principal)}"
