"""The sample as a function: with what scales it and what stands in front."""

from __future__ import annotations

from pulumi_aws import apigatewayv2, appautoscaling, cloudwatch, iam, lambda_, sns, sqs

from modelberth.aws.policies import Statement, policy
from support.aws.sample_data import Shared, assumed

__all__ = ["function", "http_api"]


def function(shared: Shared, topic: sns.Topic) -> lambda_.Alias:
    region = shared.region
    logs = cloudwatch.LogGroup(
        "logs", region=region, name="/aws/lambda/iris", retention_in_days=365, kms_key_id=shared.key.arn
    )
    dead = sqs.Queue(
        "dead-letters",
        region=region,
        name="iris-dead-letters",
        kms_master_key_id=shared.key.arn,
        message_retention_seconds=1209600,
    )
    role = iam.Role("role", name="iris", assume_role_policy=assumed("lambda.amazonaws.com"))
    may = Statement("Model", ["s3:GetObject"], [shared.place.arn("s3", "iris-models/iris/*")])
    write = ["logs:CreateLogStream", "logs:PutLogEvents"]
    log = Statement("Log", write, [shared.place.arn("logs", "log-group:/aws/lambda/iris:*")])
    iam.RolePolicy("role-may", name="may", role=role.name, policy=policy(may, log))
    deployed = lambda_.Function(
        "function",
        region=region,
        name="iris",
        role=role.arn,
        package_type="Image",
        image_uri=shared.image,
        architectures=["arm64"],
        memory_size=1024,
        timeout=30,
        publish=True,
        reserved_concurrent_executions=10,
        kms_key_arn=shared.key.arn,
        environment={"variables": {"MODEL_NAME": "iris"}},
        dead_letter_config={"target_arn": dead.arn},
        tracing_config={"mode": "Active"},
        logging_config={"log_format": "JSON", "log_group": logs.name},
        vpc_config={
            "subnet_ids": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
            "security_group_ids": ["sg-0123456789abcdef0"],
        },
    )
    alias = lambda_.Alias(
        "live",
        region=region,
        name="live",
        function_name=deployed.name,
        function_version="1",
    )
    # Lambda takes no weights where there is provisioned concurrency.
    lambda_.Alias(
        "canary",
        region=region,
        name="canary",
        function_name=deployed.name,
        function_version="1",
        routing_config={"additional_version_weights": {"2": 0.1}},
    )
    lambda_.ProvisionedConcurrencyConfig(
        "warm",
        region=region,
        function_name=deployed.name,
        qualifier=alias.name,
        provisioned_concurrent_executions=2,
    )
    lambda_.FunctionEventInvokeConfig(
        "async",
        region=region,
        function_name=deployed.name,
        qualifier=alias.name,
        maximum_retry_attempts=1,
        destination_config={"on_failure": {"destination": topic.arn}},
    )
    lambda_.FunctionUrl(
        "url",
        region=region,
        function_name=deployed.name,
        qualifier=alias.name,
        authorization_type="AWS_IAM",
        invoke_mode="RESPONSE_STREAM",
    )
    lambda_.Permission(
        "callers",
        region=region,
        action="lambda:InvokeFunctionUrl",
        function=deployed.name,
        qualifier=alias.name,
        function_url_auth_type="AWS_IAM",
        principal=shared.place.root,
        statement_id="callers",
    )
    scaled = appautoscaling.Target(
        "warm-scaled",
        region=region,
        min_capacity=1,
        max_capacity=4,
        resource_id="function:iris:live",
        scalable_dimension="lambda:function:ProvisionedConcurrency",
        service_namespace="lambda",
    )
    appautoscaling.Policy(
        "warm-policy",
        region=region,
        name="iris-utilization",
        policy_type="TargetTrackingScaling",
        resource_id=scaled.resource_id,
        scalable_dimension=scaled.scalable_dimension,
        service_namespace=scaled.service_namespace,
        target_tracking_scaling_policy_configuration={
            "target_value": 0.7,
            "predefined_metric_specification": {
                "predefined_metric_type": "LambdaProvisionedConcurrencyUtilization"
            },
        },
    )
    return alias


def http_api(shared: Shared, alias: lambda_.Alias) -> None:
    region = shared.region
    api = apigatewayv2.Api("api", region=region, name="iris", protocol_type="HTTP", tags={"team": "shop"})
    logs = cloudwatch.LogGroup(
        "api-logs",
        region=region,
        name="/aws/apigateway/iris",
        retention_in_days=365,
        kms_key_id=shared.key.arn,
    )
    integration = apigatewayv2.Integration(
        "api-function",
        region=region,
        api_id=api.id,
        integration_type="AWS_PROXY",
        integration_uri=alias.arn,
        payload_format_version="2.0",
        timeout_milliseconds=30000,
    )
    tokens = apigatewayv2.Authorizer(
        "api-tokens",
        region=region,
        api_id=api.id,
        name="tokens",
        authorizer_type="JWT",
        identity_sources=["$request.header.Authorization"],
        jwt_configuration={"audiences": ["iris"], "issuer": "https://login.example.com"},
    )
    apigatewayv2.Route(
        "api-predict",
        region=region,
        api_id=api.id,
        route_key="POST /predict",
        authorization_type="JWT",
        authorizer_id=tokens.id,
        target=integration.id.apply(lambda made: f"integrations/{made}"),
    )
    stage = apigatewayv2.Stage(
        "api-stage",
        region=region,
        api_id=api.id,
        name="$default",
        auto_deploy=True,
        access_log_settings={"destination_arn": logs.arn, "format": "$context.requestId"},
        default_route_settings={"throttling_burst_limit": 100, "throttling_rate_limit": 50},
    )
    domain = apigatewayv2.DomainName(
        "api-domain",
        region=region,
        domain_name="iris.example.com",
        domain_name_configuration={
            "certificate_arn": shared.place.arn("acm", "certificate/01234567-89ab-cdef-0123-456789abcdef"),
            "endpoint_type": "REGIONAL",
            "security_policy": "TLS_1_2",
        },
        tags={"team": "shop"},
    )
    apigatewayv2.ApiMapping(
        "api-domain-mapping", region=region, api_id=api.id, domain_name=domain.domain_name, stage=stage.name
    )
