"""An HTTP API in front of the function: it asks who calls, limits how often, and writes down who did."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pulumi
from pulumi_aws import apigatewayv2, cloudwatch, lambda_

from modelberth.aws.lambda_.front import INVOKE, routes
from modelberth.aws.lambda_.limits import limits
from modelberth.aws.lambda_.reach import Reach
from modelberth.naming import content_digest
from modelberth.spec.aws import HttpApi
from modelberth.spec.security import JwtAuth

if TYPE_CHECKING:
    from modelberth.aws.place import Place
    from modelberth.aws.plan import Plan
    from modelberth.spec import EndpointSpec
    from modelberth.spec.aws import LambdaTarget

__all__ = ["access_log_format", "authorization", "register", "source_arn", "throttles"]

STAGE: Final = "$default"
"""Stage without a segment in the path; its routes are listed, there is none for all the rest."""

_SERVICE: Final = "apigateway.amazonaws.com"
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html
# No header and no body.
_LOGGED: Final = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "sourceIp": "$context.identity.sourceIp",
    "caller": "$context.identity.userArn",
    "subject": "$context.authorizer.claims.sub",
    "route": "$context.routeKey",
    "status": "$context.status",
    "bytes": "$context.responseLength",
    "latencyMs": "$context.responseLatency",
    "integrationError": "$context.integrationErrorMessage",
    "authorizerError": "$context.authorizer.error",
}


def access_log_format() -> str:
    """One line of JSON for each request."""
    return json.dumps(_LOGGED)


def throttles(spec: EndpointSpec, way: HttpApi) -> tuple[int, float]:
    """Return how many requests may come at once and, each second, in the long run.

    Both are always given: one alone would set the other to 0, and every request would get 429. Without
    `limits.requests_per_second` as many may come each second as at once.
    """
    rate = spec.limits.requests_per_second
    return way.burst, float(way.burst if rate is None else rate)


def authorization(spec: EndpointSpec) -> str:
    """What a route asks for: a signature unless the spec wants tokens, or says in two fields nothing."""
    security = spec.security
    if isinstance(security.auth, JwtAuth):
        return "JWT"
    return "NONE" if security.auth.kind == "none" and security.network.public else "AWS_IAM"


def source_arn(place: Place, api: str, route: str) -> str:
    """Return a route as the function's policy names it: this method and this path of this API."""
    method, _, path = route.partition(" ")
    return place.arn("execute-api", f"{api}/{STAGE}/{method}{path}")


def register(
    name: str,
    plan: Plan[LambdaTarget],
    alias: lambda_.Alias,
    logs: cloudwatch.LogGroup,
    way: HttpApi,
    opts: pulumi.ResourceOptions,
) -> Reach:
    """Register the API with its routes, and each route with the right to call the function."""
    spec, region = plan.spec, plan.target.region
    api = apigatewayv2.Api(
        f"{name}-api",
        name=plan.named(),
        protocol_type="HTTP",
        description=f"Predictions of {spec.name}",
        # Else the stage's own name would lead past the domain that the caller knows.
        disable_execute_api_endpoint=spec.security.tls.domain is not None,
        region=region,
        tags=plan.tags,
        opts=opts,
    )
    integration = apigatewayv2.Integration(
        f"{name}-integration",
        api_id=api.id,
        integration_type="AWS_PROXY",
        integration_method="POST",
        integration_uri=alias.invoke_arn,
        payload_format_version="2.0",
        timeout_milliseconds=_timeout(spec),
        region=region,
        opts=opts,
    )
    authorizer = _authorizer(name, plan, api, opts)
    listed = [_route(name, plan, api, integration, authorizer, alias, route, opts) for route in routes(spec)]
    burst, rate = throttles(spec, way)
    stage = apigatewayv2.Stage(
        f"{name}-stage",
        api_id=api.id,
        name=STAGE,
        auto_deploy=True,
        access_log_settings=apigatewayv2.StageAccessLogSettingsArgs(
            destination_arn=logs.arn, format=access_log_format()
        ),
        default_route_settings=apigatewayv2.StageDefaultRouteSettingsArgs(
            throttling_burst_limit=burst, throttling_rate_limit=rate, detailed_metrics_enabled=True
        ),
        region=region,
        tags=plan.tags,
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=listed)),
    )
    where: dict[str, pulumi.Input[str]] = {"api": api.id, "stage": STAGE}
    return Reach(_address(name, plan, api, stage, opts), "lambda-http-api", where)


