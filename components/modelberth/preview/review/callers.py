"""Who may call an endpoint: by the policies on it, by what its address asks for, by its spec in a cluster."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from modelberth.preview.effects.rule import at
from modelberth.preview.effects.wording import code, value
from modelberth.preview.plan import Step

from . import gcp

__all__ = ["callers"]

_FUNCTION: Final = "aws:lambda/function:Function"
_PERMISSION: Final = "aws:lambda/permission:Permission"
_URL: Final = "aws:lambda/functionUrl:FunctionUrl"
_ROUTE: Final = "aws:apigatewayv2/route:Route"
_AUTHORIZER: Final = "aws:apigatewayv2/authorizer:Authorizer"
_ENDPOINTS: Final = ("aws:sagemaker/endpoint:Endpoint", "aws-native:sagemaker:Endpoint")
_CONFIGS: Final = "aws:sagemaker/endpointConfiguration:EndpointConfiguration"
_ENTRY: Final = "aws:eks/accessEntry:AccessEntry"
_ROLE: Final = "aws:iam/role:Role"
_ATTACHED: Final = (
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment",
)
_GATEWAY: Final = "apigateway.amazonaws.com"
_ANYBODY: Final = "anybody on the internet, without credentials"
_ACCOUNT: Final = re.compile(r"(?:arn:[a-z-]+:iam::)?(\d{12})(?::root)?")
_IN_CLUSTER: Final = frozenset({"kubernetes", "eks", "gke"})


def callers(owner: Step, steps: Sequence[Step]) -> Iterator[str]:
    """Who may call, a sentence without an end for each kind of caller."""
    account = _account(owner)
    if _of(steps, _FUNCTION):
        yield f"{account} let `lambda:InvokeFunction`, by Lambda's own API: every request is signed"
        yield from _by_address(account, steps)
        yield from _named(steps)
        yield from _by_routes(account, steps)
    if _of(steps, *_ENDPOINTS):
        is_async = any(at(step.after, "asyncInferenceConfig") for step in _of(steps, _CONFIGS))
        action = "sagemaker:InvokeEndpointAsync" if is_async else "sagemaker:InvokeEndpoint"
        yield f"{account} let `{action}`, by SageMaker's runtime API: every request is signed"
        yield from _given(steps)
    yield from gcp.callers(owner, steps)
    target = owner.inputs.get("target")
    if isinstance(target, Mapping) and target.get("kind") in _IN_CLUSTER:
        yield from _in_cluster(owner.inputs.get("spec"))
        for step in _of(steps, _ENTRY):
            if isinstance(who := at(step.after, "principalArn"), str):
                yield f"{code(who)}, who is let into the cluster"


def _account(owner: Step) -> str:
    account = at(owner.inputs, "target.account")
    return f"whom IAM policies in account {account}" if isinstance(account, str) else "whom IAM policies"


def _of(steps: Sequence[Step], *tokens: str) -> list[Step]:
    return [step for step in steps if step.type in tokens]


def _by_address(account: str, steps: Sequence[Step]) -> Iterator[str]:
    for step in _of(steps, _URL):
        kind = at(step.after, "authorizationType")
        if kind == "NONE":
            yield f"{_ANYBODY}, by the address {code(step.name)}"
        else:
            signed = "an address on the internet that refuses what is not signed"
            yield f"{account} let `lambda:InvokeFunctionUrl`, by {code(step.name)}, {signed}"


def _named(steps: Sequence[Step]) -> Iterator[str]:
    """Whom the function's own policy names, each once whatever actions it takes."""
    has_routes = bool(_of(steps, _ROUTE))
    for step in _of(steps, _PERMISSION):
        who, source = at(step.after, "principal"), at(step.after, "sourceArn")
        if not isinstance(who, str):
            yield f"somebody whom {code(step.name)} names: {value(who)}"
        elif who == "*":
            if at(step.after, "functionUrlAuthType") != "NONE" and not at(
                step.after, "invokedViaFunctionUrl"
            ):
                yield f"every AWS principal, by {code(step.name)}"
        elif match := _ACCOUNT.fullmatch(who):
            yield f"whom IAM policies in account {match[1]} let, by the function's own policy"
        elif who.endswith((".amazonaws.com", ".amazonaws.com.cn")):
            if who != _GATEWAY or not has_routes:
                on = f", for {code(source)}" if isinstance(source, str) else ""
                yield f"the service {code(who)}{on}"
        else:
            yield f"{code(who)}, by the function's own policy"


def _given(steps: Sequence[Step]) -> Iterator[str]:
    """Whom a policy of the endpoint's is attached to: roles and users that are not made here."""
    own = {at(step.after, "name") for step in _of(steps, _ROLE)}
    for step in _of(steps, *_ATTACHED):
        for kind in ("role", "user"):
            who = at(step.after, kind)
            if isinstance(who, str) and who not in own:
                yield f"{kind} {code(who)}, by a policy that {code(step.name)} gives it"


def _by_routes(account: str, steps: Sequence[Step]) -> Iterator[str]:
    kinds: dict[str, int] = {}
    for step in _of(steps, _ROUTE):
        kind = at(step.after, "authorizationType", "NONE")
        kinds[str(kind)] = kinds.get(str(kind), 0) + 1
    for kind, count in kinds.items():
        way = f"by {count} route{'s' if count > 1 else ''} of an HTTP API on the internet"
        if kind == "JWT":
            for step in _of(steps, _AUTHORIZER):
                yield f"{_token(at(step.after, 'jwtConfiguration'))}, {way}"
        elif kind == "NONE":
            yield f"{_ANYBODY}, {way}"
        else:
            yield f"{account} let `execute-api:Invoke`, {way}: every request is signed"


def _token(configuration: Any) -> str:
    issuer, audiences = at(configuration, "issuer"), at(configuration, "audiences")
    several = audiences if isinstance(audiences, list | tuple) else [audiences]
    return f"whoever has a token of {value(issuer)} for {', '.join(map(value, several))}"


def _in_cluster(spec: Any) -> Iterator[str]:
    """In a cluster the server itself asks, or a gateway before it; the spec says what for."""
    auth, public = (
        at(spec, "security.auth.kind", "platform"),
        at(spec, "security.network.public", default=False),
    )
    place = "from the internet" if public is True else "inside of its network"
    match auth:
        case "jwt":
            issuer, audience = at(spec, "security.auth.issuer"), at(spec, "security.auth.audience")
            yield f"whoever has a token of {value(issuer)} for {value(audience)}, {place}"
        case "api_key":
            header = at(spec, "security.auth.header", "x-api-key")
            yield f"whoever sends a key of the Secret that is named, as {code(str(header))}, {place}"
        case "none":
            yield f"whoever reaches it, {place}, without credentials"
        case "platform":
            yield f"whoever has the key that is made for callers into a Secret beside it, {place}"
