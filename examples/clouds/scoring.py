"""Fraud scoring on AWS: a small model on a processor, called rarely, so billed by the call."""

from typing import Annotated

import pulumi
from config import Canary, EndpointSettings
from pulumi_aws import cloudwatch, ecr, iam, kms, lambda_
from pydantic import Field

_PULL = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
_LOG_DAYS = 90


class ScoringSettings(EndpointSettings):
    """Callers are ARNs of roles."""

    memory_mib: Annotated[int, Field(ge=128, le=10_240)]
    timeout_seconds: Annotated[int, Field(ge=1, le=900)] = 10
    canary: Canary | None = None


class ScoringFunction(pulumi.ComponentResource):
    """A container function behind a URL, published as versions; callers reach the alias `live`."""

    url: pulumi.Output[str]

    def __init__(self, name: str, args: ScoringSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("shop:index:ScoringFunction", name, {}, opts)
        self._name, self._child = name, pulumi.ResourceOptions(parent=self)
        key = kms.Key(f"{name}-key", enable_key_rotation=True, deletion_window_in_days=30, opts=self._child)
        repository = self._repository(key)
        logs = cloudwatch.LogGroup(f"{name}-logs", retention_in_days=_LOG_DAYS, opts=self._child)
        role, policy = self._role(key, logs)
        function = self._function(args, repository, role, policy, key, logs)
        alias = self._alias(args, function)
        self.url = self._open(args, function, alias)
        self._alarm(function)
        self.register_outputs({"url": self.url})

    def _repository(self, key: kms.Key) -> ecr.Repository:
        repository = ecr.Repository(
            f"{self._name}-images",
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration={"scan_on_push": True},
            encryption_configurations=[{"encryption_type": "KMS", "kms_key": key.arn}],
            opts=self._child,
        )
        pull = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": _PULL}
        ecr.RepositoryPolicy(
            f"{self._name}-pull",
            repository=repository.name,
            policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [pull]}),
            opts=self._child,
        )
        return repository

    def _role(self, key: kms.Key, logs: cloudwatch.LogGroup) -> tuple[iam.Role, iam.RolePolicy]:
        assume = {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
        role = iam.Role(
            f"{self._name}-role",
            assume_role_policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [assume]}),
            opts=self._child,
        )
        allowed = [
            {
                "Effect": "Allow",
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": pulumi.Output.concat(logs.arn, ":*"),
            },
            {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key.arn},
        ]
        policy = iam.RolePolicy(
            f"{self._name}-may",
            role=role.name,
            policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": allowed}),
            opts=self._child,
        )
        return role, policy

    def _function(
        self,
        args: ScoringSettings,
        repository: ecr.Repository,
        role: iam.Role,
        policy: iam.RolePolicy,
        key: kms.Key,
        logs: cloudwatch.LogGroup,
    ) -> lambda_.Function:
        return lambda_.Function(
            f"{self._name}-function",
            package_type="Image",
            image_uri=pulumi.Output.concat(repository.repository_url, "@", args.digest),
            architectures=["arm64"],
            memory_size=args.memory_mib,
            timeout=args.timeout_seconds,
            reserved_concurrent_executions=args.max_instances,
            role=role.arn,
            kms_key_arn=key.arn,
            environment={"variables": {"MODEL": self._name}},
            logging_config={"log_format": "JSON", "log_group": logs.name},
            publish=True,
            # Never called with the role and without what it may do.
            opts=pulumi.ResourceOptions.merge(self._child, pulumi.ResourceOptions(depends_on=[policy])),
        )

    def _alias(self, args: ScoringSettings, function: lambda_.Function) -> lambda_.Alias:
        version: pulumi.Input[str] = function.version
        routing: lambda_.AliasRoutingConfigArgsDict | None = None
        if args.canary:
            weight = args.canary.percent / 100
            version = args.canary.stable
            routing = {"additional_version_weights": function.version.apply(lambda new: {new: weight})}
        alias = lambda_.Alias(
            f"{self._name}-live",
            name="live",
            function_name=function.name,
            function_version=version,
            routing_config=routing,
            opts=self._child,
        )
        if args.min_instances:
            lambda_.ProvisionedConcurrencyConfig(
                f"{self._name}-warm",
                function_name=function.name,
                qualifier=alias.name,
                provisioned_concurrent_executions=args.min_instances,
                opts=self._child,
            )
        return alias

    def _open(
        self, args: ScoringSettings, function: lambda_.Function, alias: lambda_.Alias
    ) -> pulumi.Output[str]:
        """The URL, and who may call it."""
        auth = "NONE" if args.public else "AWS_IAM"
        url = lambda_.FunctionUrl(
            f"{self._name}-url",
            function_name=function.name,
            qualifier=alias.name,
            authorization_type=auth,
            opts=self._child,
        )
        for caller in ["*"] if args.public else args.callers:
            who = "anybody" if caller == "*" else caller.rpartition("/")[2]
            # A URL made since October 2025 needs both.
            lambda_.Permission(
                f"{self._name}-{who}-url",
                action="lambda:InvokeFunctionUrl",
                function_url_auth_type=auth,
                function=function.name,
                qualifier=alias.name,
                principal=caller,
                opts=self._child,
            )
            lambda_.Permission(
                f"{self._name}-{who}-invoke",
                action="lambda:InvokeFunction",
                invoked_via_function_url=True,
                function=function.name,
                qualifier=alias.name,
                principal=caller,
                opts=self._child,
            )
        return url.function_url

    def _alarm(self, function: lambda_.Function) -> None:
        cloudwatch.MetricAlarm(
            f"{self._name}-errors",
            alarm_description="Calls of the scoring model fail.",
            namespace="AWS/Lambda",
            metric_name="Errors",
            dimensions={"FunctionName": function.name},
            statistic="Sum",
            period=60,
            evaluation_periods=5,
            datapoints_to_alarm=3,
            comparison_operator="GreaterThanThreshold",
            threshold=0,
            treat_missing_data="notBreaching",
            opts=self._child,
        )
