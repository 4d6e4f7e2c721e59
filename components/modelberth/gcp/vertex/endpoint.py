"""`VertexEndpoint`: a model endpoint in Vertex AI, on machines that are always there.

It is closed by default: networks of the project alone reach it, IAM asks who calls, the model's own prefix is
all that the containers may read, and what Vertex AI keeps of the models is encrypted with a key of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_gcp import vertex

from modelberth.arguments import asked, clean_errors, read_for
from modelberth.capabilities import require
from modelberth.contract import EndpointContract
from modelberth.gcp.encryption import EncryptionKey
from modelberth.gcp.endpoint_key import endpoint_key
from modelberth.gcp.identity import GcpIdentityArgs, Identity, identity
from modelberth.gcp.monitoring import budget, log_bucket
from modelberth.gcp.monitoring.component import GcpMonitoring
from modelberth.gcp.monitoring.logs import GcpLogs
from modelberth.gcp.needs import Needs
from modelberth.gcp.plan import Plan
from modelberth.gcp.services import GcpServices, GcpServicesArgs
from modelberth.gcp.vertex import access, agent, callers, deployment, names, versions, watching
from modelberth.gcp.vertex.capture import logging_config
from modelberth.gcp.vertex.contract import contract
from modelberth.gcp.vertex.deployed_model import DeployedModel
from modelberth.gcp.vertex.model import Model
from modelberth.gcp.vertex.shares import MODEL, PREVIOUS, shares
from modelberth.spec import EndpointSpec
from modelberth.spec.vertex import VertexTarget
from modelberth.target_image import chosen_for

__all__ = ["VertexEndpoint", "VertexEndpointArgs"]


@dataclass(frozen=True)
class VertexEndpointArgs:
    """What to serve, and in which project and region."""

    spec: EndpointSpec
    target: VertexTarget
    path: str = ""
    """Where the spec stands in the config, such as `endpoints[0]`: refusals begin with it."""
    image: pulumi.Input[str] | None = None
    """Serving image by digest, in Artifact Registry of the region, where the program itself builds it."""

    @classmethod
    def parse(cls, config: Mapping[str, object]) -> VertexEndpointArgs:
        """Read the arguments from a mapping shaped like an entry of a stack's config.

        Raises:
            pulumi.RunError: the mapping is wrong; each problem has its path.

        """
        return cls(*read_for(VertexTarget, config))


class VertexEndpoint(pulumi.ComponentResource):
    """An endpoint, versions of its model, what of them runs on it, what they run as and who may call."""

    contract: EndpointContract
    endpoint: vertex.AiEndpoint
    deployed: DeployedModel
    """What runs on the endpoint."""
    key: EncryptionKey
    """That what Vertex AI keeps of the models is encrypted with."""

    def __init__(
        self, name: str, args: VertexEndpointArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("modelberth:index:VertexEndpoint", name, asked(args.spec, args.target, opts), opts)
        with clean_errors():
            require(args.spec, args.target, args.path, has_image=args.image is not None)
            plan = Plan.of(args.spec, args.target, pulumi.get_project(), pulumi.get_stack())
        self._plan, self._args = plan, args
        enabled = GcpServicesArgs(plan.place, "vertex", budget.apis(plan.spec))
        self._services = GcpServices(f"{name}-services", enabled, pulumi.ResourceOptions(parent=self))
        self.key = endpoint_key(f"{name}-key", plan, "aiplatform", self._child())
        logs = GcpLogs(f"{name}-logs", watching.logs(plan, self.key), self._lasting())
        self.endpoint = self._endpoint(logs)
        models = self._models()
        runs_as = self._identity()
        allowed = agent.register(f"{name}-agent", plan, runs_as, self._child())
        self.deployed = self._deployed(models, runs_as, allowed)
        callers.register(f"{name}-invoke", plan, self.endpoint, self._child())
        self.contract = contract(
            plan,
            revision=models[MODEL].version_name,
            image=self._image(MODEL),
            logs=log_bucket.bucket_name(plan),
            dashboard=self._monitoring().dashboard_url,
        )
        self.register_outputs({"contract": self.contract.to_dict()})

    @property
    def url(self) -> pulumi.Output[str]:
        """Address that the endpoint is called by."""
        return pulumi.Output.from_input(self.contract.url)

    def _identity(self) -> Identity:
        plan = self._plan
        args = GcpIdentityArgs(names.account(plan), Needs(plan.spec, plan.place, "vertex"))
        return identity(f"{self.pulumi_resource_name}-identity", args, self._child())

    def _image(self, role: str) -> pulumi.Input[str]:
        is_previous = role == PREVIOUS
        return chosen_for(self._plan.spec, self._plan.target, self._args.image, is_previous=is_previous)

    def _monitoring(self) -> GcpMonitoring:
        args = watching.monitoring(self._plan, self.deployed)
        return GcpMonitoring(f"{self.pulumi_resource_name}-monitoring", args, self._child())

    def _endpoint(self, after: pulumi.Resource) -> vertex.AiEndpoint:
        """Register the endpoint; what runs on it, and who gets which requests, `_deployed` says."""
        plan = self._plan
        spec, place = plan.spec, plan.place
        # A list of projects cannot be changed either; the provider does not know it.
        own = pulumi.ResourceOptions(
            ignore_changes=["trafficSplit", "deployedModels"],
            replace_on_changes=["privateServiceConnectConfig", "dedicatedEndpointEnabled"],
            depends_on=[after],
        )
        return vertex.AiEndpoint(
            f"{self.pulumi_resource_name}-endpoint",
            name=access.endpoint_id(plan),
            display_name=plan.named(),
            description=f"Model endpoint {spec.name}.",
            project=place.project,
            location=place.region,
            region=place.region,
            encryption_spec={"kms_key_name": self.key.id},
            predict_request_response_logging_config=logging_config(spec, plan.target),
            labels=plan.labels,
            **access.config(spec, plan.target),
            opts=pulumi.ResourceOptions.merge(self._lasting(), own),
        )

    def _models(self) -> dict[str, Model]:
        plan = self._plan
        return {
            one.role: versions.register(
                f"{self.pulumi_resource_name}-model",
                plan,
                one,
                self._child(),
                image=self._image(one.role),
                key=self.key.id,
                path=self._args.path,
            )
            for one in shares(plan.spec)
        }

    def _deployed(
        self, models: Mapping[str, Model], runs_as: Identity, after: Sequence[pulumi.Resource]
    ) -> DeployedModel:
        after_these = pulumi.ResourceOptions(depends_on=[self.endpoint, *after])
        return deployment.register(
            f"{self.pulumi_resource_name}-deployed",
            self._plan,
            {role: model.version_name for role, model in models.items()},
            pulumi.ResourceOptions.merge(self._lasting(), after_these),
            account=runs_as.email,
            path=self._args.path,
        )

    def _child(self) -> pulumi.ResourceOptions:
        """Options of what comes after the APIs of the project, whatever it is made of itself."""
        return self._services.before(self)

    def _lasting(self) -> pulumi.ResourceOptions:
        """Options of what stays as long as the endpoint does, and holds up its deletion."""
        protected = pulumi.ResourceOptions(protect=self._plan.spec.protect or None)
        return pulumi.ResourceOptions.merge(self._child(), protected)
