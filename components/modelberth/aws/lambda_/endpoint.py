"""`LambdaEndpoint`: a model endpoint as a container function in AWS Lambda.

Idle it costs nothing unless `scaling.min` keeps environments warm. It is closed by default: IAM asks who
calls, the model's own prefix is all that the function may read, and everything that it leaves behind is
encrypted with a key of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_aws import lambda_

from modelberth.arguments import asked, clean_errors, read_for
from modelberth.aws import key_policy
from modelberth.aws.encryption import EncryptionKey
from modelberth.aws.endpoint_key import endpoint_key
from modelberth.aws.identity import AwsIdentityArgs, Identity, identity
from modelberth.aws.lambda_ import alias as aliases
from modelberth.aws.lambda_ import dead_letters, function, http_api, names, reach, scaling
from modelberth.aws.lambda_.contract import contract
from modelberth.aws.lambda_.front import front
from modelberth.aws.monitoring.component import AwsMonitoring, AwsMonitoringArgs
from modelberth.aws.monitoring.logs import AwsLogs, AwsLogsArgs
from modelberth.aws.monitoring.signals import VERSION
from modelberth.aws.needs import Needs
from modelberth.aws.object_events import ObjectEvents
from modelberth.aws.plan import Plan
from modelberth.capabilities import require
from modelberth.contract import EndpointContract
from modelberth.errors import SpecError
from modelberth.spec import EndpointSpec
from modelberth.spec.aws import FunctionUrl, HttpApi, LambdaTarget
from modelberth.target_image import chosen

__all__ = ["LambdaEndpoint", "LambdaEndpointArgs"]


@dataclass(frozen=True)
class LambdaEndpointArgs:
    """What to serve, and in which account and region."""

    spec: EndpointSpec
    target: LambdaTarget
    path: str = ""
    """Where the spec stands in the config, such as `endpoints[0]`: refusals begin with it."""
    image: pulumi.Input[str] | None = None
    """Serving image by digest, in ECR of the region, where the program itself builds it."""
    objects: ObjectEvents | None = None
    """Folders in S3 that the function reads from and writes to: see `AwsPredictionPipeline`. None: none."""

    @classmethod
    def parse(cls, config: Mapping[str, object]) -> LambdaEndpointArgs:
        """Read the arguments from a mapping shaped like an entry of a stack's config.

        Raises:
            pulumi.RunError: the mapping is wrong; each problem has its path.

        """
        return cls(*read_for(LambdaTarget, config))


class LambdaEndpoint(pulumi.ComponentResource):
    """A function, its versions behind an alias, the way to it, what it is encrypted with and watched by."""

    contract: EndpointContract
    arn: pulumi.Output[str]
    """ARN of the alias: what services of AWS invoke."""
    function: pulumi.Output[str]
    """Name of the function, once it has the alias."""
    key: EncryptionKey
    """That everything which the endpoint leaves behind is encrypted with."""

    def __init__(
        self, name: str, args: LambdaEndpointArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("modelberth:index:LambdaEndpoint", name, asked(args.spec, args.target, opts), opts)
        with clean_errors():
            require(args.spec, args.target, args.path, has_image=args.image is not None)
            if args.objects is not None and (found := [*args.objects.problems("objects")]):
                raise SpecError(*found)
            plan = Plan.of(args.spec, args.target, pulumi.get_project(), pulumi.get_stack())
        self._plan, self._objects = plan, args.objects
        image = chosen(args.spec, args.target, args.image)
        self.key = key = self._key()
        logs = self._logs(key)
        made = self._function(image, key, self._identity(key), logs)
        live = aliases.register(f"{name}-alias", plan, made, self._lasting())
        self.arn, self.function = live.arn, live.function_name
        dead_letters.register_retries(f"{name}-retries", plan, live, self._child())
        scaling.register(name, plan, live, self._child())
        way = self._reach(live, logs)
        watched = self._monitoring(key, way, made)
        self.contract = contract(
            plan, url=way.url, version=made.version, image=image, dashboard=watched.dashboard_name
        )
        self.register_outputs({"contract": self.contract.to_dict()})

    @property
    def url(self) -> pulumi.Output[str]:
        """Address of the endpoint."""
        return pulumi.Output.from_input(self.contract.url)

    def _key(self) -> EncryptionKey:
        plan, place = self._plan, self._plan.place
        uses = [
            key_policy.for_logs(place, *self._groups.values()),
            key_policy.for_functions(place, names.function_name(plan)),
        ]
        return endpoint_key(f"{self.pulumi_resource_name}-key", plan, uses, self._child())

    @property
    def _groups(self) -> dict[str, str]:
        plan = self._plan
        groups = {"function": names.log_group(plan)}
        if isinstance(front(plan.spec, plan.target), HttpApi):
            groups["access"] = names.access_log_group(plan)
        return groups

    def _logs(self, key: EncryptionKey) -> AwsLogs:
        args = AwsLogsArgs(self._plan, self._groups, key)
        return AwsLogs(f"{self.pulumi_resource_name}-logs", args, self._lasting())

    def _identity(self, key: EncryptionKey) -> Identity:
        plan = self._plan
        needs = Needs(
            plan.spec,
            plan.place,
            "lambda",
            names.log_group(plan),
            function=names.function_name(plan),
            vpc=plan.target.vpc is not None,
            dead_letters=names.queue_name(plan),
            requests=None if self._objects is None else self._objects.input,
            answers=None if self._objects is None else self._objects.output,
        )
        args = AwsIdentityArgs(names.role_name(plan), needs, key, tags=plan.tags)
        return identity(f"{self.pulumi_resource_name}-identity", args, self._child())

    def _function(
        self, image: pulumi.Input[str], key: EncryptionKey, runs_as: Identity, logs: AwsLogs
    ) -> lambda_.Function:
        name, plan = self.pulumi_resource_name, self._plan
        queue, rule = dead_letters.register_queue(f"{name}-dead-letters", plan, key.arn, self._lasting())
        after = pulumi.ResourceOptions.merge(self._lasting(), pulumi.ResourceOptions(depends_on=[rule]))
        return function.register(
            f"{name}-function",
            plan,
            after,
            image=image,
            role=runs_as.arn,
            key=key.arn,
            logs=logs.groups["function"].name,
            dead_letters=queue.arn,
            predictions=None if self._objects is None else self._objects.output,
        )

    def _reach(self, live: lambda_.Alias, logs: AwsLogs) -> reach.Reach:
        name, plan, opts = self.pulumi_resource_name, self._plan, self._child()
        match front(plan.spec, plan.target):
            case FunctionUrl() as way:
                return reach.by_url(name, plan, live, way, opts)
            case HttpApi() as way:
                return http_api.register(name, plan, live, logs.groups["access"], way, opts)
            case _:
                return reach.by_invocation(name, plan, live, opts)

    def _monitoring(self, key: EncryptionKey, way: reach.Reach, made: lambda_.Function) -> AwsMonitoring:
        plan, name = self._plan, names.function_name(self._plan)
        where: dict[str, pulumi.Input[str]] = {
            "function": name,
            "alias": f"{name}:{names.LIVE}",
            **way.where,
        }
        if aliases.traffic(plan.spec, plan.target).is_split:
            where[VERSION] = made.version
        args = AwsMonitoringArgs(
            plan,
            way.signals,
            where,
            key,
            names.log_group(plan),
            capacity=scaling.reserved(plan.spec),
            warm=plan.spec.scaling.min,
        )
        return AwsMonitoring(f"{self.pulumi_resource_name}-monitoring", args, self._child())

    def _child(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self)

    def _lasting(self) -> pulumi.ResourceOptions:
        """Options of what stays as long as the endpoint does, and holds up its deletion."""
        return pulumi.ResourceOptions(parent=self, protect=self._plan.spec.protect or None)
