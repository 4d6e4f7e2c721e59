"""`SageMakerEndpoint`: a model endpoint in Amazon SageMaker AI, on instances, serverless or behind a queue.

It is closed by default: IAM asks who calls, the containers have no network, the model's own prefix is all
that is read, and what it leaves behind is encrypted with a key of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

import pulumi
from pulumi_aws_native import sagemaker

from modelberth.arguments import asked, clean_errors, read_for
from modelberth.aws import key_policy
from modelberth.aws.encryption import EncryptionKey
from modelberth.aws.endpoint_key import endpoint_key
from modelberth.aws.identity import AwsIdentityArgs, Identity, identity
from modelberth.aws.monitoring.component import AwsMonitoring
from modelberth.aws.monitoring.logs import AwsLogs, AwsLogsArgs
from modelberth.aws.needs import Needs
from modelberth.aws.plan import Plan
from modelberth.aws.sagemaker import (
    asynchronous,
    callers,
    components,
    configuration,
    deployment,
    images,
    instance_pool,
    model,
    names,
    scaling,
    watching,
)
from modelberth.aws.sagemaker.contract import contract
from modelberth.aws.sagemaker.tags import tags
from modelberth.aws.sagemaker.variants import MODEL, PREVIOUS, by_components, scaled, variants
from modelberth.capabilities import require
from modelberth.contract import EndpointContract
from modelberth.errors import Problem, SpecError
from modelberth.spec import EndpointSpec
from modelberth.spec.sagemaker import Async, RealTime, SageMakerTarget, Serverless
from modelberth.target_image import chosen_for

__all__ = ["SageMakerEndpoint", "SageMakerEndpointArgs"]

_GOING_BACK_SECONDS: Final = 1800


@dataclass(frozen=True)
class SageMakerEndpointArgs:
    """What to serve, and in which account and region."""

    spec: EndpointSpec
    target: SageMakerTarget
    path: str = ""
    """Where the spec stands in the config, such as `endpoints[0]`: refusals begin with it."""
    image: pulumi.Input[str] | None = None
    """Serving image by digest, in ECR of the region, where the program itself builds it."""
    repository: str | None = None
    """ARN of the repository that holds `image`, where that is an output: replicas may pull from it."""

    @classmethod
    def parse(cls, config: Mapping[str, object]) -> SageMakerEndpointArgs:
        """Read the arguments from a mapping shaped like an entry of a stack's config.

        Raises:
            pulumi.RunError: the mapping is wrong; each problem has its path.

        """
        return cls(*read_for(SageMakerTarget, config))


class SageMakerEndpoint(pulumi.ComponentResource):
    """Models, a configuration, the endpoint that it is deployed to, what encrypts, scales and watches it."""

    contract: EndpointContract

    def __init__(
        self, name: str, args: SageMakerEndpointArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        asked_for = asked(args.spec, args.target, opts)
        super().__init__("modelberth:index:SageMakerEndpoint", name, asked_for, opts)
        with clean_errors():
            require(args.spec, args.target, args.path, has_image=args.image is not None)
            _require_repository(args)
            plan = Plan.of(args.spec, args.target, pulumi.get_project(), pulumi.get_stack())
        self._plan, self._args = plan, args
        key = self._key()
        logs = AwsLogs(f"{name}-logs", AwsLogsArgs(plan, self._groups, key), self._lasting())
        runs_as = self._identity(key)
        models = self._models(runs_as)
        topics = asynchronous.register(f"{name}-async", plan, key.arn, self._lasting())
        config = self._configuration(runs_as, configuration.Parts(models, key.arn, topics))
        watched = AwsMonitoring(f"{name}-monitoring", watching.monitoring(plan, key, config), self._child())
        made = self._endpoint(config, [*logs.groups.values(), *watching.rollback_resources(plan, watched)])
        self._replicas(made, models)
        callers.register(f"{name}-invoke", plan, self._child())
        revision = models[MODEL].name if by_components(plan.target.mode) else config
        self.contract = contract(
            plan, revision=revision, image=self._image(MODEL), dashboard=watched.dashboard_name
        )
        self.register_outputs({"contract": self.contract.to_dict()})

    @property
    def url(self) -> pulumi.Output[str]:
        """Address of SageMaker's API, which the endpoint is called by."""
        return pulumi.Output.from_input(self.contract.url)

    @property
    def _groups(self) -> dict[str, str]:
        return {"endpoint": names.log_group(self._plan)}

    def _key(self) -> EncryptionKey:
        uses = [key_policy.for_logs(self._plan.place, *self._groups.values())]
        return endpoint_key(f"{self.pulumi_resource_name}-key", self._plan, uses, self._child())

    def _identity(self, key: EncryptionKey) -> Identity:
        plan, mode = self._plan, self._plan.target.mode
        needs = Needs(
            plan.spec,
            plan.place,
            "sagemaker",
            names.log_group(plan),
            vpc=plan.target.vpc is not None,
            repositories=self._repositories(),
            capture=plan.target.capture,
            requests=mode.input if isinstance(mode, Async) else None,
            answers=mode.output if isinstance(mode, Async) else None,
            topics=asynchronous.topic_arns(plan),
            more=watching.rights(plan),
        )
        args = AwsIdentityArgs(names.role_name(plan), needs, key, tags=plan.tags)
        return identity(f"{self.pulumi_resource_name}-identity", args, self._child())

    def _image(self, variant: str) -> pulumi.Input[str]:
        is_previous = variant == PREVIOUS
        return chosen_for(self._plan.spec, self._plan.target, self._args.image, is_previous=is_previous)

    def _repositories(self) -> tuple[str, ...]:
        every = [self._image(one.name) for one in variants(self._plan.spec)]
        plain = [image for image in every if isinstance(image, str)]
        given = () if self._args.repository is None else (self._args.repository,)
        return tuple(dict.fromkeys((*images.repositories(self._plan.place, *plain), *given)))

    def _models(self, runs_as: Identity) -> dict[str, model.Model]:
        return {
            one.name: model.register(
                f"{self.pulumi_resource_name}-model-{one.name}",
                self._plan,
                one,
                self._child(),
                image=self._image(one.name),
                role=runs_as.arn,
            )
            for one in variants(self._plan.spec)
        }

    def _configuration(self, runs_as: Identity, parts: configuration.Parts) -> pulumi.Output[str]:
        name, plan = f"{self.pulumi_resource_name}-config", self._plan
        if not by_components(plan.target.mode):
            return configuration.register(name, plan, parts, self._child()).name
        pool = instance_pool.register(name, plan, self._child(), role=runs_as.arn, key=parts.key)
        # What SageMaker calls it is what it was told to.
        return pool.endpoint_config_name.apply(str)

    def _endpoint(self, config: pulumi.Output[str], after: list[pulumi.Resource]) -> sagemaker.Endpoint:
        """Register the endpoint.

        Its variants keep the number of instances that autoscaling has come to, and take their weights from
        the new configuration. Both are asked for in an update only: a first deployment has nothing to keep.
        """
        plan = self._plan
        spec, target = plan.spec, plan.target
        keeps = not isinstance(target.mode, Serverless)
        steered = deployment.deployment_config(spec, target, watching.rollback_alarms(plan))
        # SageMaker itself ends an update that takes too long, and goes back: that has to be seen.
        seconds = f"{deployment.seconds(spec) + _GOING_BACK_SECONDS}s"
        lasting = pulumi.ResourceOptions(
            depends_on=after,
            custom_timeouts=pulumi.CustomTimeouts(create=seconds, update=seconds),
            # No update makes an endpoint on instances serverless, and from serverless none leads back
            # (https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints-update.html). None takes
            # its queue away: "The AsyncInferenceConfig parameter cannot be removed from this endpoint"
            # (aws/sagemaker-python-sdk#3124).
            replacement_trigger="instances" if isinstance(target.mode, RealTime) else target.mode.kind,
            # Its name is callers', so the next one cannot be there before.
            delete_before_replace=True,
        )
        return sagemaker.Endpoint(
            f"{self.pulumi_resource_name}-endpoint",
            endpoint_name=names.endpoint_name(plan),
            endpoint_config_name=config,
            retain_all_variant_properties=True if keeps else None,
            exclude_retained_variant_properties=[{"variant_property_type": "DesiredWeight"}]
            if keeps
            else None,
            deployment_config=cast("sagemaker.EndpointDeploymentConfigArgsDict | None", steered),
            tags=tags(plan),
            opts=pulumi.ResourceOptions.merge(self._lasting(), lasting),
        )

    def _replicas(self, endpoint: sagemaker.Endpoint, models: Mapping[str, model.Model]) -> None:
        """Register what holds the number of replicas: autoscaling of variants, or copies of a component."""
        name, plan = self.pulumi_resource_name, self._plan
        if not by_components(plan.target.mode):
            scaling.register(f"{name}-scaling", plan, endpoint, scaled(plan.spec), self._child())
            return
        components.register(
            f"{name}-component",
            plan,
            endpoint=endpoint,
            endpoint_name=names.endpoint_name(plan),
            model_name=models[MODEL].name,
            rollback=watching.rollback_alarms(plan),
            opts=self._child(),
        )

    def _child(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self)

    def _lasting(self) -> pulumi.ResourceOptions:
        """Options of what stays as long as the endpoint does, and holds up its deletion."""
        return pulumi.ResourceOptions(parent=self, protect=self._plan.spec.protect or None)


def _require_repository(args: SageMakerEndpointArgs) -> None:
    if args.image is not None and not isinstance(args.image, str) and args.repository is None:
        hint = "It is `arn` of an AwsRegistry by the registry's name; the role may pull from that one only."
        problem = Problem("repository", "nothing", "the ARN of the repository that holds `image`", hint)
        raise SpecError(problem.under(args.path))
