"""Who may call an endpoint in AWS Lambda, as it is registered: permissions, addresses and the HTTP API."""

import json
from typing import Any

import pytest

from support.aws_blocks import PLACE
from support.aws_plans import CERTIFICATE, MODES, ROLE, one, registered

# pulumi-aws 7.51.1 warns of one of its own classes whenever `lambda_` is imported.


def permissions(which: str) -> list[dict[str, Any]]:
    return [each.inputs for each in registered(which)[0].of("Permission")]


def test_nobody_is_let_in_by_default() -> None:
    """A6: without invokers the function's own policy names nobody."""
    assert permissions("minimal") == []


def test_an_address_has_both_permissions_for_each_invoker() -> None:
    """A6, A7: the address asks for a signature, and each caller is named twice, as AWS wants it."""
    url = one("url", "FunctionUrl").inputs
    assert url["authorizationType"] == "AWS_IAM"
    assert url["qualifier"] == "live"
    assert "cors" not in url
    found = permissions("url")
    assert {(each["action"], each["principal"]) for each in found} == {
        ("lambda:InvokeFunctionUrl", ROLE),
        ("lambda:InvokeFunction", ROLE),
    }
    by_action = {each["action"]: each for each in found}
    assert by_action["lambda:InvokeFunctionUrl"]["functionUrlAuthType"] == "AWS_IAM"
    assert by_action["lambda:InvokeFunction"]["invokedViaFunctionUrl"] is True
    assert {each["qualifier"] for each in found} == {"live"}


@pytest.mark.parametrize("which", MODES)
def test_everyone_is_a_principal_only_where_two_fields_say_so(which: str) -> None:
    """A6, A7: `*` and NONE stand nowhere but at an address whose spec says auth none and public."""
    security = MODES[which].args.spec.security
    is_open = security.auth.kind == "none" and security.network.public
    everyone = [each for each in permissions(which) if each["principal"] == "*"]
    urls = [each.inputs["authorizationType"] for each in registered(which)[0].of("FunctionUrl")]
    assert (len(everyone) == 2 and urls == ["NONE"]) if is_open and urls else everyone == []
    assert is_open or "NONE" not in urls


@pytest.mark.parametrize("which", [which for which in MODES if which.startswith(("api", "everything"))])
def test_the_api_calls_by_its_own_routes_alone(which: str) -> None:
    """A6, A37: each permission names one route of one API and the account; each route asks who calls."""
    recorder, _ = registered(which)
    routes = {each.inputs["routeKey"]: each.inputs for each in recorder.of("Route")}
    assert len(routes) == len(permissions(which)) == 10
    assert not [key for key in routes if "$default" in key or "+" in key or "metrics" in key]
    wanted = {"jwt": "JWT", "platform": "AWS_IAM", "none": "NONE"}[MODES[which].args.spec.security.auth.kind]
    assert {each["authorizationType"] for each in routes.values()} == {wanted}
    for each in permissions(which):
        assert each["principal"] == "apigateway.amazonaws.com"
        assert each["sourceAccount"] == PLACE.account
        assert "*" not in each["sourceArn"]
    arns = {each["sourceArn"] for each in permissions(which)}
    assert PLACE.arn("execute-api", "iris-api-id/$default/POST/predict") in arns


@pytest.mark.parametrize("which", ["api, tokens", "api, signatures"])
def test_the_api_limits_and_logs(which: str) -> None:
    """A37: throttles that are never zero, and an access log with a key and an end."""
    stage = one(which, "Stage").inputs
    assert stage["defaultRouteSettings"]["throttlingBurstLimit"] == 100
    rate = {"api, tokens": 20.0, "api, signatures": 100.0}[which]
    assert stage["defaultRouteSettings"]["throttlingRateLimit"] == rate
    fields = json.loads(stage["accessLogSettings"]["format"])
    assert {"caller", "subject", "status"} <= fields.keys()
    (group,) = [
        each
        for each in registered(which)[0].of("LogGroup")
        if each.inputs["name"].startswith("/aws/vendedlogs/")
    ]
    assert stage["accessLogSettings"]["destinationArn"] == PLACE.arn(
        "logs", f"log-group:{group.inputs['name']}"
    )
    assert group.inputs["retentionInDays"] == 30


def test_tokens_are_checked_by_the_api() -> None:
    authorizer = one("api, tokens", "Authorizer").inputs
    assert authorizer["jwtConfiguration"] == {"audiences": ["iris"], "issuer": "https://login.example.com"}
    assert registered("api, signatures")[0].of("Authorizer") == []


def test_a_name_of_ones_own_is_the_only_one() -> None:
    assert one("api, own name", "Api").inputs["disableExecuteApiEndpoint"] is True
    domain = one("api, own name", "DomainName").inputs
    assert domain["domainNameConfiguration"]["certificateArn"] == CERTIFICATE
    assert domain["domainNameConfiguration"]["securityPolicy"] == "TLS_1_2"
    assert one("api, tokens", "Api").inputs["disableExecuteApiEndpoint"] is False