def _timeout(spec: EndpointSpec) -> int:
    """Return the milliseconds after which the API gives up: never before the server does."""
    longest = limits().hops("http_api")[0].timeout_seconds * 1000
    return min(longest, spec.limits.timeout.milliseconds + 1000)


def _authorizer(
    name: str, plan: Plan[LambdaTarget], api: apigatewayv2.Api, opts: pulumi.ResourceOptions
) -> apigatewayv2.Authorizer | None:
    auth = plan.spec.security.auth
    if not isinstance(auth, JwtAuth):
        return None
    return apigatewayv2.Authorizer(
        f"{name}-tokens",
        api_id=api.id,
        name="tokens",
        authorizer_type="JWT",
        identity_sources=["$request.header.Authorization"],
        jwt_configuration=apigatewayv2.AuthorizerJwtConfigurationArgs(
            audiences=[auth.audience], issuer=auth.issuer
        ),
        region=plan.target.region,
        opts=opts,
    )


def _route(
    name: str,
    plan: Plan[LambdaTarget],
    api: apigatewayv2.Api,
    integration: apigatewayv2.Integration,
    authorizer: apigatewayv2.Authorizer | None,
    alias: lambda_.Alias,
    route: str,
    opts: pulumi.ResourceOptions,
) -> apigatewayv2.Route:
    """Register a route, and before it that it may call the function."""
    place, region, role = plan.place, plan.target.region, f"route-{content_digest(route)}"
    permission = lambda_.Permission(
        f"{name}-{role}-permission",
        statement_id=role,
        action=INVOKE,
        function=alias.function_name,
        qualifier=alias.name,
        principal=_SERVICE,
        source_arn=api.id.apply(lambda api_id: source_arn(place, api_id, route)),
        source_account=plan.target.account,
        region=region,
        # The statement's id is the same in the new one, and there can be one of it.
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(delete_before_replace=True)),
    )
    return apigatewayv2.Route(
        f"{name}-{role}",
        api_id=api.id,
        route_key=route,
        target=integration.id.apply(lambda integration_id: f"integrations/{integration_id}"),
        authorization_type=authorization(plan.spec),
        authorizer_id=None if authorizer is None else authorizer.id,
        region=region,
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[permission])),
    )


def _address(
    name: str,
    plan: Plan[LambdaTarget],
    api: apigatewayv2.Api,
    stage: apigatewayv2.Stage,
    opts: pulumi.ResourceOptions,
) -> pulumi.Output[str]:
    tls, region = plan.spec.security.tls, plan.target.region
    if tls.domain is None or tls.certificate is None:
        return api.api_endpoint
    domain = apigatewayv2.DomainName(
        f"{name}-domain",
        domain_name=tls.domain,
        domain_name_configuration=apigatewayv2.DomainNameDomainNameConfigurationArgs(
            certificate_arn=tls.certificate, endpoint_type="REGIONAL", security_policy="TLS_1_2"
        ),
        region=region,
        tags=plan.tags,
        opts=opts,
    )
    mapping = apigatewayv2.ApiMapping(
        f"{name}-mapping",
        api_id=api.id,
        domain_name=domain.domain_name,
        stage=stage.name,
        region=region,
        opts=opts,
    )
    return mapping.domain_name.apply(lambda host: f"https://{host}")
